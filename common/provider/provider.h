/* provider: what both services verify with: the rules, the stores, and each loop's own part.
 *
 * Opened once, before the loops run; freed after they have ended. A loop's part is used by that
 * loop's thread alone (request->loop_index). */
#ifndef COUNTERSIGN_PROVIDER_PROVIDER_H
#define COUNTERSIGN_PROVIDER_PROVIDER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "cache/credential_cache.h"
#include "changes/feed.h"
#include "config/config.h"
#include "crypto/shared_keys.h"
#include "durable/pool.h"
#include "ephemeral/ephemeral.h"
#include "loop/flow.h"
#include "oauth/signature.h"
#include "verify/check.h"

#include <stddef.h>

struct loop;

/* How long a store may take. After that the answer is 503. */
enum { STORE_TIMEOUT_MS = 200 };
/* How long a deed of the admin port may take, and a change on a page that cannot be sent again: it shows something
 * once, or ends what it is proved by. It is one transaction of a few statements, each of which has
 * SQL_SERVICE_ANSWER_MS; the pool refuses at once where the server cannot be reached. */
enum { DEED_TIMEOUT_MS = 5000 };

struct provider_loop {
    struct ephemeral *ephemeral;
    struct credential_view *credentials;
    struct signer signer;
};

struct provider {
    struct check_rules rules;
    struct durable_pool *durable;
    struct change_feed *feed; /* listeners are added before the loops run */
    struct shared_keys *keys; /* what cookies are sealed with; from any thread */
    struct provider_loop *loops;
    size_t loop_count;
    struct provider_stores *stores; /* this module's */
};

/* Opens the stores that the configuration names and gives each loop its part. `service_name`: each
 * service has its own memory store. The clock is borrowed. On failure a text for the operator is appended to
 * `why`, and nothing stays open. BAD_INPUT: a URL, a key, or a schema that does not fit; STORE_DOWN;
 * STORE_CORRUPT; NO_MEMORY. */
MUST_USE enum status provider_open_blocking(struct config *config, const char *service_name, const struct clock *clock,
                                            struct loop *const *loops, size_t loop_count, struct buf *why,
                                            struct provider *ret_provider);
/* What provider_open_blocking would refuse of the configuration itself, without touching a store: a line for each
 * problem is appended to `problems`. BAD_INPUT; NO_MEMORY. */
MUST_USE enum status provider_check_blocking(const struct config *config, struct buf *problems);
/* SIGHUP: takes over the sealing keys and the stores' passwords of a configuration that was read again, while requests
 * go on. Other keys are held against the database first, which takes seconds where it is slow: not on a loop's thread,
 * and on one thread at a time. On failure all stay as they were, and a text is appended to `why`. BAD_INPUT;
 * STORE_DOWN: the database could not be asked; NO_MEMORY. */
MUST_USE enum status provider_reload_blocking(struct provider *provider, const struct config *fresh, struct buf *why);
/* Call this after the loops have ended. `clean`: every request was finished, so the live nonces can be saved. Otherwise
 * the next start is guarded (docs/design/nonce-guard.md). A zeroed provider is fine. */
void provider_close_blocking(struct provider *provider, bool clean);

/* Says why nothing is accepted for `guard_s` more seconds (ephemeral_guard_s). Writes nothing if guard_s is 0. */
void provider_write_guard(int64_t guard_s, struct buf *out);
/* Says what keeps fresh requests from being accepted, for how long, and what to do about it. Writes nothing while they
 * are accepted. Called on the first loop. */
void provider_write_trouble(const struct provider *provider, struct buf *out);
/* Says that the schema was a later version's when the provider was opened. Writes nothing if it was not. */
void provider_write_note(const struct provider *provider, struct buf *out);

/* Whether anybody is still served while the database does not answer. One that answers and is of no use (it takes no
 * writes: the disk is full, say) serves nobody. */
bool provider_outlasts_database(const struct provider *provider);

/* Sets oauth1_clock_skew_seconds, oauth1_guard_seconds and oauth1_accepted_lead_seconds; on the first loop. */
void provider_measure(const struct provider *provider);

#endif
