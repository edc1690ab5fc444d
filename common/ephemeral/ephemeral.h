/* ephemeral: the ephemeral store, which keeps what lives for minutes: nonces, temporary credentials, login sessions,
 * challenges, counters.
 *
 * Invariants:
 * - A port: the implementation is chosen at run time by the URL (`memory:`, `redis:`). A process opens one store; each
 *   loop uses its own view of it (struct ephemeral), on that loop's thread alone.
 * - `_start` copies its arguments and completes the ticket later, never inline, on the view's loop.
 * - Every change of state is one atomic step on one key, on condition that the key exists, and keeps its TTL.
 * - Times are judged by the store's own clock (ephemeral_now), which never goes back.
 * - What cannot be remembered is refused (STORE_DOWN): the store never forgets a live nonce to make room.
 * - Results are heap objects with an arena of their own, wiped by their free function. */
#ifndef COUNTERSIGN_EPHEMERAL_EPHEMERAL_H
#define COUNTERSIGN_EPHEMERAL_EPHEMERAL_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "guard/nonce_trouble.h"
#include "store/next_password.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ticket;
struct ephemeral;

/* ---- nonces ---- */

/* Decoded values (docs/design/protocol.md, "Signatures", 11): a nonce is unique per (client, token, timestamp). */
struct nonce {
    struct slice client_id;
    struct slice token; /* empty: two-legged */
    int64_t timestamp_s;
    struct slice nonce;
};

/* ---- temporary credentials (RFC 5849 §2.1) ---- */

enum temp_state {
    TEMP_PENDING, /* the resource owner has not decided */
    TEMP_GRANTED,
    TEMP_DENIED,    /* the resource owner refused */
    TEMP_EXCHANGED, /* for a token */
    TEMP_KILLED,    /* by TEMP_MAX_WRONG wrong verifiers */
};

enum { TEMP_MAX_WRONG = 5 };

struct temp_credential {
    struct arena arena;
    struct slice token;
    struct slice secret;
    struct slice client_id;
    struct slice callback; /* "oob" or a URI */
    struct slice scopes;   /* asked for; once granted, the granted ones */
    int64_t created_ms;
    enum temp_state state;
    bool expired; /* older than the TTL, but still known */
    int64_t user; /* 0 until the first decision */
    struct slice username;
    struct slice verifier;     /* of the last grant */
    int64_t client_generation; /* when it was made: struct client's */
    int64_t user_generation;   /* of the last grant: struct user's */
    unsigned wrong;            /* verifiers tried in vain */
    struct slice kept;         /* the store's own: what it held when this was read */
};

void temp_credential_free(void *temp);
/* OK: the temporary credential may still be decided and exchanged. Otherwise this is why it is refused: TOKEN_REJECTED
 * (killed), TOKEN_USED (exchanged), PERMISSION_DENIED (refused), TOKEN_EXPIRED. */
MUST_USE enum status temp_credential_check_live(const struct temp_credential *temp);

/* What a new temporary credential is made of. */
struct temp_new {
    struct slice token; /* unguessable, from the caller */
    struct slice secret;
    struct slice client_id;
    struct slice callback;
    struct slice scopes;
    int64_t client_generation;
};

struct temp_grant {
    int64_t user;
    int64_t user_generation;
    struct slice username;
    struct slice scopes;
    struct slice verifier;
};

/* ---- login sessions, blobs, counters ---- */

struct session {
    struct arena arena;
    int64_t user;
    int64_t user_version; /* struct user's, when somebody vouched for the user: another one is no reason to let in */
    struct slice username;
    struct slice csrf; /* secret that forms of this session carry */
    int64_t created_ms;
    /* where a site logged its user in for one temporary credential; else empty */
    struct slice bound_to;  /* its token */
    struct slice scopes;    /* what the site leaves of those that were asked for */
    bool is_granted;        /* the site asked its user itself */
    struct slice came_from; /* where it was begun, for its user */
};

void session_free(void *session);

/* At most so many of a user: the oldest ends where one more begins. */
enum { SESSIONS_OF_A_USER = 64, SESSION_HANDLE_BYTES = 32 };

/* Names a session to its user, who gets nothing by it: in hexadecimal, part of a digest of its id. NO_MEMORY. */
MUST_USE enum status session_handle(struct slice id, char handle[SESSION_HANDLE_BYTES]);

