/* redis_view: what the parts of the Redis store share: a loop's own connection, clock and epoch, and calls that wait
 * for them. Only this folder's redis_*.c include it. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_VIEW_H
#define COUNTERSIGN_EPHEMERAL_REDIS_VIEW_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/shared_keys.h"
#include "ephemeral/ephemeral.h"
#include "ephemeral/nonce_waits.h"
#include "ephemeral/redis_clock.h"
#include "ephemeral/redis_nonces.h"
#include "ephemeral/redis_settle.h"
#include "ephemeral/values.h"
#include "loop/flow.h"
#include "redis/client.h"
#include "redis/url.h"

struct mac;
struct redis_cluster;

/* Settling, of a server or of a part: the process's. */
struct redis_settling {
    _Atomic(struct redis_view *) is_settling; /* one view at a time: the others then meet what it has agreed on */
    struct redis_patience patience;           /* of whoever settles now */
    _Atomic uint64_t settled_on;              /* the beginning of the id of the epoch that was settled on last */
};

struct redis_store {
    struct ephemeral_store store; /* first */
    struct ephemeral_options options;
    struct redis_target target;
    struct shared_keys keys;
    struct nonce_keeper *keeper;
    _Atomic int64_t unsure_until_ms;              /* see redis_settle.h */
    struct redis_settling settlings[NONCE_PARTS]; /* of the parts; of a store without parts the first */
};

struct redis_view {
    struct ephemeral view; /* first */
    struct redis_store *store;
    struct loop *loop;
    struct redis_client *client;   /* of a part: its primary's, borrowed; NULL: it has none, or this is a Cluster's */
    struct redis_cluster *cluster; /* where calls go instead; NULL: to the client */
    bool is_part;                  /* it has no calls, but the nonces of this part */
    unsigned part;
    bool is_astray;                          /* its slot is on another server, or on its way there */
    char known_before[NONCE_EPOCH_ID_BYTES]; /* the epoch that the keeper knew at the last settling */
    unsigned looks_apart; /* of a part: in how many looks, one after the other, the durable store named another epoch */
    struct redis_settling *settling;
    struct redis_clock clock;
    bool is_full;     /* Redis refuses writes that need room */
    bool is_refusing; /* it refused to renew the record: it takes no writes */
    struct loop_timer clock_timer;
    int64_t clock_asked_ms;
    struct redis_settle settle;
    struct loop_timer settle_timer; /* tries again */
    struct redis_call *pings;       /* answered by Redis, but not settled yet */
    struct nonce_guard guard;
    struct nonce_waits waits;
    struct loop_timer waits_timer; /* tries them again where the durable store says nothing */
    struct nonce_listener *listener;
    struct redis_nonces nonces;
    struct mac *mac;
    bool clock_told; /* the observer was told that our own clock is off */

    /* calls that came while the connection was being made */
    struct redis_call *held;
    struct redis_call **last_held;
    size_t held_count;
};

static inline struct redis_view *redis_view_of(struct ephemeral *view)
{
    return (struct redis_view *)view;
}

/* ---- calls that came while there was no connection ---- */

/* There is one now. */
void redis_calls_let_go(struct redis_view *view);
/* There is none in sight. */
void redis_calls_fail_held(struct redis_view *view);

/* The epoch turned out to be another than ours: it is asked for again, and until then no nonce is good. */
void redis_view_unsettle(struct redis_view *view);

/* ---- calls ---- */

/* A call on its way: comes first in each kind's own struct. Its arena is wiped at its end. */
struct redis_call {
    struct redis_call *next;
    struct redis_view *view;
    struct ticket ticket;
    void (*go)(struct redis_call *call); /* sends its first command */
    struct arena arena;
    bool tells_why;                          /* it fails with a text that says why Redis cannot be used */
    void (*turned)(struct redis_call *call); /* of the turn that runs: see redis_turn_begin */
    unsigned unanswered;
    enum status failure;
};

/* A zeroed call of `size` bytes; NULL: no memory, and the ticket is completed. */
MUST_USE void *redis_call_new(struct redis_view *view, struct ticket ticket, size_t size,
                              void (*go)(struct redis_call *call));
/* Lets it go as soon as there is a connection; where there is none in sight it ends with STORE_DOWN. */
void redis_call_start(struct redis_call *call);
/* Sends one command of it; ends the call where that cannot be. */
void redis_call_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done);
/* Completes the ticket and frees the call. */
void redis_call_end(struct redis_call *call, enum status status, void *result, void (*free_result)(void *result));
/* A copy in the call's arena; false: no memory, and the call has ended. */
MUST_USE bool redis_call_keep(struct redis_call *call, struct slice *text);

/* A turn: commands that leave in one write, between _begin and _end, as none of them needs another's answer. Each one's
 * `done` tells what became of it (redis_turn_took), and once all have, `turned` goes on; or the call ends with what the
 * first of them failed for. A turn without commands goes on at once. */
