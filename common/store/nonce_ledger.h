/* nonce_ledger: what a nonce store must remember across a restart, kept by somebody durable.
 *
 * Invariants: `open` writes, before it returns, that the store named so is in use; a store that was not closed by
 * `save` has therefore lost nonces when it is opened again. What `save` wrote is taken out by the next `open` in the
 * same transaction that reads it, so that an old copy can never make a later crash look like a clean stop. */
#ifndef COUNTERSIGN_STORE_NONCE_LEDGER_H
#define COUNTERSIGN_STORE_NONCE_LEDGER_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum nonce_opening {
    NONCES_FIRST, /* never opened before: nothing can be replayed */
    NONCES_SAVED, /* stopped cleanly: the nonces are in the result */
    NONCES_LOST,  /* opened and not saved, or another store was in use since: a guard is needed */
};

enum { NONCE_HASH_KEY_BYTES = 16 };

/* A nonce as the store keeps it: the second of its timestamp, and a keyed hash of the rest. */
struct saved_nonce {
    int64_t timestamp_s;
    uint64_t hash;
};

struct nonce_state {
    enum nonce_opening opening;
    int64_t at_ms; /* the store's clock when it was last opened or saved: its clock never goes behind that */
    unsigned char hash_key[NONCE_HASH_KEY_BYTES]; /* NONCES_SAVED */
    struct saved_nonce *nonces;                   /* NONCES_SAVED; malloc'ed */
    size_t count;
};

void nonce_state_done(struct nonce_state *state);

typedef enum status (*nonce_begin_fn)(void *context, enum nonce_opening opening);

/* The name of the store that all services share. */
#define NONCE_STORE_SHARED "redis"

struct nonce_ledger {
    enum status (*open_blocking)(struct nonce_ledger *ledger, struct slice name, int64_t now_ms,
                                 struct nonce_state *ret_state);
    enum status (*save_blocking)(struct nonce_ledger *ledger, struct slice name, const struct nonce_state *state);
    /* For a store that keeps its nonces by itself and is shared: marks it as in use. Unless it just goes on, `begin` is
     * called within the same transaction, which makes all who start at the same time wait: with NONCES_FIRST where no
     * store was ever in use, with NONCES_LOST where another was since this one. It may be called again, and its failure
     * is returned. */
    enum status (*mark_blocking)(struct nonce_ledger *ledger, struct slice name, int64_t now_ms, nonce_begin_fn begin,
                                 void *context);
};

struct credentials;

/* The durable store's. `ledger` comes first; `db` is borrowed and used by the calling thread. */
struct credentials_nonce_ledger {
    struct nonce_ledger ledger;
    struct credentials *db;
};

/* Nothing to be freed; `db` must outlive it. */
void credentials_nonce_ledger_init(struct credentials_nonce_ledger *ledger, struct credentials *db);

#endif
