#include "crypto/ct.h"
#include "ephemeral/redis_view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Login sessions, blobs and counters: one key each. */

enum { ROUNDS_MAX = 32, NUMBER_BYTES = 24 };

/* A call on one session or blob. */
struct value_call {
    struct redis_call call; /* first */
    char key_memory[REDIS_KEY_BYTES];
    struct slice key;
    int64_t ttl_ms;
    struct session session;
    int64_t user_ended; /* of the session: how often its user had been ended */
    int64_t user_ended_now;
    int64_t kept_version; /* of its user, under which the session goes on */
    struct slice dropped; /* what a session that begins pushes out of its user's list: key suffixes */
    struct slice bytes;   /* of the blob */
    struct slice old_bytes;
    unsigned rounds;
};

static struct value_call *call_of(void *context)
{
    return context;
}

static void end_value_call(struct value_call *it, enum status status)
{
    redis_call_end(&it->call, status, NULL, NULL);
}

/* NULL: it has ended. */
static struct value_call *new_call(struct ephemeral *view, const char *prefix, struct slice id,
                                   void (*go)(struct redis_call *call), struct ticket ticket)
{
    struct value_call *it = redis_call_new(redis_view_of(view), ticket, sizeof *it, go);
    if (!it)
        return NULL;
    it->key = redis_key(it->key_memory, prefix, id);
    if (!slice_is_absent(it->key))
        return it;
    end_value_call(it, STATUS_NO_MEMORY);
    return NULL;
}

static void get_value(struct redis_call *call, redis_done_fn done)
{
    const struct slice args[] = {SLICE("GET"), call_of(call)->key};
    redis_call_send(call, args, COUNT_OF(args), done);
}

static void on_value_made(void *context, const struct redisReply *reply)
{
    redis_call_end(context, redis_reply_set(reply), NULL, NULL);
}

static enum status seal_value(struct value_call *it, struct slice value, struct slice *ret_sealed)
{
    struct buf sealed = buf_in(&it->call.arena);
    if (value.len > EPHEMERAL_VALUE_MAX_BYTES)
        return STATUS_NO_MEMORY;
    TRY(redis_value_seal(it->call.view, it->key, value, &sealed));
    *ret_sealed = buf_slice(&sealed);
    return STATUS_OK;
}

/* Makes the key unless it exists. */
static void make_value(struct value_call *it, struct slice value)
{
    char ttl[NUMBER_BYTES];
    struct slice sealed = {0};
    enum status status = seal_value(it, value, &sealed);
    if (status != STATUS_OK) {
        end_value_call(it, status);
        return;
    }
    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)redis_ttl(it->ttl_ms));
    const struct slice args[] = {SLICE("SET"), it->key, sealed, SLICE("NX"), SLICE("PX"), slice_str(ttl)};
    redis_call_send(&it->call, args, COUNT_OF(args), on_value_made);
}

/* The value of a reply, opened into the call's arena. */
static enum status open_reply(struct value_call *it, const struct redisReply *reply, struct slice *ret_value)
{
    struct slice sealed = {0};
    struct buf value = buf_in(&it->call.arena);
    TRY(redis_reply_text(reply, &sealed));
    TRY(redis_value_open(it->call.view, it->key, sealed, &value));
    *ret_value = buf_slice(&value);
    return STATUS_OK;
}

static void on_value_replaced(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    int64_t done = 0;
    enum status status = redis_reply_integer(reply, &done);
    if (status != STATUS_OK || done)
        end_value_call(it, status);
    else if (++it->rounds < ROUNDS_MAX && ticket_is_live(it->call.ticket))
        it->call.go(&it->call);
    else
        end_value_call(it, STATUS_STORE_DOWN);
}

/* Sets another value in place of the reply's; where that has changed meanwhile the call begins anew. */
static enum status replace_value(struct value_call *it, const struct redisReply *reply, struct slice value)
{
    struct slice old = {0};
    struct slice fresh = {0};
    TRY(redis_reply_text(reply, &old));
    TRY(seal_value(it, value, &fresh));
    const struct slice args[] = {SLICE("EVAL"), SLICE(REDIS_REPLACE_SCRIPT), SLICE("1"), it->key, old, fresh};
    redis_call_send(&it->call, args, COUNT_OF(args), on_value_replaced);
    return STATUS_OK;
}

/* ---- sessions ---- */

#define SESSION_PREFIX "s:"