void redis_turn_begin(struct redis_call *call, void (*turned)(struct redis_call *call));
void redis_turn_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done);
/* The same, where replies have to be told apart: of a Cluster they come in any order. */
void redis_turn_send_for(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done,
                         void *context);
void redis_turn_took(struct redis_call *call, enum status status);
void redis_turn_end(struct redis_call *call);

/* ---- keys ---- */

enum { REDIS_KEY_BYTES = 24 };

/* PREFIX and 16 bytes of the name's SHA-256: no text of a client's is in a key, and no secret. Absent: no memory. */
struct slice redis_key(char memory[REDIS_KEY_BYTES], const char *prefix, struct slice name);

/* ---- values ---- */

/* Sealed under the keyring and bound to the key. */
MUST_USE enum status redis_value_seal(struct redis_view *view, struct slice key, struct slice value, struct buf *out);
/* STORE_CORRUPT: it is not what we wrote there. NOT_FOUND: the key that sealed it is not in the keyring any more. */
MUST_USE enum status redis_value_open(struct redis_view *view, struct slice key, struct slice sealed, struct buf *out);

/* What to tell Redis for a value that lives so long: Redis keeps a key to the end of its last millisecond. */
static inline int64_t redis_ttl(int64_t ttl_ms)
{
    return ttl_ms > 1 ? ttl_ms - 1 : 1;
}

/* Parts of a value, each with its length in front. */
void redis_put_text(struct buf *out, struct slice text);
void redis_put_number(struct buf *out, int64_t number);
/* False: the value is cut off, or something else. Texts are borrowed from it. */
MUST_USE bool redis_take_text(struct slice *rest, struct slice *ret_text);
MUST_USE bool redis_take_number(struct slice *rest, int64_t *ret_number);

/* Sets the key to another value if it still has the first, and keeps its TTL: 1, or 0. ARGV: old, new. */
#define REDIS_REPLACE_SCRIPT                                                                        \
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') " \
    "return 1 end return 0"

/* ---- owners: what ended with a client or a user (ephemeral_end_start) ---- */

/* How often the client or user was ended: a value that was made under another number is dead. Kept longer than anything
 * that is made under it. */
enum { REDIS_ENDED_DAYS = 31 };

/* Where the number of a client or user is. Absent: no memory. */
struct slice redis_ended_key(char memory[REDIS_KEY_BYTES], enum ephemeral_party party, struct slice id);
struct slice redis_user_key(char memory[REDIS_KEY_BYTES], int64_t user);
/* Asks for the number, within a turn, and keeps it for another REDIS_ENDED_DAYS; redis_ended_number reads the reply. */
void redis_turn_ask_ended(struct redis_call *call, struct slice ended_key, redis_done_fn done);
MUST_USE enum status redis_ended_number(const struct redisReply *reply, int64_t *ret_number);

/* ---- the port's functions (ephemeral.h) ---- */

/* Those that are the same on one Redis and on a Cluster, for a struct ephemeral_ops. */
#define REDIS_CALL_OPS                                                                                  \
    .temp_create_start = redis_temp_create_start, .temp_find_start = redis_temp_find_start,             \
    .temp_grant_start = redis_temp_grant_start, .temp_deny_start = redis_temp_deny_start,               \
    .temp_try_start = redis_temp_try_start, .temp_exchanged_start = redis_temp_exchanged_start,         \
    .session_create_start = redis_session_create_start, .session_find_start = redis_session_find_start, \
    .session_delete_start = redis_session_delete_start, .session_list_start = redis_session_list_start, \
    .session_end_start = redis_session_end_start, .session_keep_start = redis_session_keep_start,       \
    .blob_put_start = redis_blob_put_start, .blob_find_start = redis_blob_find_start,                   \
    .blob_replace_start = redis_blob_replace_start, .blob_take_start = redis_blob_take_start,           \
    .count_start = redis_count_start, .count_back_start = redis_count_back_start, .end_start = redis_end_start

/* redis_temps.c */
void redis_temp_create_start(struct ephemeral *view, const struct temp_new *temp, struct ticket ticket);
void redis_temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id, struct ticket ticket);
void redis_temp_grant_start(struct ephemeral *view, const struct temp_credential *temp, const struct temp_grant *grant,
                            struct ticket ticket);
void redis_temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                           struct ticket ticket);
void redis_temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                          struct ticket ticket);
void redis_temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket);

/* redis_sessions.c */
void redis_session_create_start(struct ephemeral *view, struct slice id, const struct session *session, int64_t ttl_ms,
                                struct ticket ticket);
void redis_session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket);
void redis_session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket);
void redis_session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket);
void redis_session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket);
void redis_session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket);
void redis_blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                          struct ticket ticket);
void redis_blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket);
void redis_blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                              struct ticket ticket);
void redis_blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket);
void redis_count_start(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                       struct ticket ticket);
void redis_count_back_start(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket);

/* redis_call.c */
void redis_end_start(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket);

/* redis_nonces.c */
void redis_nonce_spend_start(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket);

#endif
