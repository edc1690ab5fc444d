#include "ephemeral/redis_view.h"
#include "ephemeral/temp_rules.h"

#include <stdio.h>

/* Temporary credentials: one key each, a sealed record. Every change reads it, lets the rule of temp_rules.h change it,
 * and puts it back on condition that it still is what was read, before it tells anybody: so every change is one atomic
 * step, and of guesses that race no more than TEMP_MAX_WRONG count as tried.
 *
 * Turns with Redis: what is known beforehand is asked in the turn that reads the record (the numbers of its owners). A
 * change that is handed the record as an earlier call read it (temp_credential.kept) reads nothing: it is judged as it
 * was handed in, and put back in the same turn; where that is not what Redis holds any more, it is read after all. */

enum { ROUNDS_MAX = 32, TTL_BYTES = 24 };

struct temp_call {
    struct redis_call call; /* first */
    char key_memory[REDIS_KEY_BYTES];
    struct slice key;
    temp_rule_fn rule;
    struct temp_change change;
    bool has_result;
    struct slice client_hint; /* whose it seems to be; empty, 0: not known */
    int64_t user_hint;
    struct slice sealed; /* the record as it is in Redis */
    struct slice fresh;  /* as it is to be */
    struct temp_credential temp;
    int64_t client_ended; /* the record's: how often its owners had been ended */
    int64_t user_ended;
    struct slice client_asked; /* whose numbers this round has asked for */
    int64_t user_asked;
    int64_t client_ended_now;
    int64_t user_ended_now;
    enum status outcome;  /* of the rule */
    int64_t was_replaced; /* whether the record still was `sealed`, and is `fresh` now */
    unsigned rounds;
};

static struct temp_call *call_of(void *context)
{
    return context;
}

static void end_temp_call(struct temp_call *it, enum status status)
{
    struct temp_credential *copy = NULL;
    if (status == STATUS_OK && it->has_result) {
        it->temp.kept = it->sealed;
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

static enum status seal_record(struct temp_call *it)
{
    struct buf record = buf_in(&it->call.arena);
    struct buf sealed = buf_in(&it->call.arena);
    write_record(it, &record);
    if (record.failed || record.len > EPHEMERAL_VALUE_MAX_BYTES)
        return STATUS_NO_MEMORY;
    TRY(redis_value_seal(it->call.view, it->key, buf_slice(&record), &sealed));
    it->fresh = buf_slice(&sealed);
    return STATUS_OK;
}

static enum status open_record(struct temp_call *it)
{
    struct buf record = buf_in(&it->call.arena);
    enum status status = redis_value_open(it->call.view, it->key, it->sealed, &record);
    if (status != STATUS_OK) /* a client on its way waits until the key is back, for it is told to try again */
        return status == STATUS_NOT_FOUND ? STATUS_STORE_CORRUPT : status;
    return read_record(it, buf_slice(&record)) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* ---- owners ---- */

/* 0: none yet. */
static int64_t user_of(const struct temp_call *it)
{
    if (it->temp.user != 0)
        return it->temp.user;
    return it->rule == temp_rule_grant ? it->change.grant.user : it->change.user;
}

static bool is_ended(const struct temp_call *it)
{
    return it->client_ended != it->client_ended_now || (it->temp.user != 0 && it->user_ended != it->user_ended_now);
}

static void on_client_ended(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_ended_number(reply, &call_of(context)->client_ended_now));
}

static void on_user_ended(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_ended_number(reply, &call_of(context)->user_ended_now));
}

/* A number that is known already, or that is of nobody, is not asked for. */
static void ask_owners(struct temp_call *it, struct slice client_id, int64_t user)
{
    char memory[REDIS_KEY_BYTES];
    if (!slice_eq(client_id, it->client_asked))
        redis_turn_ask_ended(&it->call, redis_ended_key(memory, EPHEMERAL_CLIENT, client_id), on_client_ended);
    if (user != it->user_asked && user != 0)
        redis_turn_ask_ended(&it->call, redis_user_key(memory, user), on_user_ended);
    it->client_asked = client_id;
    it->user_asked = user;
}

/* ---- changes ---- */

static void fetch_record(struct temp_call *it);

static void on_replaced(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_reply_integer(reply, &call_of(context)->was_replaced));
}

