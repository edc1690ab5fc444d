#include "ephemeral/redis_view.h"
#include "ephemeral/temp_rules.h"

#include <stdio.h>

/* Temporary credentials: one key each, a sealed record. Every change reads it, lets the rule of temp_rules.h change it,
 * and puts it back on condition that it still is what was read, before it tells anybody: so every change is one atomic
 * step, and of guesses that race no more than TEMP_MAX_WRONG count as tried. */

enum { ROUNDS_MAX = 32, TTL_BYTES = 24 };

struct temp_call {
    struct redis_call call; /* first */
    char key_memory[REDIS_KEY_BYTES];
    struct slice key;
    temp_rule_fn rule;
    struct temp_change change;
    bool has_result;
    struct slice sealed; /* the record as it is in Redis */
    struct temp_credential temp;
    int64_t client_ended; /* the record's: how often its owners had been ended */
    int64_t user_ended;
    int64_t client_ended_now;
    enum status outcome; /* of the rule */
    unsigned rounds;
};

static struct temp_call *call_of(void *context)
{
    return context;
}

static void end(struct temp_call *it, enum status status)
{
    struct temp_credential *copy = NULL;
    if (status == STATUS_OK && it->has_result) {
        copy = temp_credential_copy(&it->temp);
        status = copy ? STATUS_OK : STATUS_NO_MEMORY;
    }
    redis_call_end(&it->call, status, copy, temp_credential_free);
}

/* ---- the record ---- */

static void write_record(const struct temp_call *it, struct buf *out)
{
    const struct temp_credential *temp = &it->temp;
    const struct slice texts[] = {temp->token,  temp->secret,   temp->client_id, temp->callback,
                                  temp->scopes, temp->username, temp->verifier};
    const int64_t numbers[] = {
        temp->created_ms,        temp->state,          temp->user, temp->wrong, it->client_ended, it->user_ended,
        temp->client_generation, temp->user_generation};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        redis_put_text(out, texts[i]);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        redis_put_number(out, numbers[i]);
}

static bool read_record(struct temp_call *it, struct slice rest)
{
    struct temp_credential *temp = &it->temp;
    struct slice *const texts[] = {&temp->token,  &temp->secret,   &temp->client_id, &temp->callback,
                                   &temp->scopes, &temp->username, &temp->verifier};
    int64_t state = 0;
    int64_t wrong = 0;
    int64_t *const numbers[] = {&temp->created_ms,
                                &state,
                                &temp->user,
                                &wrong,
                                &it->client_ended,
                                &it->user_ended,
                                &temp->client_generation,
                                &temp->user_generation};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!redis_take_text(&rest, texts[i]))
            return false;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (!redis_take_number(&rest, numbers[i]))
            return false;
    if (rest.len || state < TEMP_PENDING || state > TEMP_KILLED || wrong < 0 || wrong > TEMP_MAX_WRONG)
        return false;
    temp->state = (enum temp_state)state;
    temp->wrong = (unsigned)wrong;
    return true;
}

static enum status seal_record(struct temp_call *it, struct slice *ret_sealed)
{
    struct buf record = buf_in(&it->call.arena);
    struct buf sealed = buf_in(&it->call.arena);
    write_record(it, &record);
    if (record.failed || record.len > EPHEMERAL_VALUE_MAX_BYTES)
        return STATUS_NO_MEMORY;
    TRY(redis_value_seal(it->call.view, it->key, buf_slice(&record), &sealed));
    *ret_sealed = buf_slice(&sealed);
    return STATUS_OK;
}

