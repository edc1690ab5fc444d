/* sealed: secrets at rest, AES-256-GCM under a list of keys (docs/design/protocol.md, "What is kept where").
 *
 * The first key encrypts, all decrypt. The additional data binds a sealed secret to its row, so
 * that one moved to another row does not open. Layout: 1 byte version (1), 1 byte length of the
 * key's id, the id, 12 bytes nonce, ciphertext, 16 bytes tag. A keyring is immutable after it was
 * parsed, may be used by any thread, and is wiped when its last holder frees it. */
#ifndef COUNTERSIGN_CRYPTO_SEALED_H
#define COUNTERSIGN_CRYPTO_SEALED_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

struct keyring;

/* Parses OAUTH1_SECRETS_KEYS, `id:base64[,id:base64…]`: an id of 1 to 32 letters, digits, '-' or
 * '_', a key of 32 bytes, no id twice. STATUS_BAD_INPUT: *ret_why says what is wrong (a static
 * text without any key in it). The caller frees with keyring_free. */
MUST_USE enum status keyring_parse(struct slice text, struct keyring **ret_keys, const char **ret_why);
/* Adds a holder to the keyring, who has to free it too. Any thread that holds it may call this. NULL stays NULL. */
MUST_USE struct keyring *keyring_share(struct keyring *keys);
/* Takes a holder away. The keyring is wiped and freed with its last holder. NULL is fine. */
void keyring_free(struct keyring *keys);

/* Whether both hold the same keys in the same order. */
bool keyring_is_same(const struct keyring *a, const struct keyring *b);

/* How many keys there are: 1 to 16. */
size_t keyring_count(const struct keyring *keys);
/* The id of the key at `index`, which is 0 for the one that encrypts. It lives as long as the keyring. */
struct slice keyring_id(const struct keyring *keys, size_t index);
/* Whether there is a key of that id. */
bool keyring_has(const struct keyring *keys, struct slice id);
/* Names the key that sealed this, whether or not a keyring has it. Absent: that is no sealed secret. */
struct slice sealed_key_id(struct slice sealed);

/* Appends the sealed secret to `out`. Errors: STATUS_NO_RANDOMNESS, STATUS_NO_MEMORY. */
MUST_USE enum status sealed_seal(const struct keyring *keys, struct slice secret, struct slice row, struct buf *out);
/* Appends an empty secret, sealed by the key of that id: it opens by the same bytes alone. STATUS_NOT_FOUND: there is
 * no such key; errors as above. */
MUST_USE enum status sealed_prove(const struct keyring *keys, struct slice id, struct slice row, struct buf *out);
/* Appends the secret to `out`. STATUS_STORE_CORRUPT: no such key, another row, or changed bytes. */
MUST_USE enum status sealed_open(const struct keyring *keys, struct slice sealed, struct slice row, struct buf *out);

#endif