struct listed_session {
    char handle[SESSION_HANDLE_BYTES];
    int64_t created_ms;
    int64_t user_version; /* see struct session */
    struct slice came_from;
};

struct session_list {
    struct arena arena;
    struct listed_session *sessions; /* oldest first */
    size_t count;
};

void session_list_free(void *list);

struct ephemeral_blob {
    struct arena arena;
    struct slice bytes;
};

void ephemeral_blob_free(void *blob);

/* What is counted. Each quota has counters of its own. */
enum quota {
    QUOTA_CLIENT,
    QUOTA_ADDRESS,
    QUOTA_LOGIN_ACCOUNT,
    QUOTA_LOGIN_ADDRESS,
    QUOTA_LOGIN_PAIR,
    QUOTA_LOGIN_DEVICE,
    QUOTA_CREDENTIALS,
    QUOTA_COUNT,
};

struct ephemeral_count {
    int64_t count;   /* within the window, this one included */
    int64_t reset_s; /* seconds until the window ends, rounded up */
};

void ephemeral_count_free(void *count);

enum ephemeral_party { EPHEMERAL_CLIENT, EPHEMERAL_USER };

/* ---- the port ---- */

struct ephemeral_ops {
    void (*view_free)(struct ephemeral *view);
    int64_t (*now_ms)(const struct ephemeral *view);
    struct nonce_trouble (*trouble)(struct ephemeral *view);
    int64_t (*clock_ahead_ms)(const struct ephemeral *view);
    void (*nonce_spend_start)(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket);
    void (*temp_create_start)(struct ephemeral *view, const struct temp_new *temp, struct ticket ticket);
    void (*temp_find_start)(struct ephemeral *view, struct slice token, struct slice client_id, struct ticket ticket);
    void (*temp_grant_start)(struct ephemeral *view, const struct temp_credential *temp, const struct temp_grant *grant,
                             struct ticket ticket);
    void (*temp_deny_start)(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                            struct ticket ticket);
    void (*temp_try_start)(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                           struct ticket ticket);
    void (*temp_exchanged_start)(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket);
    void (*session_create_start)(struct ephemeral *view, struct slice id, const struct session *session, int64_t ttl_ms,
                                 struct ticket ticket);
    void (*session_find_start)(struct ephemeral *view, struct slice id, struct ticket ticket);
    void (*session_delete_start)(struct ephemeral *view, struct slice id, struct ticket ticket);
    void (*session_list_start)(struct ephemeral *view, int64_t user, struct ticket ticket);
    void (*session_end_start)(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket);
    void (*session_keep_start)(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket);
    void (*blob_put_start)(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                           struct ticket ticket);
    void (*blob_find_start)(struct ephemeral *view, struct slice id, struct ticket ticket);
    void (*blob_replace_start)(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                               struct ticket ticket);
    void (*blob_take_start)(struct ephemeral *view, struct slice id, struct ticket ticket);
    void (*count_start)(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                        struct ticket ticket);
    void (*count_back_start)(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket);
    void (*end_start)(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket);
    void (*ping_start)(struct ephemeral *view, struct ticket ticket);
};

/* Comes first in each implementation's own struct. */
struct ephemeral {
    const struct ephemeral_ops *ops;
};

/* NULL is fine. */
static inline void ephemeral_view_free(struct ephemeral *view)
{
    if (view)
        view->ops->view_free(view);
}

/* The store's clock, ms UTC: the one by which timestamps are judged. STORE_DOWN: it is not known. */
MUST_USE enum status ephemeral_now(const struct ephemeral *view, int64_t *ret_ms);

/* Says what keeps requests from being accepted. */
static inline struct nonce_trouble ephemeral_trouble(struct ephemeral *view)
{
    return view->ops->trouble(view);
}

/* Seconds until the guard after lost nonces ends for a fresh request (at least 1 while it lasts): for Retry-After. 0:
 * there is none. */
static inline int64_t ephemeral_guard_s(struct ephemeral *view)
{
    const struct nonce_trouble trouble = ephemeral_trouble(view);
    return trouble.retry_s > trouble.guard_s ? trouble.retry_s : trouble.guard_s;
}

/* By how much this process's own clock is ahead of the store's (behind it: negative): a metric. One that is off by more
 * than the skew makes ephemeral_now STORE_DOWN. 0 where the store has no other clock. */