static void replace_record(struct temp_call *it)
{
    const struct slice args[] = {SLICE("EVAL"), SLICE(REDIS_REPLACE_SCRIPT), SLICE("1"), it->key, it->sealed,
                                 it->fresh};
    redis_turn_send(&it->call, args, COUNT_OF(args), on_replaced);
}

static void tell_outcome(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    if (it->was_replaced) {
        it->sealed = it->fresh;
        end_temp_call(it, is_ended(it) ? STATUS_TOKEN_REJECTED : it->outcome);
    } else if (++it->rounds < ROUNDS_MAX && ticket_is_live(it->call.ticket)) {
        fetch_record(it); /* another process was faster, so the record is read and judged anew */
    } else {
        end_temp_call(it, STATUS_STORE_DOWN);
    }
}

/* By its rule, and what it is to be then. *ret_changed: whether that is another record. */
static enum status apply_rule(struct temp_call *it, bool *ret_changed)
{
    int64_t now_ms = redis_clock_now_ms(&it->call.view->clock);
    if (now_ms == 0)
        return STATUS_STORE_DOWN;
    it->temp.expired = now_ms - it->temp.created_ms >= it->call.view->store->options.temp_ttl_ms;
    it->outcome = it->rule(&it->temp, &it->change, ret_changed);
    it->fresh = it->sealed;
    return *ret_changed ? seal_record(it) : STATUS_OK;
}

/* The record was read in this call, and the numbers of its owners are there. */
static void judge_record(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    bool is_changed = false;
    if (is_ended(it)) {
        end_temp_call(it, STATUS_TOKEN_REJECTED);
        return;
    }
    if (user_of(it) != 0)
        it->user_ended = it->user_ended_now;
    enum status status = apply_rule(it, &is_changed);
    if (status != STATUS_OK) {
        end_temp_call(it, status);
        return;
    }
    /* a right verifier changes nothing, but it counts only if no wrong one came in between */
    if (!is_changed && !(it->rule == temp_rule_try && it->outcome == STATUS_OK)) {
        end_temp_call(it, it->outcome);
        return;
    }
    redis_turn_begin(&it->call, tell_outcome);
    replace_record(it);
    redis_turn_end(&it->call);
}

/* Nothing is told of what was handed in unless Redis holds just that; nor, then, if its owners were ended: a record
 * whose owners were ended is dead for good, so that it does not matter what it was replaced with. */
static void judge_kept(struct temp_call *it)
{
    bool is_changed = false;
    enum status status = open_record(it);
    if (status == STATUS_OK)
        status = apply_rule(it, &is_changed);
    if (status != STATUS_OK) {
        end_temp_call(it, status);
        return;
    }
    redis_turn_begin(&it->call, tell_outcome);
    ask_owners(it, it->temp.client_id, it->temp.user);
    replace_record(it);
    redis_turn_end(&it->call);
}

static void ask_rest(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    redis_turn_begin(call, judge_record);
    ask_owners(it, it->temp.client_id, user_of(it));
    redis_turn_end(call);
}

static void on_temp_record(void *context, const struct redisReply *reply)
{
    struct temp_call *it = call_of(context);
    enum status status = redis_reply_text(reply, &it->sealed);
    if (status == STATUS_OK) {
        it->sealed = arena_copy(&it->call.arena, it->sealed);
        status = slice_is_absent(it->sealed) ? STATUS_NO_MEMORY : open_record(it);
    }
    redis_turn_took(context, status == STATUS_NOT_FOUND ? STATUS_TOKEN_REJECTED : status);
}

static void fetch_record(struct temp_call *it)
{
    const struct slice args[] = {SLICE("GET"), it->key};
    it->client_asked = SLICE("");
    it->user_asked = 0;
    redis_turn_begin(&it->call, ask_rest);
    redis_turn_send(&it->call, args, COUNT_OF(args), on_temp_record);
    ask_owners(it, it->client_hint, it->user_hint);
    redis_turn_end(&it->call);
}

static void go_change(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    if (it->sealed.len)
        judge_kept(it);
    else
        fetch_record(it);
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

/* NULL: it has ended. */
static struct temp_call *new_change(struct ephemeral *view, const struct temp_credential *temp, temp_rule_fn rule,
                                    struct ticket ticket)
{
    struct temp_call *it = new_call(view, temp->token, go_change, ticket);
    if (!it)
        return NULL;
    it->rule = rule;
    it->has_result = rule != temp_rule_exchange;
    it->client_hint = temp->client_id;
    it->user_hint = temp->user;
    return redis_call_keep(&it->call, &it->client_hint) ? it : NULL;
}

void redis_temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id, struct ticket ticket)
{
    const struct temp_credential temp = {.token = token, .client_id = client_id};
    struct temp_call *it = new_change(view, &temp, temp_rule_look, ticket);
    if (it)
        redis_call_start(&it->call);
}

