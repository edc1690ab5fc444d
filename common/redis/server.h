/* server: which server it is that answers, and whether it will do, out of INFO. */
#ifndef COUNTERSIGN_REDIS_SERVER_H
#define COUNTERSIGN_REDIS_SERVER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { REDIS_RUN_ID_BYTES = 130, REDIS_POLICY_BYTES = 64, REDIS_REPLICATION_ID_BYTES = 64 };

struct redis_server {
    /* Which data set: its run_id, another one after every start of the server, and whom it followed until it was
     * promoted (master_replid2): one that was demoted and promoted again has taken another's data meanwhile. */
    char run_id[REDIS_RUN_ID_BYTES];
    char replication_id[REDIS_REPLICATION_ID_BYTES]; /* master_replid, another one after each promotion; "": not told */
    char eviction[REDIS_POLICY_BYTES];
    unsigned version; /* 602 for 6.2 */
    bool is_replica;
    bool is_full;     /* it has a limit of memory and is at it: writes are refused */
    uint64_t evicted; /* keys that it has forgotten for want of room since its start */
};

/* Reads the text that INFO answers. STORE_CORRUPT: it is none. */
MUST_USE enum status redis_server_parse(struct slice info, struct redis_server *ret_server);
/* Its `evicted`, out of INFO's section stats. */
uint64_t redis_server_evicted(struct slice info);
/* Whether it has followed nobody since, out of INFO or its section replication, of a server with the same run_id (which
 * does not change while a connection stands). Its own id changes with the first replica that it gets, too: that alone,
 * as long as it has never followed anybody, says nothing. */
MUST_USE bool redis_server_is_same(const struct redis_server *server, struct slice info);
/* Whether the server will do. BAD_INPUT: it will not, and the reason is appended to `why`. */
MUST_USE enum status redis_server_check(const struct redis_server *server, struct buf *why);

#endif
