/* users: resource owners (RFC 5849 §1.1).
 *
 * `subject` is what resource servers see as `sub`, and no two users have the same. A user has a source, and the two
 * never meet: an account that was made here has a subject that no site may use (USER_LOCAL_PREFIX and its id; in
 * databases of earlier versions also a bare number), and logs in with a password; a site's user has the subject that
 * the site gave (delegated login, trusted header, import). User names are unique among the accounts made here alone,
 * and new ones do not differ by case alone. */
#ifndef COUNTERSIGN_DURABLE_USERS_H
#define COUNTERSIGN_DURABLE_USERS_H

#include "base/arena.h"
#include "durable/durable.h"

struct durable_pool;
struct audit_entry;
struct ticket;

enum user_source { USER_MADE_HERE, USER_OF_SITE };

/* "here", "site": for people. */
const char *user_source_name(enum user_source source);

#define USER_LOCAL_PREFIX "local-"

/* X(member, what SELECT asks for). A password_hash that is empty lets nobody log in with a password. */
#define USER_TEXTS(X)                            \
    X(subject, "subject")                        \
    X(username, "COALESCE(site_name, username)") \
    X(email, "email")                            \
    X(password_hash, "password_hash")

#define USER_MEMBER(member, ...) struct slice member;
struct user {
    struct arena arena;
    int64_t id;
    int64_t version;
    enum user_source source;
    USER_TEXTS(USER_MEMBER);
    bool disabled;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t generation; /* how often the user was disabled */
};
#undef USER_MEMBER

struct user_page {
    struct arena arena;
    struct user *users; /* without password hashes */
    size_t count;
};

void user_free(void *user);
void user_page_free(void *page);

/* Whether a site may call a user so: 1 to 255 bytes without control characters, and not as accounts made here are. */
MUST_USE bool user_subject_is_sites(struct slice subject);
/* Whether accounts made here are called so. */
MUST_USE bool user_subject_is_local(struct slice subject);

/* An account made here gets its subject, or brings one that it got in another database; a site's user brings one. An
 * account that is as old as it says has created_ms. BAD_INPUT: a subject that is not the source's; the
 * user name is empty or over 255 bytes. CONFLICT: the subject, or the name of an account made here, is taken (in
 * whatever case). */
MUST_USE enum status durable_user_create_blocking(struct durable *db, const struct user *user, int64_t *ret_id);
/* The site's user with this subject; made if there is none, renamed if the name is new. An absent name: the one it has,
 * or the subject. BAD_INPUT: no site may use this subject. CONFLICT: it is that of an account made here (of an earlier
 * version's, whose subject is a number). */
MUST_USE enum status durable_user_ensure_blocking(struct durable *db, struct slice subject, struct slice username,
                                                  struct user **ret_user);
/* Gives an account made here the subject that such accounts get now; what it owned is its own under the new one. OK
 * also if it has it. NOT_FOUND; BAD_INPUT: a site's user. */
MUST_USE enum status durable_user_set_local_subject_blocking(struct durable *db, int64_t id);
/* An account made here. NOT_FOUND. */
MUST_USE enum status durable_user_find_by_name_blocking(struct durable *db, struct slice username,
                                                        struct user **ret_user);
/* An account made here, by what somebody types to log in: its user name, or an e-mail address (in whatever case) that
 * no other account has. NOT_FOUND. */
MUST_USE enum status durable_user_find_by_login_blocking(struct durable *db, struct slice text, struct user **ret_user);
MUST_USE enum status durable_user_find_by_subject_blocking(struct durable *db, struct slice subject,
                                                           struct user **ret_user);
MUST_USE enum status durable_user_find_blocking(struct durable *db, int64_t id, struct user **ret_user);
MUST_USE enum status durable_user_list_blocking(struct durable *db, struct page_request page,
                                                struct user_page **ret_page);
/* The user logs out everywhere: sessions end (by the change), and whatever else holds the user's version. NOT_FOUND. */
MUST_USE enum status durable_user_end_sessions_blocking(struct durable *db, int64_t id);
/* The same but for those that are told the version that the user has from now on, which the change does not end. */
MUST_USE enum status durable_user_end_other_sessions_blocking(struct durable *db, int64_t id, int64_t *ret_version);
/* NOT_FOUND. Ends sessions (by the change), not tokens. */
MUST_USE enum status durable_user_set_password_blocking(struct durable *db, int64_t id, struct slice hash);
/* Disabling revokes the user's tokens for good. NOT_FOUND. */
MUST_USE enum status durable_user_disable_blocking(struct durable *db, int64_t id);
MUST_USE enum status durable_user_enable_blocking(struct durable *db, int64_t id);
/* The user and the user's tokens are gone. NOT_FOUND. */
MUST_USE enum status durable_user_delete_blocking(struct durable *db, int64_t id);

/* Complete with a struct user. */
void durable_user_find_start(struct durable_pool *pool, int64_t id, struct ticket ticket);
void durable_user_find_by_login_start(struct durable_pool *pool, struct slice text, struct ticket ticket);
void durable_user_find_by_subject_start(struct durable_pool *pool, struct slice subject, struct ticket ticket);
void durable_user_ensure_start(struct durable_pool *pool, struct slice subject, struct slice username,
                               struct ticket ticket);
/* With nothing but the status. */
void durable_user_end_sessions_start(struct durable_pool *pool, int64_t id, const struct audit_entry *audit,
                                     struct ticket ticket);
/* With the user's version: an int64_t. */
void durable_user_end_other_sessions_start(struct durable_pool *pool, int64_t id, const struct audit_entry *audit,
                                           struct ticket ticket);

#endif
