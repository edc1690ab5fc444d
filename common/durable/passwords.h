/* passwords: hashes that came from other systems: what they cost to verify, and how they are replaced.
 *
 * Invariant: for each kind that a user's hash is of, but our own, there is a row that costs no less. */
#ifndef COUNTERSIGN_DURABLE_PASSWORDS_H
#define COUNTERSIGN_DURABLE_PASSWORDS_H

#include "base/arena.h"
#include "crypto/password_kind.h"
#include "durable/durable.h"

struct durable_pool;
struct audit_entry;
struct ticket;

/* For each kind in the store, but our own, the most that a hash of it costs. */
struct password_works {
    struct arena arena;
    struct password_work works[PASSWORD_KIND_COUNT];
    size_t count;
};

void password_works_free(void *works);

/* What the store's hashes cost. */
MUST_USE enum status durable_password_works_blocking(struct durable *db, struct password_works **ret_works);
/* Completes with a struct password_works. */
void durable_password_works_start(struct durable_pool *pool, struct ticket ticket);

/* Within the transaction that writes the hash, which is any that password_kind_judge takes, or empty. */
MUST_USE enum status durable_password_note_blocking(struct durable *db, struct slice hash);
/* Forgets the kinds that no user's hash is of any more. */
MUST_USE enum status durable_password_forget_blocking(struct durable *db);

/* The same password, hashed otherwise: nobody is logged out. CONFLICT: the user's hash is not `old_hash` (any more). */
MUST_USE enum status durable_password_rehash_blocking(struct durable *db, int64_t user, struct slice old_hash,
                                                      struct slice new_hash);
/* Completes with nothing but the status. */
void durable_password_rehash_start(struct durable_pool *pool, int64_t user, struct slice old_hash,
                                   struct slice new_hash, struct ticket ticket);

/* Another password, of one who has proved to know that of `old_hash`: the user's sessions end. CONFLICT: the user's
 * hash is not `old_hash` (any more), so that he proved nothing. */
MUST_USE enum status durable_password_change_blocking(struct durable *db, int64_t user, struct slice old_hash,
                                                      struct slice new_hash);
/* Likewise. */
void durable_password_change_start(struct durable_pool *pool, int64_t user, struct slice old_hash,
                                   struct slice new_hash, const struct audit_entry *audit, struct ticket ticket);

#endif
