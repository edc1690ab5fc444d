/* backend: what each ephemeral store is to its port. `const struct ephemeral_backend ephemeral_NAME_backend` is defined
 * beside the store of each line of EPHEMERAL_KINDS (store/store_url.h). */
#ifndef COUNTERSIGN_EPHEMERAL_BACKEND_H
#define COUNTERSIGN_EPHEMERAL_BACKEND_H

#include "ephemeral/ephemeral.h"
#include "store/store_url.h"

/* As the functions of the port (ephemeral.h) that have their names; a store without what they ask for has NULL. */
struct ephemeral_backend {
    enum status (*open_blocking)(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                 struct ephemeral_store **ret_store);
    enum status (*check_blocking)(struct slice url, struct slice password, struct buf *why);
    enum status (*passwords_of)(struct slice url, struct slice password, struct buf *why,
                                struct ephemeral_passwords *ret_passwords);
    enum status (*janitor_blocking)(const struct ephemeral_janitor *janitor, struct buf *why, int64_t *ret_count);
};

#define EPHEMERAL_BACKEND(NAME, name, help) extern const struct ephemeral_backend ephemeral_##name##_backend;
EPHEMERAL_KINDS(EPHEMERAL_BACKEND)
#undef EPHEMERAL_BACKEND

#endif