/* The key's suffix is the first bytes of the id's digest, and in hexadecimal the session's handle; an entry of a user's
 * list has the time of its end in front. */
enum { SUFFIX_BYTES = SESSION_HANDLE_BYTES / 2, ENTRY_BYTES = 13 + SUFFIX_BYTES };

static_assert(ENTRY_BYTES == 29, "LIST_SCRIPT knows it");

static struct slice session_key(char memory[REDIS_KEY_BYTES], struct slice suffix)
{
    struct buf key = buf_fixed(memory, REDIS_KEY_BYTES);
    buf_add_str(&key, SESSION_PREFIX);
    buf_add(&key, suffix);
    return buf_slice(&key);
}

static struct slice list_key(char memory[REDIS_KEY_BYTES], int64_t user)
{
    char number[NUMBER_BYTES];
    (void)snprintf(number, sizeof number, "%lld", (long long)user);
    return redis_key(memory, "i:", slice_str(number));
}

static void write_session(const struct value_call *it, struct buf *out)
{
    redis_put_text(out, it->session.username);
    redis_put_text(out, it->session.csrf);
    redis_put_number(out, it->session.user);
    redis_put_number(out, it->session.created_ms);
    redis_put_number(out, it->user_ended);
    redis_put_text(out, it->session.bound_to);
    redis_put_text(out, it->session.scopes);
    redis_put_number(out, it->session.is_granted);
    redis_put_number(out, it->session.user_version);
    redis_put_text(out, it->session.came_from);
}

static bool read_how_begun(struct value_call *it, struct slice rest)
{
    int64_t is_granted = 0;
    bool well_formed = redis_take_text(&rest, &it->session.bound_to) && redis_take_text(&rest, &it->session.scopes) &&
                       redis_take_number(&rest, &is_granted) && redis_take_number(&rest, &it->session.user_version);
    it->session.is_granted = is_granted != 0;
    if (well_formed && rest.len) /* those of earlier versions do not say */
        well_formed = redis_take_text(&rest, &it->session.came_from);
    return well_formed && rest.len == 0;
}

static bool read_session(struct value_call *it, struct slice rest)
{
    return redis_take_text(&rest, &it->session.username) && redis_take_text(&rest, &it->session.csrf) &&
           redis_take_number(&rest, &it->session.user) && redis_take_number(&rest, &it->session.created_ms) &&
           redis_take_number(&rest, &it->user_ended) &&
           (rest.len == 0 || read_how_begun(it, rest)); /* sessions of earlier versions have no more */
}

static void on_user_ended(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_ended_number(reply, &call_of(context)->user_ended_now));
}

static void ask_user_ended(struct value_call *it, void (*turned)(struct redis_call *call))
{
    char memory[REDIS_KEY_BYTES];
    redis_turn_begin(&it->call, turned);
    redis_turn_ask_ended(&it->call, redis_user_key(memory, it->session.user), on_user_ended);
    redis_turn_end(&it->call);
}

static void end_well(struct redis_call *call)
{
    redis_call_end(call, STATUS_OK, NULL, NULL);
}

static void on_session_made(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_reply_set(reply));
}

static void on_session_dropped(void *context, const struct redisReply *reply)
{
    int64_t count = 0;
    redis_turn_took(context, redis_reply_integer(reply, &count));
}

/* Together with what its user's list has no room for any more. */
static void send_session(struct value_call *it, struct slice sealed)
{
    char ttl[NUMBER_BYTES];
    char memory[REDIS_KEY_BYTES];
    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)redis_ttl(it->ttl_ms));
    const struct slice args[] = {SLICE("SET"), it->key, sealed, SLICE("NX"), SLICE("PX"), slice_str(ttl)};
    redis_turn_begin(&it->call, end_well);
    redis_turn_send(&it->call, args, COUNT_OF(args), on_session_made);
    for (size_t at = 0; at + SUFFIX_BYTES <= it->dropped.len; at += SUFFIX_BYTES) {
        const struct slice drop[] = {SLICE("DEL"), session_key(memory, slice_sub(it->dropped, at, at + SUFFIX_BYTES))};
        redis_turn_send(&it->call, drop, COUNT_OF(drop), on_session_dropped);
    }
    redis_turn_end(&it->call);
}