/* What binds it to a user needs that one's number before it can be written. */
void redis_temp_grant_start(struct ephemeral *view, const struct temp_credential *temp, const struct temp_grant *grant,
                            struct ticket ticket)
{
    struct temp_call *it = new_change(view, temp, temp_rule_grant, ticket);
    if (!it)
        return;
    it->user_hint = grant->user;
    it->change.grant = *grant;
    if (redis_call_keep(&it->call, &it->change.grant.username) &&
        redis_call_keep(&it->call, &it->change.grant.scopes) && redis_call_keep(&it->call, &it->change.grant.verifier))
        redis_call_start(&it->call);
}

void redis_temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                           struct ticket ticket)
{
    struct temp_call *it = new_change(view, temp, temp_rule_deny, ticket);
    if (!it)
        return;
    it->user_hint = user;
    it->change.user = user;
    redis_call_start(&it->call);
}

void redis_temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                          struct ticket ticket)
{
    struct temp_call *it = new_change(view, temp, temp_rule_try, ticket);
    if (!it)
        return;
    it->sealed = temp->kept;
    it->change.verifier = verifier;
    if (redis_call_keep(&it->call, &it->sealed) && redis_call_keep(&it->call, &it->change.verifier))
        redis_call_start(&it->call);
}

void redis_temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket)
{
    struct temp_call *it = new_change(view, temp, temp_rule_exchange, ticket);
    if (!it)
        return;
    it->sealed = temp->kept;
    if (redis_call_keep(&it->call, &it->sealed))
        redis_call_start(&it->call);
}

/* ---- creation ---- */

static void on_created(void *context, const struct redisReply *reply)
{
    redis_turn_took(context, redis_reply_set(reply));
}

static void tell_corrected(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    end_temp_call(it, it->was_replaced ? STATUS_OK : STATUS_STORE_DOWN);
}

/* Nobody but this call knows the token yet. */
static void correct_record(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    if (it->client_ended == it->client_ended_now) {
        end_temp_call(it, STATUS_OK);
        return;
    }
    it->client_ended = it->client_ended_now;
    it->sealed = it->fresh;
    enum status status = seal_record(it);
    if (status != STATUS_OK) {
        end_temp_call(it, status);
        return;
    }
    redis_turn_begin(call, tell_corrected);
    replace_record(it);
    redis_turn_end(call);
}

/* Made, in the turn that asks for its client's number, as if that were 0, as it is of all clients but those that were
 * disabled once; where it is another, what was made is dead until it is corrected. */
static void go_create(struct redis_call *call)
{
    struct temp_call *it = call_of(call);
    char ttl[TTL_BYTES];
    it->temp.created_ms = redis_clock_now_ms(&call->view->clock);
    enum status status = it->temp.created_ms ? seal_record(it) : STATUS_STORE_DOWN;
    if (status != STATUS_OK) {
        end_temp_call(it, status);
        return;
    }
    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)redis_ttl(call->view->store->options.temp_ttl_ms * 2));
    const struct slice args[] = {SLICE("SET"), it->key, it->fresh, SLICE("NX"), SLICE("PX"), slice_str(ttl)};
    redis_turn_begin(call, correct_record);
    ask_owners(it, it->temp.client_id, 0);
    redis_turn_send(call, args, COUNT_OF(args), on_created);
    redis_turn_end(call);
}

void redis_temp_create_start(struct ephemeral *view, const struct temp_new *new, struct ticket ticket)
{
    struct temp_call *it = new_call(view, new->token, go_create, ticket);
    if (!it)
        return;
    it->temp = temp_credential_of(new, 0); /* the clock is read once it goes */
    if (redis_call_keep(&it->call, &it->temp.token) && redis_call_keep(&it->call, &it->temp.secret) &&
        redis_call_keep(&it->call, &it->temp.client_id) && redis_call_keep(&it->call, &it->temp.callback) &&
        redis_call_keep(&it->call, &it->temp.scopes))
        redis_call_start(&it->call);
}