static inline int64_t ephemeral_clock_ahead_ms(const struct ephemeral *view)
{
    return view->ops->clock_ahead_ms(view);
}

/* Spends a nonce; kept until its timestamp + 2 × skew at least. OK: it is new, and now used. NONCE_USED. STORE_DOWN:
 * also for a timestamp that is guarded (nonce-guard.md), and when there is no room. TIMESTAMP_REFUSED: so far off that
 * it could not be kept for its whole window; the caller has judged the window before. No result. */
void ephemeral_nonce_spend_start(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket);

/* Temporary credentials are good for the TTL and known for twice as long. All but create and exchanged complete with a
 * struct temp_credential (after the change) if they complete with OK; all may complete with
 *   TOKEN_REJECTED      unknown, forgotten, or killed by wrong verifiers (find tells that one as data);
 *   STORE_DOWN, NO_MEMORY.
 * Those that need a live one may complete with TOKEN_EXPIRED, TOKEN_USED (exchanged), PERMISSION_DENIED (refused).
 *
 * Changes are told which one by what find (or the change before) completed with. Only its token counts: a change is
 * judged by what the store holds now, and one that has nothing but a token will do. What else it says spares the store
 * reading again what has not changed since. */

/* CONFLICT: the token exists. No result. */
void ephemeral_temp_create_start(struct ephemeral *view, const struct temp_new *temp, struct ticket ticket);
/* Whatever its state: expired and exchanged ones too, for their secret is needed to verify. `client_id`: whose it is as
 * far as the caller knows, which spares a turn; empty: unknown. It is found all the same if it is another's. */
void ephemeral_temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id,
                               struct ticket ticket);
/* The first decision ties the temporary credential to its user. That user may grant again until it is exchanged: the
 * new verifier and scopes replace the old ones. It must be live. FORBIDDEN: it is another user's. */
void ephemeral_temp_grant_start(struct ephemeral *view, const struct temp_credential *temp,
                                const struct temp_grant *grant, struct ticket ticket);
/* The resource owner refuses. The temporary credential is dead from then on, also after a grant by the same user. Doing
 * it twice is fine. It must be live. FORBIDDEN: it is another user's. */
void ephemeral_temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                               struct ticket ticket);
/* Compares a verifier in constant time and counts a wrong one in the same atomic step, so that no race gets more than
 * TEMP_MAX_WRONG tries; the last of them kills. A right one may be tried again (a retry after a lost answer). Needs a
 * live one. PERMISSION_UNKNOWN: nobody has decided; VERIFIER_INVALID. */
void ephemeral_temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                              struct ticket ticket);
/* Call this after the token's row was committed, also for a temporary credential that has expired. Doing it twice is
 * fine. PERMISSION_UNKNOWN, PERMISSION_DENIED: it is not granted. No result. */
void ephemeral_temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket);

/* `id` is the secret in the cookie; it is not kept, only a digest. CONFLICT: it exists. No result. */
void ephemeral_session_create_start(struct ephemeral *view, struct slice id, const struct session *session,
                                    int64_t ttl_ms, struct ticket ticket);
/* Completes with a struct session; NOT_FOUND also when it has expired. */
void ephemeral_session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket);
/* OK also if there is no such session. No result. */
void ephemeral_session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket);
/* Completes with a struct session_list: the live ones of this user. */
void ephemeral_session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket);
/* Ends one of this user's. NOT_FOUND: he has none of that handle. No result. */
void ephemeral_session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket);
/* Lets a session go on under another version of its user; its time stays. NOT_FOUND. No result. */
void ephemeral_session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket);

/* Small blobs (authorization challenges): CONFLICT: the id exists. No result. */
void ephemeral_blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                              struct ticket ticket);
/* Completes with a struct ephemeral_blob. NOT_FOUND. */
void ephemeral_blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket);
/* Replaces the bytes if they still are `old_bytes`, and keeps the TTL. NOT_FOUND; CONFLICT: they changed. No result. */
void ephemeral_blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                                  struct ticket ticket);
/* Takes it out: of all that race for it exactly one gets it. Completes with a struct ephemeral_blob. NOT_FOUND. */
void ephemeral_blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket);

/* Counts one event under `name`; the window starts with its first event. Completes with a struct ephemeral_count.
 * Strangers choose names, so a counter is never refused for want of room: each quota has room of its own, and in it the
 * least counted gives way. */
