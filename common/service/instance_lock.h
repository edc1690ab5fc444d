/* instance_lock: an embedded store is one process's. Each service holds an exclusive lock beside the
 * SQLite file, so that a second `serve` is an error and not a second memory of nonces. */
#ifndef COUNTERSIGN_SERVICE_INSTANCE_LOCK_H
#define COUNTERSIGN_SERVICE_INSTANCE_LOCK_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* *ret_fd is to be closed at the end; -1 where the database is not embedded. STATUS_BAD_INPUT: `why`
 * says who holds it, or what is wrong with the folder. */
MUST_USE enum status instance_lock_take(struct slice database_url, const char *service, struct buf *why, int *ret_fd);

#endif
