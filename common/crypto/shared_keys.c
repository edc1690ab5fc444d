#include "crypto/shared_keys.h"

void shared_keys_init(struct shared_keys *shared, struct keyring *keys)
{
    (void)pthread_mutex_init(&shared->lock, NULL);
    shared->keys = keyring_share(keys);
}

void shared_keys_done(struct shared_keys *shared)
{
    keyring_free(shared->keys);
    (void)pthread_mutex_destroy(&shared->lock);
}

void shared_keys_set(struct shared_keys *shared, struct keyring *keys)
{
    (void)pthread_mutex_lock(&shared->lock);
    struct keyring *before = shared->keys;
    shared->keys = keyring_share(keys);
    (void)pthread_mutex_unlock(&shared->lock);
    keyring_free(before);
}

struct keyring *shared_keys_take(struct shared_keys *shared)
{
    (void)pthread_mutex_lock(&shared->lock);
    struct keyring *keys = keyring_share(shared->keys);
    (void)pthread_mutex_unlock(&shared->lock);
    return keys;
}