static enum status open_record(struct temp_call *it)
{
    struct buf record = buf_in(&it->call.arena);
    TRY(redis_value_open(it->call.view, it->key, it->sealed, &record));
    return read_record(it, buf_slice(&record)) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* ---- changes ---- */

static void replaced(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    int64_t done = 0;
    enum status status = redis_reply_integer(reply, &done);
    if (status != STATUS_OK)
        end(it, status);
    else if (done)
        end(it, it->outcome);
    else if (++it->rounds < ROUNDS_MAX && ticket_is_live(it->call.ticket))
        it->call.go(&it->call); /* somebody else was faster: judge what it is now */
    else
        end(it, STATUS_STORE_DOWN);
}

static void replace(struct temp_call *it, bool is_changed)
{
    struct slice fresh = it->sealed;
    enum status status = is_changed ? seal_record(it, &fresh) : STATUS_OK;
    if (status != STATUS_OK) {
        end(it, status);
        return;
    }
    const struct slice args[] = {SLICE("EVAL"), SLICE(REDIS_REPLACE_SCRIPT), SLICE("1"), it->key, it->sealed, fresh};
    redis_call_send(&it->call, args, COUNT_OF(args), replaced);
}

static void judge(struct temp_call *it, int64_t user_ended_now)
{
    struct temp_credential *temp = &it->temp;
    bool is_changed = false;
    int64_t now_ms = redis_clock_now_ms(&it->call.view->clock);
    if (now_ms == 0) {
        end(it, STATUS_STORE_DOWN);
        return;
    }
    if (it->client_ended != it->client_ended_now || (temp->user != 0 && it->user_ended != user_ended_now)) {
        end(it, STATUS_TOKEN_REJECTED);
        return;
    }
    temp->expired = now_ms - temp->created_ms >= it->call.view->store->options.temp_ttl_ms;
    it->outcome = it->rule(temp, &it->change, &is_changed);
    it->user_ended = user_ended_now;
    /* a right verifier changes nothing, but it counts only if no wrong one came in between */
    if (is_changed || (it->rule == temp_rule_try && it->outcome == STATUS_OK))
        replace(it, is_changed);
    else
        end(it, it->outcome);
}

static void took_user_ended(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    int64_t ended = 0;
    enum status status = redis_ended_number(reply, &ended);
    if (status != STATUS_OK)
        end(it, status);
    else
        judge(it, ended);
}

static int64_t user_of(const struct temp_call *it)
{
    if (it->temp.user != 0)
        return it->temp.user;
    return it->rule == temp_rule_grant ? it->change.grant.user : it->change.user;
}

static void took_client_ended(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    char memory[REDIS_KEY_BYTES];
    enum status status = redis_ended_number(reply, &it->client_ended_now);
    if (status != STATUS_OK)
        end(it, status);
    else if (user_of(it) == 0)
        judge(it, 0);
    else
        redis_ended_send(&it->call, redis_user_key(memory, user_of(it)), took_user_ended);
}

static void took_record(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    char memory[REDIS_KEY_BYTES];
    enum status status = redis_reply_text(reply, &it->sealed);
    if (status != STATUS_OK) {
        end(it, status == STATUS_NOT_FOUND ? STATUS_TOKEN_REJECTED : status);
        return;
    }
    if (!redis_call_keep(&it->call, &it->sealed))
        return;
    status = open_record(it);
    if (status != STATUS_OK)
        end(it, status);
    else
        redis_ended_send(&it->call, redis_owner_key(memory, EPHEMERAL_CLIENT, it->temp.client_id), took_client_ended);
}

static void go_change(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    const struct slice args[] = {SLICE("GET"), it->key};
    redis_call_send(call, args, COUNT_OF(args), took_record);
}

/* NULL: it has ended. */
static struct temp_call *new_call(struct ephemeral *view, struct slice token, void (*go)(struct redis_call *call),
                                  struct ticket ticket)
{
    struct temp_call *it = redis_call_new(redis_view_of(view), ticket, sizeof *it, go);
    if (!it)
        return NULL;
    it->key = redis_key(it->key_memory, "t:", token);
    if (!slice_is_absent(it->key))
        return it;
    redis_call_end(&it->call, STATUS_NO_MEMORY, NULL, NULL);
    return NULL;
}

static struct temp_call *new_change(struct ephemeral *view, struct slice token, temp_rule_fn rule, struct ticket ticket)
{
    struct temp_call *it = new_call(view, token, go_change, ticket);
    if (!it)
        return NULL;
    it->rule = rule;
    it->has_result = rule != temp_rule_exchange;
    return it;
}

void redis_temp_find_start(struct ephemeral *view, struct slice token, struct ticket ticket)
{
    struct temp_call *it = new_change(view, token, temp_rule_look, ticket);
    if (it)
        redis_call_start(&it->call);
}

void redis_temp_grant_start(struct ephemeral *view, struct slice token, const struct temp_grant *grant,
                            struct ticket ticket)
{
    struct temp_call *it = new_change(view, token, temp_rule_grant, ticket);
    if (!it)
        return;
    it->change.grant = *grant;
    if (redis_call_keep(&it->call, &it->change.grant.username) &&
        redis_call_keep(&it->call, &it->change.grant.scopes) && redis_call_keep(&it->call, &it->change.grant.verifier))
        redis_call_start(&it->call);
}

void redis_temp_deny_start(struct ephemeral *view, struct slice token, int64_t user, struct ticket ticket)
{
    struct temp_call *it = new_change(view, token, temp_rule_deny, ticket);
    if (!it)
        return;
    it->change.user = user;
    redis_call_start(&it->call);
}

void redis_temp_try_start(struct ephemeral *view, struct slice token, struct slice verifier, struct ticket ticket)
{
    struct temp_call *it = new_change(view, token, temp_rule_try, ticket);
    if (!it)
        return;
    it->change.verifier = verifier;
    if (redis_call_keep(&it->call, &it->change.verifier))
        redis_call_start(&it->call);
}

void redis_temp_exchanged_start(struct ephemeral *view, struct slice token, struct ticket ticket)
{
    struct temp_call *it = new_change(view, token, temp_rule_exchange, ticket);
    if (it)
        redis_call_start(&it->call);
}

/* ---- creation ---- */

static void created(void *context, const struct redisReply *reply)
{
    redis_call_end(context, redis_reply_set(reply), NULL, NULL);
}

static void create(struct temp_call *it)
{
    char ttl[TTL_BYTES];
    struct slice sealed = {0};
    const struct ephemeral_options *options = &it->call.view->store->options;
    it->temp.created_ms = redis_clock_now_ms(&it->call.view->clock);
    enum status status = it->temp.created_ms ? seal_record(it, &sealed) : STATUS_STORE_DOWN;
    if (status != STATUS_OK) {
        end(it, status);
        return;
    }
    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)redis_ttl(options->temp_ttl_ms * 2));
    const struct slice args[] = {SLICE("SET"), it->key, sealed, SLICE("NX"), SLICE("PX"), slice_str(ttl)};
    redis_call_send(&it->call, args, COUNT_OF(args), created);
}

static void took_ended_for_new(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    enum status status = redis_ended_number(reply, &it->client_ended);
    if (status != STATUS_OK)
        end(it, status);
    else
        create(it);
}

static void go_create(struct redis_call *call)
{
    char memory[REDIS_KEY_BYTES];
    struct slice client_id = call_of(call)->temp.client_id;
    redis_ended_send(call, redis_owner_key(memory, EPHEMERAL_CLIENT, client_id), took_ended_for_new);
}

void redis_temp_create_start(struct ephemeral *view, const struct temp_new *new, struct ticket ticket)
{
    struct temp_call *it = new_call(view, new->token, go_create, ticket);
    if (!it)
        return;
    it->temp = (struct temp_credential){
        .token = new->token,
        .secret = new->secret,
        .client_id = new->client_id,
        .callback = new->callback,
        .scopes = new->scopes,
        .client_generation = new->client_generation,
    };
    if (redis_call_keep(&it->call, &it->temp.token) && redis_call_keep(&it->call, &it->temp.secret) &&
        redis_call_keep(&it->call, &it->temp.client_id) && redis_call_keep(&it->call, &it->temp.callback) &&
        redis_call_keep(&it->call, &it->temp.scopes))
        redis_call_start(&it->call);
}