static void make_session(struct redis_call *call)
{
    struct value_call *it = call_of(call);
    struct buf record = buf_in(&it->call.arena);
    struct slice sealed = {0};
    it->user_ended = it->user_ended_now;
    it->session.created_ms = redis_clock_now_ms(&it->call.view->clock);
    write_session(it, &record);
    enum status status = it->session.created_ms == 0 ? STATUS_STORE_DOWN : STATUS_OK;
    if (status == STATUS_OK)
        status = record.failed ? STATUS_NO_MEMORY : seal_value(it, buf_slice(&record), &sealed);
    if (status == STATUS_OK)
        send_session(it, sealed);
    else
        end_value_call(it, status);
}

/* A user's list is one text: of each session when it ends (13 digits, ms) and its key's suffix, oldest first. Those
 * that are over fall out, and beyond ARGV[3] the oldest, which are answered. ARGV: now, the new one, how many. */
#define LIST_SCRIPT                                                                                                   \
    "local old = redis.call('GET', KEYS[1]) or '' local kept, dropped = {}, {} local last = 0 "                       \
    "for i = 1, #old, 29 do local one = old:sub(i, i + 28) "                                                          \
    "if one:sub(1, 13) > ARGV[1] and one:sub(14) ~= ARGV[2]:sub(14) then kept[#kept + 1] = one end end kept[#kept + " \
    "1] = ARGV[2] "                                                                                                   \
    "while #kept > tonumber(ARGV[3]) do dropped[#dropped + 1] = table.remove(kept, 1):sub(14) end "                   \
    "for _, one in ipairs(kept) do last = math.max(last, tonumber(one:sub(1, 13))) end "                              \
    "redis.call('SET', KEYS[1], table.concat(kept), 'PX', string.format('%.0f', last - tonumber(ARGV[1]))) "          \
    "return table.concat(dropped)"

static enum status keep_text(struct redis_call *call, const struct redisReply *reply, struct slice *ret_text)
{
    struct slice text = {0};
    TRY(redis_reply_text(reply, &text));
    *ret_text = arena_copy(&call->arena, text);
    return slice_is_absent(*ret_text) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void on_session_listed(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    redis_turn_took(&it->call, keep_text(&it->call, reply, &it->dropped));
}

static void list_session(struct value_call *it, int64_t now_ms)
{
    char memory[REDIS_KEY_BYTES];
    char now[NUMBER_BYTES];
    char most[NUMBER_BYTES];
    char entry_memory[ENTRY_BYTES + 1];
    struct buf entry = buf_fixed(entry_memory, sizeof entry_memory);
    (void)snprintf(now, sizeof now, "%013lld", (long long)now_ms);
    (void)snprintf(most, sizeof most, "%d", SESSIONS_OF_A_USER);
    buf_addf(&entry, "%013lld", (long long)(now_ms + it->ttl_ms));
    buf_add(&entry, slice_sub(it->key, sizeof SESSION_PREFIX - 1, it->key.len));
    const struct slice args[] = {SLICE("EVAL"),  SLICE(LIST_SCRIPT), SLICE("1"),     list_key(memory, it->session.user),
                                 slice_str(now), buf_slice(&entry),  slice_str(most)};
    redis_turn_send(&it->call, args, COUNT_OF(args), on_session_listed);
}

/* Its user's list has it before it is there: none is ever left out. */
static void go_create_session(struct redis_call *call)
{
    struct value_call *it = call_of(call);
    char memory[REDIS_KEY_BYTES];
    int64_t now_ms = redis_clock_now_ms(&it->call.view->clock);
    if (now_ms == 0) {
        end_value_call(it, STATUS_STORE_DOWN);
        return;
    }
    redis_turn_begin(call, make_session);
    redis_turn_ask_ended(call, redis_user_key(memory, it->session.user), on_user_ended);
    list_session(it, now_ms);
    redis_turn_end(call);
}

void redis_session_create_start(struct ephemeral *view, struct slice id, const struct session *session, int64_t ttl_ms,
                                struct ticket ticket)
{
    struct value_call *it = new_call(view, SESSION_PREFIX, id, go_create_session, ticket);
    if (!it)
        return;
    it->ttl_ms = ttl_ms;
    it->session.user = session->user;
    it->session.username = session->username;
    it->session.csrf = session->csrf;
    it->session.bound_to = session->bound_to;
    it->session.scopes = session->scopes;
    it->session.is_granted = session->is_granted;
    it->session.user_version = session->user_version;
    it->session.came_from = session->came_from;
    if (ttl_ms > REDIS_ENDED_DAYS * INT64_C(86400000)) /* Redis would forget an end too soon */
        end_value_call(it, STATUS_BAD_INPUT);
    else if (redis_call_keep(&it->call, &it->session.username) && redis_call_keep(&it->call, &it->session.csrf) &&
             redis_call_keep(&it->call, &it->session.bound_to) && redis_call_keep(&it->call, &it->session.scopes) &&
             redis_call_keep(&it->call, &it->session.came_from))
        redis_call_start(&it->call);
}

static void judge_session(struct redis_call *call)
{
    struct value_call *it = call_of(call);
    if (it->user_ended_now != it->user_ended) {
        end_value_call(it, STATUS_NOT_FOUND);
        return;
    }
    struct session *copy = session_copy(&it->session);
    redis_call_end(&it->call, copy ? STATUS_OK : STATUS_NO_MEMORY, copy, session_free);
}

static void on_session(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    struct slice record = {0};
    enum status status = open_reply(it, reply, &record);
    if (status == STATUS_OK && !read_session(it, record))
        status = STATUS_STORE_CORRUPT;
    if (status != STATUS_OK)
        end_value_call(it, status);
    else
        ask_user_ended(it, judge_session);
}

static void go_find_session(struct redis_call *call)
{
    get_value(call, on_session);
}

void redis_session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct value_call *it = new_call(view, SESSION_PREFIX, id, go_find_session, ticket);
    if (it)
        redis_call_start(&it->call);
}

