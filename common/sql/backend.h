/* backend: what each kind of database is to sql.h. `const struct sql_backend sql_NAME_backend` is defined beside the
 * database of each line of DURABLE_KINDS (store/store_url.h). */
#ifndef COUNTERSIGN_SQL_BACKEND_H
#define COUNTERSIGN_SQL_BACKEND_H

#include "sql/sql.h"
#include "store/store_url.h"

/* As sql_open_blocking, sql_check_blocking, sql_find_others_blocking and sql_password_of; `rest` is what follows the
 * URL's scheme. All but password_of must be there. */
struct sql_backend {
    enum status (*open_blocking)(struct slice rest, const struct sql_options *options, struct buf *why,
                                 struct sql **ret_sql);
    enum status (*check_blocking)(struct slice rest, const struct sql_options *options, struct buf *why);
    enum status (*find_others_blocking)(struct slice rest, const struct sql_options *options, struct buf *why,
                                        struct buf *others);
    enum status (*password_of)(struct slice rest, const struct sql_options *options, struct buf *why,
                               char ret_password[PASSWORD_BYTES]); /* NULL: there are none */
};

#define SQL_BACKEND(NAME, name, help) extern const struct sql_backend sql_##name##_backend;
DURABLE_KINDS(SQL_BACKEND)
#undef SQL_BACKEND

#endif
