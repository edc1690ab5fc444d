/* users: resource owners (RFC 5849 §1.1).
 *
 * `subject` is what resource servers see as `sub`: the site's own name for a user where login is delegated, else the
 * decimal id. */
#ifndef COUNTERSIGN_DURABLE_USERS_H
#define COUNTERSIGN_DURABLE_USERS_H

#include "base/arena.h"
#include "durable/durable.h"

struct durable_pool;
struct ticket;

struct user {
    struct arena arena;
    int64_t id;
    int64_t version;
    struct slice subject;
    struct slice username;
    struct slice email;
    struct slice password_hash; /* empty: cannot log in with a password */
    bool disabled;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t generation; /* how often the user was disabled */
};

struct user_page {
    struct arena arena;
    struct user *users; /* without password hashes */
    size_t count;
};

void user_free(void *user);
void user_page_free(void *page);

/* An empty subject becomes the decimal id, or user-ID where a site's own number (import, delegated login) is the same.
 * BAD_INPUT: username empty or over 255 bytes; CONFLICT: username or subject
 * is taken. */
MUST_USE enum status durable_user_create_blocking(struct durable *db, const struct user *user, int64_t *ret_id);
/* The user with this subject; made if there is none (delegated login, trusted header), renamed if the name is new.
 * CONFLICT: the name is another's. */
MUST_USE enum status durable_user_ensure_blocking(struct durable *db, struct slice subject, struct slice username,
                                                  struct user **ret_user);
/* NOT_FOUND. */
MUST_USE enum status durable_user_find_by_name_blocking(struct durable *db, struct slice username,
                                                        struct user **ret_user);
MUST_USE enum status durable_user_find_by_subject_blocking(struct durable *db, struct slice subject,
                                                           struct user **ret_user);
MUST_USE enum status durable_user_find_blocking(struct durable *db, int64_t id, struct user **ret_user);
MUST_USE enum status durable_user_list_blocking(struct durable *db, struct page_request page,
                                                struct user_page **ret_page);
/* NOT_FOUND. Ends sessions (by the change), not tokens. */
MUST_USE enum status durable_user_set_password_blocking(struct durable *db, int64_t id, struct slice hash);
/* Disabling revokes the user's tokens for good. NOT_FOUND. */
MUST_USE enum status durable_user_disable_blocking(struct durable *db, int64_t id);
MUST_USE enum status durable_user_enable_blocking(struct durable *db, int64_t id);
/* The user and the user's tokens are gone. NOT_FOUND. */
MUST_USE enum status durable_user_delete_blocking(struct durable *db, int64_t id);

/* Complete with a struct user. */
void durable_user_find_start(struct durable_pool *pool, int64_t id, struct ticket ticket);
void durable_user_find_by_name_start(struct durable_pool *pool, struct slice username, struct ticket ticket);
void durable_user_find_by_subject_start(struct durable_pool *pool, struct slice subject, struct ticket ticket);
void durable_user_ensure_start(struct durable_pool *pool, struct slice subject, struct slice username,
                               struct ticket ticket);
/* With a struct user_page. */
void durable_user_list_start(struct durable_pool *pool, struct page_request page, struct ticket ticket);
/* With nothing but the status. */
void durable_user_create_start(struct durable_pool *pool, const struct user *user, struct ticket ticket);
void durable_user_set_password_start(struct durable_pool *pool, int64_t id, struct slice hash, struct ticket ticket);
void durable_user_disable_start(struct durable_pool *pool, int64_t id, struct ticket ticket);
void durable_user_enable_start(struct durable_pool *pool, int64_t id, struct ticket ticket);
void durable_user_delete_start(struct durable_pool *pool, int64_t id, struct ticket ticket);

#endif