static void on_deleted(void *context, const struct redisReply *reply)
{
    int64_t count = 0;
    redis_call_end(context, redis_reply_integer(reply, &count), NULL, NULL);
}

static void go_delete_session(struct redis_call *call)
{
    const struct slice args[] = {SLICE("DEL"), call_of(call)->key};
    redis_call_send(call, args, COUNT_OF(args), on_deleted);
}

void redis_session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct value_call *it = new_call(view, SESSION_PREFIX, id, go_delete_session, ticket);
    if (it)
        redis_call_start(&it->call);
}

/* ---- a user's sessions ---- */

struct list_call {
    struct value_call value; /* first; of the session that is read */
    int64_t user;
    struct slice entries;  /* of the user's list */
    struct listed *listed; /* one for each of them, in the call's arena */
    size_t count;
};

/* A session of the list: of a Cluster the replies come in any order. */
struct listed {
    struct list_call *call;
    struct slice suffix;
    bool is_found;
    char handle[SESSION_HANDLE_BYTES];
    struct session session;
};

static struct list_call *list_of(void *context)
{
    return context;
}

static struct slice suffix_at(const struct list_call *it, size_t index)
{
    return slice_sub(it->entries, index * ENTRY_BYTES + 13, (index + 1) * ENTRY_BYTES);
}

static enum status read_listed(struct listed *listed, const struct redisReply *reply)
{
    struct list_call *it = listed->call;
    struct buf hex = buf_fixed(listed->handle, SESSION_HANDLE_BYTES);
    struct slice record = {0};
    struct value_call *value = &it->value;
    value->key = session_key(value->key_memory, listed->suffix);
    value->session = (struct session){0};
    TRY(open_reply(value, reply, &record));
    if (!read_session(value, record))
        return STATUS_STORE_CORRUPT;
    if (value->session.user != it->user || value->user_ended != value->user_ended_now)
        return STATUS_NOT_FOUND;
    buf_add_hex(&hex, listed->suffix);
    listed->session = value->session;
    listed->is_found = true;
    return STATUS_OK;
}

static void on_listed_session(void *context, const struct redisReply *reply)
{
    struct listed *listed = context;
    enum status status = read_listed(listed, reply);
    redis_turn_took(&listed->call->value.call, status == STATUS_NOT_FOUND ? STATUS_OK : status);
}

static void end_list(struct redis_call *call)
{
    const struct list_call *it = list_of(call);
    struct session_list *list = session_list_new();
    enum status status = list ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; status == STATUS_OK && i < it->count; i++)
        if (it->listed[i].is_found)
            status = session_list_add(list, it->listed[i].handle, &it->listed[i].session);
    redis_call_end(call, status, list, session_list_free);
}

