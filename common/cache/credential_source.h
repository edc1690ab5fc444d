/* credential_source: where the credential cache asks: a port, with the durable store behind it. */
#ifndef COUNTERSIGN_CACHE_CREDENTIAL_SOURCE_H
#define COUNTERSIGN_CACHE_CREDENTIAL_SOURCE_H

#include "base/attributes.h"
#include "base/slice.h"
#include "loop/flow.h"

#include <stdbool.h>
#include <stdint.h>

struct durable_pool;

enum credential_kind {
    CREDENTIAL_PAIR,            /* client_id and oauth_token; an empty token asks for the client alone */
    CREDENTIAL_CLIENT,          /* client_id; with callbacks and all */
    CREDENTIAL_RESOURCE_SERVER, /* SHA-256 of its key; or none, and the names of its certificate */
    CREDENTIAL_KINDS,
};

/* Borrowed. */
struct credential_key {
    enum credential_kind kind;
    struct slice first;
    struct slice second; /* a pair's token, a certificate's names; else empty */
};

struct credential_source {
    /* Completes with a struct credential_pair, client or resource_server, by the key's kind; NOT_FOUND (never for a
     * pair). The key is copied. `current`: all that is committed by now, however it is asked. */
    void (*find_start)(struct credential_source *source, const struct credential_key *key, bool current,
                       struct ticket ticket);
    int64_t lag_ms; /* how far an answer that is not current may lie behind; 0: it never does */
};

/* How far a replica may lag. One that lags further must not be used (README: replicas). */
enum { CREDENTIAL_REPLICA_LAG_MS = 60 * 1000 };

/* The durable store. `source` comes first. */
struct credential_store {
    struct credential_source source;
    struct durable_pool *durable;
};

/* Nothing to be freed; the pool is borrowed. */
void credential_store_init(struct credential_store *store, struct durable_pool *durable, bool has_replica);

#endif
