/* redis_start: what the stores on one Redis and on a Cluster have in common: how they are opened, what is checked of a
 * server before, and what their backends and views answer alike. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_START_H
#define COUNTERSIGN_EPHEMERAL_REDIS_START_H

#include "ephemeral/ephemeral.h"

struct redis_blocking;
struct redis_store;

struct redis_opening {
    const struct ephemeral_store_ops *ops;
    /* Checks the servers and makes the keeper. */
    enum status (*open_blocking)(struct redis_store *store, struct buf *why);
};

/* Reads the URL, and opens. As the backend's open_blocking. */
MUST_USE enum status redis_store_make_blocking(const struct redis_opening *opening, struct slice url,
                                               const struct ephemeral_options *options, struct buf *why,
                                               struct ephemeral_store **ret_store);
/* Whether this server will do: its version, no eviction, a primary, and of several of a Cluster only where the URL is a
 * Cluster's. Otherwise why not is appended to `why`. */
MUST_USE enum status redis_start_check(const struct redis_store *store, const char *shown, struct redis_blocking *redis,
                                       struct buf *why);

/* struct ephemeral_store_ops and struct ephemeral_backend */
MUST_USE enum status redis_store_save_blocking(struct ephemeral_store *store);
void redis_store_set_keys(struct ephemeral_store *store, struct keyring *keys);
void redis_store_free(struct ephemeral_store *store);
MUST_USE enum status redis_store_check_blocking(struct slice url, struct slice password, struct buf *why);
MUST_USE enum status redis_store_passwords_of(struct slice url, struct slice password, struct buf *why,
                                              struct ephemeral_passwords *ret_passwords);
/* struct ephemeral_ops */
int64_t redis_view_now_ms(const struct ephemeral *view);
int64_t redis_view_ahead_ms(const struct ephemeral *view);
/* struct redis_hooks */
void redis_view_took(int64_t duration_ns);

#endif