static void ask_listed(struct redis_call *call)
{
    struct list_call *it = list_of(call);
    char memory[REDIS_KEY_BYTES];
    it->listed = arena_calloc(&call->arena, SESSIONS_OF_A_USER, sizeof *it->listed);
    if (!it->listed) {
        end_value_call(&it->value, STATUS_NO_MEMORY);
        return;
    }
    redis_turn_begin(call, end_list);
    for (size_t i = 0; i < it->entries.len / ENTRY_BYTES && i < SESSIONS_OF_A_USER; i++) {
        struct listed *listed = &it->listed[it->count++];
        *listed = (struct listed){.call = it, .suffix = suffix_at(it, i)};
        const struct slice args[] = {SLICE("GET"), session_key(memory, listed->suffix)};
        redis_turn_send_for(call, args, COUNT_OF(args), on_listed_session, listed);
    }
    redis_turn_end(call);
}

static void on_entries(void *context, const struct redisReply *reply)
{
    struct list_call *it = list_of(context);
    enum status status = keep_text(context, reply, &it->entries);
    redis_turn_took(context, status == STATUS_NOT_FOUND ? STATUS_OK : status);
}

static void go_list(struct redis_call *call)
{
    struct list_call *it = list_of(call);
    char memory[REDIS_KEY_BYTES];
    const struct slice args[] = {SLICE("GET"), list_key(memory, it->user)};
    redis_turn_begin(call, ask_listed);
    redis_turn_send(call, args, COUNT_OF(args), on_entries);
    redis_turn_ask_ended(call, redis_user_key(memory, it->user), on_user_ended);
    redis_turn_end(call);
}

void redis_session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket)
{
    struct list_call *it = redis_call_new(redis_view_of(view), ticket, sizeof *it, go_list);
    if (!it)
        return;
    it->user = user;
    redis_call_start(&it->value.call);
}

static void on_session_to_end(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    struct slice record = {0};
    int64_t user = it->session.user;
    enum status status = open_reply(it, reply, &record);
    if (status == STATUS_OK && !read_session(it, record))
        status = STATUS_STORE_CORRUPT;
    if (status == STATUS_OK && it->session.user != user)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        go_delete_session(&it->call);
    else
        end_value_call(it, status);
}

static void go_end_session(struct redis_call *call)
{
    get_value(call, on_session_to_end);
}

static bool read_handle(struct slice handle, char suffix[SUFFIX_BYTES])
{
    static const struct slice digits = SLICE_INIT("0123456789abcdef");
    for (size_t i = 0; i < handle.len && handle.len == SESSION_HANDLE_BYTES; i++) {
        size_t value = slice_find(digits, handle.ptr[i]);
        if (value == digits.len)
            return false;
        unsigned above = (unsigned char)suffix[i / 2];
        suffix[i / 2] = (char)(above << 4 | value);
    }
    return handle.len == SESSION_HANDLE_BYTES;
}

void redis_session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket)
{
    char suffix[SUFFIX_BYTES] = {0};
    struct value_call *it = redis_call_new(redis_view_of(view), ticket, sizeof *it, go_end_session);
    if (!it)
        return;
    it->session.user = user;
    if (read_handle(handle, suffix)) {
        it->key = session_key(it->key_memory, slice_of(suffix, sizeof suffix));
        redis_call_start(&it->call);
    } else {
        end_value_call(it, STATUS_NOT_FOUND);
    }
}

static void on_session_to_keep(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    struct buf kept = buf_in(&it->call.arena);
    struct slice record = {0};
    enum status status = open_reply(it, reply, &record);
    if (status == STATUS_OK && !read_session(it, record))
        status = STATUS_STORE_CORRUPT;
    it->session.user_version = it->kept_version;
    write_session(it, &kept);
    if (status == STATUS_OK)
        status = kept.failed ? STATUS_NO_MEMORY : replace_value(it, reply, buf_slice(&kept));
    if (status != STATUS_OK)
        end_value_call(it, status);
}

static void go_keep_session(struct redis_call *call)
{
    get_value(call, on_session_to_keep);
}

void redis_session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket)
{
    struct value_call *it = new_call(view, SESSION_PREFIX, id, go_keep_session, ticket);
    if (!it)
        return;
    it->kept_version = user_version;
    redis_call_start(&it->call);
}

/* ---- blobs ---- */

static void go_put(struct redis_call *call)
{
    struct value_call *it = call_of(call);
    make_value(it, it->bytes);
}

void redis_blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                          struct ticket ticket)
{
    struct value_call *it = new_call(view, "b:", id, go_put, ticket);
    if (!it)
        return;
    it->ttl_ms = ttl_ms;
    it->bytes = bytes;
    if (redis_call_keep(&it->call, &it->bytes))
        redis_call_start(&it->call);
}

