/* database: a connection to a durable store whose schema fits, for services and commands alike. */
#ifndef COUNTERSIGN_DURABLE_DATABASE_H
#define COUNTERSIGN_DURABLE_DATABASE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "sql/sql.h"

/* Opens the URL and looks at the schema. An embedded database (SQLite) is made and brought up to date
 * here, so that nothing needs to be run before the first start; elsewhere `auth-service migrate up` is
 * the operator's decision, and a schema that does not fit is refused. BAD_INPUT: URL or schema;
 * STORE_DOWN (tried again until options->patience_ms have passed), STORE_CORRUPT as sql.h. On failure a
 * text for the operator is appended to `why`, and so it is on success where the schema is that of a later
 * version (SCHEMA_AHEAD). The caller closes (sql_close). */
MUST_USE enum status database_open_blocking(struct slice url, const struct sql_options *options,
                                            const struct clock *clock, struct buf *why, struct sql **ret_sql);

#endif
