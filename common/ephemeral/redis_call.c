#include "ephemeral/redis_view.h"

#include "crypto/digest.h"
#include "crypto/sealed.h"
#include "redis/cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_MAX = 10000, CALL_MAX_BYTES = 1 << 20, DIGEST_KEPT_BYTES = 16 };

/* ---- where they go ---- */

/* Whether calls can be sent. */
static enum redis_state view_state(const struct redis_view *view)
{
    if (!view->cluster)
        return redis_client_state(view->client);
    enum redis_state state = redis_cluster_state(view->cluster);
    return state == REDIS_READY && !view->clock.was_read ? REDIS_CONNECTING : state;
}

/* Of a Cluster: to whoever serves its key. */
static enum status send_by_view(struct redis_view *view, const struct slice *args, size_t count, redis_done_fn done,
                                void *context)
{
    return view->cluster ? redis_cluster_send(view->cluster, args, count, done, context)
                         : redis_send(view->client, args, count, done, context);
}

/* ---- calls ---- */

void *redis_call_new(struct redis_view *view, struct ticket ticket, size_t size, void (*go)(struct redis_call *call))
{
    struct redis_call *call = calloc(1, size);
    if (!call) {
        ticket_complete(ticket, STATUS_NO_MEMORY, NULL, NULL);
        return NULL;
    }
    call->view = view;
    call->ticket = ticket;
    call->go = go;
    arena_init(&call->arena, CALL_MAX_BYTES);
    return call;
}

static void hold_call(struct redis_call *call)
{
    struct redis_view *view = call->view;
    if (!view->held)
        view->last_held = &view->held;
    *view->last_held = call;
    view->last_held = &call->next;
    view->held_count++;
}

void redis_call_start(struct redis_call *call)
{
    struct redis_view *view = call->view;
    enum redis_state state = view_state(view);
    if (state == REDIS_READY)
        call->go(call);
    else if (state == REDIS_CONNECTING && view->held_count < HELD_MAX)
        hold_call(call);
    else
        redis_call_end(call, STATUS_STORE_DOWN, NULL, NULL);
}

void redis_call_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done)
{
    enum status status = send_by_view(call->view, args, count, done, call);
    if (status != STATUS_OK)
        redis_call_end(call, status, NULL, NULL);
}

/* Why Redis cannot be used, for an operator; NULL: that is not known, or there is no memory. */
static char *copy_fault(const struct redis_view *view)
{
    char text[REDIS_SHOWN_BYTES + REDIS_FAULT_BYTES + 64];
    bool is_ready = view_state(view) == REDIS_READY;
    const char *fault = view->cluster ? redis_cluster_fault(view->cluster)
                        : is_ready    ? view->settle.fault
                                      : redis_client_fault(view->client);
    if (!fault[0])
        return NULL;
    (void)snprintf(text, sizeof text, "%s %s%s: %s", is_ready ? "the nonces in Redis at" : "Redis at",
                   view->store->target.shown, is_ready ? " cannot be used yet" : "", fault);
    return strdup(text);
}

void redis_call_end(struct redis_call *call, enum status status, void *result, void (*free_result)(void *result))
{
    if (status != STATUS_OK && call->tells_why && (call->view->client || call->view->cluster))
        ticket_complete(call->ticket, status, copy_fault(call->view), free);
    else
        ticket_complete(call->ticket, status, result, free_result);
    arena_done(&call->arena);
    free(call);
}

bool redis_call_keep(struct redis_call *call, struct slice *text)
{
    *text = arena_copy(&call->arena, *text);
    if (!slice_is_absent(*text))
        return true;
    redis_call_end(call, STATUS_NO_MEMORY, NULL, NULL);
    return false;
}

/* ---- calls that came while there was no connection ---- */

static struct redis_call *take_held(struct redis_view *view)
{
    struct redis_call *held = view->held;
    view->held = NULL;
    view->held_count = 0;
    return held;
}

void redis_calls_let_go(struct redis_view *view)
{
    for (struct redis_call *call = take_held(view); call;) {
        struct redis_call *next = call->next;
        if (ticket_is_live(call->ticket))
            call->go(call);
        else
            redis_call_end(call, STATUS_STORE_DOWN, NULL, NULL);
        call = next;
    }
}

void redis_calls_fail_held(struct redis_view *view)
{
    for (struct redis_call *call = take_held(view); call;) {
        struct redis_call *next = call->next;
        redis_call_end(call, STATUS_STORE_DOWN, NULL, NULL);
        call = next;
    }
}

/* ---- turns ---- */

void redis_turn_begin(struct redis_call *call, void (*turned)(struct redis_call *call))
{
    call->turned = turned;
    call->failure = STATUS_OK;
    call->unanswered = 1; /* one for redis_turn_end */
}

void redis_turn_took(struct redis_call *call, enum status status)
{
    if (call->failure == STATUS_OK)
        call->failure = status;
    if (--call->unanswered)
        return;
    if (call->failure == STATUS_OK)
        call->turned(call);
    else
        redis_call_end(call, call->failure, NULL, NULL);
}

void redis_turn_send_for(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done,
                         void *context)
{
    call->unanswered++;
    enum status status = send_by_view(call->view, args, count, done, context);
    if (status != STATUS_OK)
        redis_turn_took(call, status);
}

void redis_turn_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done)
{
    redis_turn_send_for(call, args, count, done, call);
}

void redis_turn_end(struct redis_call *call)
{
    redis_turn_took(call, STATUS_OK);
}