static void on_blob(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    struct slice bytes = {0};
    struct ephemeral_blob *copy = NULL;
    enum status status = open_reply(it, reply, &bytes);
    if (status == STATUS_OK) {
        copy = ephemeral_blob_copy(bytes);
        status = copy ? STATUS_OK : STATUS_NO_MEMORY;
    }
    redis_call_end(&it->call, status, copy, ephemeral_blob_free);
}

static void go_find_blob(struct redis_call *call)
{
    get_value(call, on_blob);
}

void redis_blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct value_call *it = new_call(view, "b:", id, go_find_blob, ticket);
    if (it)
        redis_call_start(&it->call);
}

static void go_take_blob(struct redis_call *call)
{
    const struct slice args[] = {SLICE("GETDEL"), call_of(call)->key};
    redis_call_send(call, args, COUNT_OF(args), on_blob);
}

void redis_blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct value_call *it = new_call(view, "b:", id, go_take_blob, ticket);
    if (it)
        redis_call_start(&it->call);
}

static void on_old_blob(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    struct slice bytes = {0};
    enum status status = open_reply(it, reply, &bytes);
    if (status == STATUS_OK && !ct_equal(bytes, it->old_bytes))
        status = STATUS_CONFLICT;
    if (status == STATUS_OK)
        status = replace_value(it, reply, it->bytes);
    if (status != STATUS_OK)
        end_value_call(it, status);
}

static void go_replace(struct redis_call *call)
{
    get_value(call, on_old_blob);
}

void redis_blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                              struct ticket ticket)
{
    struct value_call *it = new_call(view, "b:", id, go_replace, ticket);
    if (!it)
        return;
    it->bytes = bytes;
    it->old_bytes = old_bytes;
    if (redis_call_keep(&it->call, &it->bytes) && redis_call_keep(&it->call, &it->old_bytes))
        redis_call_start(&it->call);
}

/* ---- counters ---- */

/* The window starts with its first event; a counter that has no end, which cannot be, gets one. */
#define COUNT_SCRIPT                                                                  \
    "local n = redis.call('INCR', KEYS[1]) local left = redis.call('PTTL', KEYS[1]) " \
    "if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) left = tonumber(ARGV[1]) end return {n, left}"

static void on_counted(void *context, const struct redisReply *reply)
{
    struct value_call *it = call_of(context);
    int64_t left_ms = 0;
    struct ephemeral_count *result = calloc(1, sizeof *result);
    enum status status = result ? redis_reply_integer(redis_reply_item(reply, 0), &result->count) : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = redis_reply_integer(redis_reply_item(reply, 1), &left_ms);
    if (status == STATUS_OK)
        result->reset_s = (left_ms + 1000) / 1000; /* one millisecond more: see redis_ttl */
    redis_call_end(&it->call, status, result, ephemeral_count_free);
}

static void go_count(struct redis_call *call)
{
    struct value_call *it = call_of(call);
    char window[NUMBER_BYTES];
    (void)snprintf(window, sizeof window, "%lld", (long long)redis_ttl(it->ttl_ms));
    const struct slice args[] = {SLICE("EVAL"), SLICE(COUNT_SCRIPT), SLICE("1"), it->key, slice_str(window)};
    redis_call_send(call, args, COUNT_OF(args), on_counted);
}

void redis_count_start(struct ephemeral *view, enum quota quota UNUSED, struct slice name, int64_t window_ms,
                       struct ticket ticket)
{
    struct value_call *it = new_call(view, "c:", name, go_count, ticket);
    if (!it)
        return;
    it->ttl_ms = window_ms;
    redis_call_start(&it->call);
}

#define COUNT_BACK_SCRIPT \
    "if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then return redis.call('DECR', KEYS[1]) end return 0"

static void on_counted_back(void *context, const struct redisReply *reply)
{
    int64_t left = 0;
    end_value_call(call_of(context), redis_reply_integer(reply, &left));
}

static void go_count_back(struct redis_call *call)
{
    const struct slice args[] = {SLICE("EVAL"), SLICE(COUNT_BACK_SCRIPT), SLICE("1"), call_of(call)->key};
    redis_call_send(call, args, COUNT_OF(args), on_counted_back);
}

void redis_count_back_start(struct ephemeral *view, enum quota quota UNUSED, struct slice name, struct ticket ticket)
{
    struct value_call *it = new_call(view, "c:", name, go_count_back, ticket);
    if (it)
        redis_call_start(&it->call);
}
