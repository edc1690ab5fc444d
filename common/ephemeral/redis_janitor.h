/* redis_janitor: finds the sets of nonces that a killed process left in Redis without an expiry (redis_nonces.h). */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_JANITOR_H
#define COUNTERSIGN_EPHEMERAL_REDIS_JANITOR_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

struct redis_janitor_options {
    struct slice redis_url; /* OAUTH1_REDIS_URL; memory: has nothing to be found */
    struct slice redis_password;
    int64_t skew_ms; /* OAUTH1_TIMESTAMP_SKEW */
};

/* Gives each such set the expiry that its name says, and tells how many there were. One command a key, so that nobody
 * waits for long. On failure a text for the operator is appended to `why`. BAD_INPUT: the URL; STORE_DOWN. */
MUST_USE enum status redis_janitor_blocking(const struct redis_janitor_options *options, struct buf *why,
                                            int64_t *ret_count);

#endif