void ephemeral_count_start(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                           struct ticket ticket);

/* Takes one event back, as if it had not been counted; the window stays. OK also where nothing is counted. No result.
 */
void ephemeral_count_back_start(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket);

/* Ends what belongs to a client (its identifier: temporary credentials) or a user (the decimal id: sessions, and the
 * temporary credentials that the user decided), after a change said that it ended. No result. */
void ephemeral_end_start(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket);

/* Whether the store can be used, for /readyz. The result is a text for the operator, or NULL: why it cannot, or which
 * part of it cannot. */
void ephemeral_ping_start(struct ephemeral *view, struct ticket ticket);

/* ---- the process's store ---- */

struct clock;
struct keyring;
struct loop;
struct nonce_ledger;
struct observer;
struct ephemeral_store;

struct ephemeral_options {
    const struct clock *clock;
    int64_t skew_ms;                              /* OAUTH1_TIMESTAMP_SKEW */
    int64_t lead_ms;                              /* OAUTH1_TIMESTAMP_LEAD */
    int64_t temp_ttl_ms;                          /* OAUTH1_TEMP_TTL */
    struct nonce_ledger *ledger;                  /* borrowed; used by a thread of the store's until it is freed */
    struct slice ledger_name;                     /* "memory:auth-service", "redis": one for each nonce store */
    struct slice redis_password;                  /* OAUTH1_REDIS_PASSWORD; may be absent */
    struct next_password *next_redis_password;    /* borrowed; may be NULL */
    struct next_password *next_sentinel_password; /* likewise */
    struct keyring *keys;                         /* seal what Redis keeps; the store holds them too */
    const struct observer *observer;
    size_t max_nonces;  /* 0: a default that takes some 64 MB */
    size_t max_entries; /* of each other kind; 0: a default */
};

/* What an implementation's store answers to. */
struct ephemeral_store_ops {
    enum status (*view_new)(struct ephemeral_store *store, struct loop *loop, struct ephemeral **ret_view);
    enum status (*save_blocking)(struct ephemeral_store *store);
    void (*set_keys)(struct ephemeral_store *store, struct keyring *keys); /* may be NULL */
    void (*free)(struct ephemeral_store *store);
};

struct ephemeral_store {
    const struct ephemeral_store_ops *ops;
};

/* BAD_INPUT: no such kind of URL. On failure a text for the operator is appended to `why`. */
MUST_USE enum status ephemeral_open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                             struct ephemeral_store **ret_store);
/* What can be said of a URL before its store is opened: reads what it names (a CA's file). Errors likewise. */
MUST_USE enum status ephemeral_check_blocking(struct slice url, struct slice password, struct buf *why);
struct ephemeral_passwords {
    char store[PASSWORD_BYTES];
    char sentinels[PASSWORD_BYTES];
};

/* The passwords that connections to this URL are made with; "" where there is none. Errors likewise. */
MUST_USE enum status ephemeral_passwords_of(struct slice url, struct slice password, struct buf *why,
                                            struct ephemeral_passwords *ret_passwords);

struct ephemeral_janitor {
    struct slice url;      /* OAUTH1_REDIS_URL */
    struct slice password; /* OAUTH1_REDIS_PASSWORD; may be absent */
};

/* Gives the sets of nonces that a killed process left without an expiry the latest that any may have, and tells how
 * many there were. For a command, while services serve: nobody waits for long. Errors likewise, and STORE_DOWN. */
MUST_USE enum status ephemeral_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why,
                                                int64_t *ret_count);
/* Makes a loop's own view. It is freed (ephemeral_view_free) on that loop, before the store. */
MUST_USE enum status ephemeral_view_new(struct ephemeral_store *store, struct loop *loop, struct ephemeral **ret_view);
/* Exchanges the sealing keys. The store keeps a share of them. May be called from any thread. */
void ephemeral_set_keys(struct ephemeral_store *store, struct keyring *keys);
/* The clean stop, after the last request: the memory store's live nonces go to the ledger. A failure means that the
 * next start is guarded. */
MUST_USE enum status ephemeral_save_blocking(struct ephemeral_store *store);
/* Frees the store. Without ephemeral_save_blocking before it, the next start takes this for a crash. NULL is fine. */
void ephemeral_store_free(struct ephemeral_store *store);

#endif
