#include "store/redis_settle.h"

#include "store/redis_reply.h"

#include <stdio.h>

enum { ROUNDS_MAX = 8 };

/* Sets the record if it still is what we read; answers what it is then. */
#define REPLACE_SCRIPT                              \
    "local now = redis.call('GET', KEYS[1]) or '' " \
    "if now == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return ARGV[2] end return now"

static void end(struct redis_settle *settle, enum status status, const char *problem)
{
    settle->is_running = false;
    (void)snprintf(settle->problem, sizeof settle->problem, "%s", problem);
    settle->done(settle->context, status);
}

static void end_with_reply(struct redis_settle *settle, const struct redisReply *reply, const char *command)
{
    char problem[sizeof settle->problem];
    struct slice error = redis_reply_error(reply);
    if (slice_is_absent(error))
        (void)snprintf(problem, sizeof problem, "%s",
                       reply ? "it answered something impossible" : "the connection was lost");
    else
        (void)snprintf(problem, sizeof problem, "it refused %s: %.*s", command, SLICE_ARGS(error));
    end(settle, STATUS_STORE_DOWN, problem);
}

/* ---- the record ---- */

static void judge(struct redis_settle *settle, struct slice text);

static void replaced(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct slice text = {0};
    if (redis_reply_text(reply, &text) != STATUS_OK)
        end_with_reply(settle, reply, "EVAL");
    else
        judge(settle, text);
}

static void propose(struct redis_settle *settle, struct slice present, const struct redis_epoch *old,
                    int64_t changed_ms)
{
    struct redis_epoch epoch;
    struct buf text = buf_fixed(settle->proposal, sizeof settle->proposal);
    enum status status = redis_epoch_make(settle->server.run_id, changed_ms, old ? old->shards : REDIS_SHARDS, &epoch);
    if (status != STATUS_OK) {
        end(settle, status, status_text(status));
        return;
    }
    redis_epoch_write(&epoch, &text);
    const struct slice args[] = {SLICE("EVAL"), SLICE(REPLACE_SCRIPT), SLICE("1"), REDIS_EPOCH_KEY,
                                 present,       buf_slice(&text)};
    status = redis_send(settle->client, args, COUNT_OF(args), replaced, settle);
    if (status != STATUS_OK)
        end(settle, status, status_text(status));
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A process that has accepted nonces after the record's T, by a clock that was ahead of the new server's, knows better;
 * so does one that saw the clock go back. */
static bool holds(const struct redis_settle *settle, const struct redis_epoch *epoch)
{
    const struct redis_settle_facts *facts = &settle->facts;
    bool is_ours = facts->knows_epoch && strcmp(epoch->id, facts->epoch_id) == 0;
    if (facts->must_change && !facts->knows_epoch)
        return settle->rounds > 0; /* ours, or another that came in between */
    if (strcmp(epoch->run_id, settle->server.run_id) != 0)
        return false;
    if (is_ours)
        return !facts->must_change;
    return !facts->knows_epoch || facts->last_spend_ms <= epoch->changed_ms;
}

static void judge(struct redis_settle *settle, struct slice text)
{
    struct redis_epoch epoch = {0};
    bool is_known = redis_epoch_parse(text, &epoch) == STATUS_OK;
    if (is_known && holds(settle, &epoch)) {
        settle->epoch = epoch;
        settle->text_len = text.len;
        memcpy(settle->text, text.ptr, text.len);
        end(settle, STATUS_OK, "");
        return;
    }
    if (++settle->rounds > ROUNDS_MAX) {
        end(settle, STATUS_STORE_DOWN, "others keep replacing its epoch");
        return;
    }
    bool needs_guard = text.len > 0 || !settle->facts.is_first;
    int64_t changed_ms = later(later(settle->now_ms, settle->earlier_ms), settle->facts.last_spend_ms);
    propose(settle, text, is_known ? &epoch : NULL, needs_guard ? changed_ms : 0);
}

/* ---- the questions ---- */

static void took_record(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct slice text = SLICE("");
    if (!settle->is_running)
        return;
    enum status status = redis_reply_text(reply, &text);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        judge(settle, text);
    else
        end_with_reply(settle, reply, "GET");
}

static void took_time(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    if (!settle->is_running)
        return;
    settle->earlier_ms = redis_clock_last_known_ms(settle->clock);
    if (redis_reply_time(reply, &settle->now_ms) != STATUS_OK)
        end_with_reply(settle, reply, "TIME");
    else if (redis_clock_set(settle->clock, settle->now_ms))
        settle->facts.must_change = true;
}

static void took_info(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct slice info = {0};
    char memory[sizeof settle->problem];
    struct buf why = buf_fixed(memory, sizeof memory);
    if (!settle->is_running)
        return;
    if (redis_reply_text(reply, &info) != STATUS_OK || redis_server_parse(info, &settle->server) != STATUS_OK)
        end_with_reply(settle, reply, "INFO");
    else if (redis_server_check(&settle->server, &why) != STATUS_OK)
        end(settle, STATUS_BAD_INPUT, buf_string(&why));
}

enum status redis_settle_start(struct redis_settle *settle, const struct redis_settle_facts *facts)
{
    const struct slice info[] = {SLICE("INFO")};
    const struct slice time[] = {SLICE("TIME")};
    const struct slice get[] = {SLICE("GET"), REDIS_EPOCH_KEY};
    settle->facts = *facts;
    settle->rounds = 0;
    settle->is_running = true;
    enum status status = redis_send(settle->client, info, COUNT_OF(info), took_info, settle);
    if (status == STATUS_OK)
        status = redis_send(settle->client, time, COUNT_OF(time), took_time, settle);
    if (status == STATUS_OK)
        status = redis_send(settle->client, get, COUNT_OF(get), took_record, settle);
    settle->is_running = status == STATUS_OK;
    return status;
}
