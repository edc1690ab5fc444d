/* sealing_keys: which keys of OAUTH1_SECRETS_KEYS are in use (docs/operations.md, "The sealing keys").
 *
 * The table sealing_keys names every key that may have sealed a secret, a client's or a token's, that is still good.
 * Whoever writes a secret makes sure in the same transaction that its key is named there and not about to be taken
 * out. What ended keeps no key: a hint that it was rotated out is all that is lost with it. */
#ifndef COUNTERSIGN_DURABLE_SEALING_KEYS_H
#define COUNTERSIGN_DURABLE_SEALING_KEYS_H

#include "base/arena.h"
#include "durable/durable.h"

enum sealing_key_state {
    SEALING_KEY_HELD,     /* the keyring has it */
    SEALING_KEY_UNPROVEN, /* it has one of that id, and nothing shows yet that it is the same */
    SEALING_KEY_OTHER,    /* it has other bytes under that id */
    SEALING_KEY_MISSING,
};

struct sealing_key {
    struct slice id;
    enum sealing_key_state state;
};

struct sealing_key_page {
    struct arena arena;
    struct sealing_key *keys;
    size_t count;
};

/* oauth1_sealing_key_in_use, which each list brings up to date. */
MUST_USE enum status durable_sealing_metric_register(void);

/* Those in use, in the order of their ids, in one read. The caller frees with sealing_key_page_free. */
MUST_USE enum status durable_sealing_keys_list_blocking(struct durable *db, struct sealing_key_page **ret_page);
void sealing_key_page_free(void *page);

/* Whether the keyring has every key that is in use. STORE_CORRUPT: it has not; a text that names the key and what to do
 * is appended to `why`, and to that of other failures what the database said. */
MUST_USE enum status durable_sealing_keys_check_blocking(struct durable *db, struct buf *why);

/* Takes a key out of the table though it sealed secrets: they are lost, and their clients answered 503. NOT_FOUND. */
MUST_USE enum status durable_sealing_key_forget_blocking(struct durable *db, struct slice id);

#endif
