/* shared_keys: the keyring that a process seals with now. It is exchanged while other threads seal and open (SIGHUP).
 */
#ifndef COUNTERSIGN_CRYPTO_SHARED_KEYS_H
#define COUNTERSIGN_CRYPTO_SHARED_KEYS_H

#include "base/attributes.h"
#include "crypto/sealed.h"

#include <pthread.h>

struct shared_keys {
    pthread_mutex_t lock;
    struct keyring *keys; /* under the lock */
};

/* Becomes a holder of `keys`, which may be NULL. */
void shared_keys_init(struct shared_keys *shared, struct keyring *keys);
/* No thread uses it any more. */
void shared_keys_done(struct shared_keys *shared);

/* Both from any thread. What was taken before stays good until its holder frees it. */
void shared_keys_set(struct shared_keys *shared, struct keyring *keys);
/* The caller frees with keyring_free. NULL only where there are no keys. */
MUST_USE struct keyring *shared_keys_take(struct shared_keys *shared);

#endif
