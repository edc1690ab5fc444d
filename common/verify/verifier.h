/* verifier: what both services verify with: the rules, the stores, and each loop's own part.
 *
 * Opened once, before the loops run; freed after they have ended. A loop's part is used by that
 * loop's thread alone (request->loop_index). */
#ifndef COUNTERSIGN_VERIFY_VERIFIER_H
#define COUNTERSIGN_VERIFY_VERIFIER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/signature.h"
#include "store/db_pool.h"
#include "store/ephemeral.h"
#include "verify/check.h"

#include <stddef.h>

struct loop;

/* How long a store may take; then the answer is 503. */
enum { STORE_TIMEOUT_MS = 200 };

struct verifier_options {
    struct check_rules rules;
    struct slice database_url;
    struct slice redis_url;
    struct slice secrets_keys; /* OAUTH1_SECRETS_KEYS */
    size_t database_pool;      /* connections that read */
    int64_t temp_ttl_ms;
    struct slice service_name; /* each has its own memory store: "auth-service" */
    const struct clock *clock; /* borrowed */
};

struct verifier_loop {
    struct ephemeral *ephemeral;
    struct signer signer;
};

struct verifier {
    struct check_rules rules;
    struct db_pool *db;
    struct verifier_loop *loops;
    size_t loop_count;
    struct verifier_stores *stores; /* this module's */
};

/* Opens the stores and gives each loop its part. On failure a text for the operator is appended to
 * `why`, and nothing stays open. BAD_INPUT: a URL, a key, or a schema that does not fit; STORE_DOWN;
 * STORE_CORRUPT; NO_MEMORY. */
MUST_USE enum status verifier_open_blocking(const struct verifier_options *options, struct loop *const *loops,
                                            size_t loop_count, struct buf *why, struct verifier *ret_verifier);
/* The loops have ended. `clean`: every request was finished, so the live nonces may be saved; without
 * it the next start is guarded (security.md §1.6). Fine for a zeroed one. */
void verifier_close_blocking(struct verifier *verifier, bool clean);

#endif