/* ---- keys ---- */

struct slice redis_key(char memory[REDIS_KEY_BYTES], const char *prefix, struct slice name)
{
    unsigned char digest[DIGEST_MAX_BYTES];
    struct buf key = buf_fixed(memory, REDIS_KEY_BYTES);
    if (digest_bytes(DIGEST_SHA256, name, digest) != STATUS_OK)
        return SLICE_ABSENT;
    buf_add_str(&key, prefix);
    buf_add(&key, slice_of(digest, DIGEST_KEPT_BYTES));
    return buf_slice(&key);
}

struct slice redis_ended_key(char memory[REDIS_KEY_BYTES], enum ephemeral_party party, struct slice id)
{
    return redis_key(memory, party == EPHEMERAL_CLIENT ? "x:c:" : "x:u:", id);
}

struct slice redis_user_key(char memory[REDIS_KEY_BYTES], int64_t user)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%lld", (long long)user);
    return redis_ended_key(memory, EPHEMERAL_USER, slice_str(number));
}

/* ---- clients and users that were ended ---- */

#define DAYS_AS_SECONDS "2678400"
static_assert(REDIS_ENDED_DAYS * 86400 == 2678400, "the text for Redis is that many seconds");

void redis_turn_ask_ended(struct redis_call *call, struct slice ended_key, redis_done_fn done)
{
    const struct slice args[] = {SLICE("GETEX"), ended_key, SLICE("EX"), SLICE(DAYS_AS_SECONDS)};
    if (slice_is_absent(ended_key)) {
        call->unanswered++;
        redis_turn_took(call, STATUS_NO_MEMORY);
    } else {
        redis_turn_send(call, args, COUNT_OF(args), done);
    }
}

enum status redis_ended_number(const struct redisReply *reply, int64_t *ret_number)
{
    struct slice text = SLICE("0");
    uint64_t number = 0;
    enum status status = redis_reply_text(reply, &text);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (!slice_to_u64(text, INT64_MAX, &number))
        return STATUS_STORE_CORRUPT;
    *ret_number = (int64_t)number;
    return STATUS_OK;
}

/* ---- values ---- */

enum status redis_value_seal(struct redis_view *view, struct slice key, struct slice value, struct buf *out)
{
    struct keyring *keys = shared_keys_take(&view->store->keys);
    enum status status = sealed_seal(keys, value, key, out);
    keyring_free(keys);
    return status;
}

enum status redis_value_open(struct redis_view *view, struct slice key, struct slice sealed, struct buf *out)
{
    struct keyring *keys = shared_keys_take(&view->store->keys);
    struct slice id = sealed_key_id(sealed);
    enum status status = sealed_open(keys, sealed, key, out);
    if (status == STATUS_STORE_CORRUPT && !slice_is_absent(id) && !keyring_has(keys, id))
        status = STATUS_NOT_FOUND;
    keyring_free(keys);
    return status;
}

void redis_put_text(struct buf *out, struct slice text)
{
    buf_add_u64(out, text.len);
    buf_add_byte(out, ':');
    buf_add(out, text);
}

void redis_put_number(struct buf *out, int64_t number)
{
    buf_add_i64(out, number);
    buf_add_byte(out, ';');
}

bool redis_take_text(struct slice *rest, struct slice *ret_text)
{
    bool more = false;
    uint64_t len = 0;
    struct slice digits = slice_cut(rest, ':', &more);
    if (!more || !slice_to_u64(digits, rest->len, &len))
        return false;
    *ret_text = slice_sub(*rest, 0, (size_t)len);
    *rest = slice_sub(*rest, (size_t)len, rest->len);
    return true;
}

bool redis_take_number(struct slice *rest, int64_t *ret_number)
{
    bool more = false;
    uint64_t number = 0;
    struct slice digits = slice_cut(rest, ';', &more);
    bool negative = digits.len && digits.ptr[0] == '-';
    if (!more || !slice_to_u64(slice_sub(digits, negative, digits.len), INT64_MAX, &number))
        return false;
    *ret_number = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* ---- the end of a client or user ---- */

#define END_SCRIPT "local n = redis.call('INCR', KEYS[1]) redis.call('EXPIRE', KEYS[1], ARGV[1]) return n"

struct end_call {
    struct redis_call call; /* first */
    char memory[REDIS_KEY_BYTES];
    struct slice key;
};

static void on_party_ended(void *context, const struct redisReply *reply)
{
    int64_t number = 0;
    redis_call_end(context, redis_reply_integer(reply, &number), NULL, NULL);
}

static void go_end(struct redis_call *call)
{
    char seconds[24];
    struct buf text = buf_fixed(seconds, sizeof seconds);
    buf_add_i64(&text, REDIS_ENDED_DAYS * INT64_C(86400));
    const struct slice args[] = {SLICE("EVAL"), SLICE(END_SCRIPT), SLICE("1"), ((struct end_call *)call)->key,
                                 buf_slice(&text)};
    redis_call_send(call, args, COUNT_OF(args), on_party_ended);
}

void redis_end_start(struct ephemeral *base, enum ephemeral_party party, struct slice id, struct ticket ticket)
{
    struct end_call *it = redis_call_new(redis_view_of(base), ticket, sizeof *it, go_end);
    if (!it)
        return;
    it->key = redis_ended_key(it->memory, party, id);
    if (slice_is_absent(it->key))
        redis_call_end(&it->call, STATUS_NO_MEMORY, NULL, NULL);
    else
        redis_call_start(&it->call);
}
