#include "ephemeral/redis_settle.h"

#include "guard/nonce_decision.h"
#include "redis/reply.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Sets the record if it still is what was read, and answers what the record is then. No id is ever written twice. */
#define INSTALL_SCRIPT                              \
    "local now = redis.call('GET', KEYS[1]) or '' " \
    "if now == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) return ARGV[2] end return now"

enum { UNWATCHED_MAX_MS = 3 * REDIS_CLOCK_PERIOD_MS };

/* How long this process is patient with another one that declares an epoch, or has declared one on another server. */
enum { PATIENCE_MS = 1000, GIVING_WAY_MS = 2000, GIVING_WAY_MAX_MS = 60000, GIVING_WAY_FORGOTTEN_MS = 120000 };

static void end_run(struct redis_settle *settle, enum status status, const char *fault)
{
    settle->is_running = settle->has_read = settle->is_overtaken = false;
    (void)snprintf(settle->fault, sizeof settle->fault, "%s", fault);
    settle->done(settle->context, status);
}

/* A Cluster's node says that the key is not here, or not now: nothing is wrong with the server. */
static bool is_astray(const struct redis_settle *settle, struct slice error)
{
    static const struct slice words[] = {SLICE_INIT("MOVED "), SLICE_INIT("ASK "), SLICE_INIT("CLUSTERDOWN"),
                                         SLICE_INIT("TRYAGAIN"), SLICE_INIT("LOADING")};
    for (size_t i = 0; settle->is_part && i < COUNT_OF(words); i++)
        if (slice_starts_with(error, words[i]))
            return true;
    return false;
}

static void end_with_reply(struct redis_settle *settle, const struct redisReply *reply, const char *command)
{
    char fault[sizeof settle->fault];
    struct slice error = redis_reply_error(reply);
    if (slice_is_absent(error))
        (void)snprintf(fault, sizeof fault, "%s",
                       reply ? "it answered something impossible" : "the connection was lost");
    else
        (void)snprintf(fault, sizeof fault, "it refused %s: %.*s", command, SLICE_ARGS(error));
    end_run(settle, reply && !is_astray(settle, error) ? STATUS_BAD_INPUT : STATUS_STORE_DOWN, fault);
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t steady_ms(const struct redis_settle *settle)
{
    return clock_steady_ms(settle->clock->local);
}

/* Redis's clock as this process has known it, by steady time; 0: it has not. */
static int64_t known_ms(const struct redis_settle *settle)
{
    return settle->knows_clock ? steady_ms(settle) + settle->known_offset_ms : 0;
}

/* ---- the epoch is agreed on ---- */

static void accept_epoch(struct redis_settle *settle, const struct redis_epoch *epoch, const char *text, size_t len,
                         bool is_provisional)
{
    if (settle->is_overtaken) {
        memcpy(settle->broken, epoch->id, sizeof settle->broken);
        end_run(settle, STATUS_CONFLICT, "nonces may be missing since it was asked");
        return;
    }
    settle->epoch = *epoch;
    memcpy(settle->text, text, len);
    settle->text_len = len;
    settle->is_provisional = is_provisional;
    redis_settle_note_clock(settle);
    settle->yielded[0] = settle->looked[0] = '\0';
    settle->patience->is_waiting = false;
    if (is_provisional)
        memcpy(settle->broken, settle->durable, sizeof settle->broken);
    else
        memcpy(settle->durable, epoch->id, sizeof settle->durable);
    end_run(settle, STATUS_OK, "");
}

/* ---- jobs of the keeper's ---- */

struct settle_job {
    struct nonce_job job;        /* first */
    struct redis_settle *settle; /* NULL: nobody waits any more */
    void (*answered)(struct redis_settle *settle, struct settle_job *job);
    bool is_part;
    unsigned part;
    enum status status;
    char machine[NONCE_MACHINE_BYTES];
    struct nonce_meeting meeting;
    struct nonce_confirmation confirmation;
    /* what these point at */
    char seen[NONCE_EPOCH_ID_BYTES];
    char looked[NONCE_EPOCH_ID_BYTES];
    char yielded[NONCE_EPOCH_ID_BYTES];
    char fresh[NONCE_EPOCH_ID_BYTES];
    char left[NONCE_EPOCH_ID_BYTES];
    char record[REDIS_EPOCH_BYTES + 1];
    char server[REDIS_RUN_ID_BYTES + 2];
};

static void on_settle_job_done(struct nonce_job *base)
{
    struct settle_job *job = (struct settle_job *)base;
    if (job->settle) {
        job->settle->job = NULL;
        if (!base->was_run)
            job->status = STATUS_STORE_DOWN;
        job->answered(job->settle, job);
    }
    free(job);
}

static void start_job(struct redis_settle *settle, void (*run)(struct nonce_job *job, struct nonce_ledger *ledger),
                      void (*answered)(struct redis_settle *settle, struct settle_job *job), struct settle_job *job)
{
    job->job.run_blocking = run;
    job->job.done = on_settle_job_done;
    job->job.loop = settle->loop;
    job->settle = settle;
    job->is_part = settle->is_part;
    job->part = settle->part;
    job->answered = answered;
    settle->job = job;
    nonce_keeper_start(settle->keeper, &job->job);
}

/* ---- confirming ---- */

static void run_confirmation(struct nonce_job *base, struct nonce_ledger *ledger)
{
    struct settle_job *job = (struct settle_job *)base;
    struct slice name = SLICE(NONCE_STORE_SHARED);
    job->status = job->is_part ? ledger->decide_part_blocking(ledger, name, job->part, nonce_decide_part_confirmation,
                                                              &job->confirmation)
                               : ledger->decide_blocking(ledger, name, nonce_decide_confirmation, &job->confirmation);
}

static void note_unsure(struct redis_settle *settle, const struct nonce_confirmation *confirmation)
{
    int64_t now_ms = steady_ms(settle);
    if (confirmation->is_unsure && atomic_load(settle->unsure_until_ms) < now_ms)
        atomic_store(settle->unsure_until_ms, now_ms + settle->proposal.kept_s * 1000 / 2 + 2 * settle->lead_ms);
}

static void on_confirmation(struct redis_settle *settle, struct settle_job *job)
{
    if (job->status != STATUS_OK) {
        end_run(settle, STATUS_STORE_DOWN, "the database does not answer");
    } else if (!job->confirmation.is_in_force) {
        end_run(settle, STATUS_CONFLICT, "another epoch was declared meanwhile");
    } else {
        note_unsure(settle, &job->confirmation);
        settle->ranges = job->confirmation.ranges;
        accept_epoch(settle, &settle->proposal, settle->proposal_text, settle->proposal_len, false);
    }
}

/* Of all clocks that there are. */
static int64_t latest_ms(const struct redis_settle *settle)
{
    int64_t wall_ms = clock_wall_ms(settle->clock->local);
    int64_t redis_ms = redis_clock_last_known_ms(settle->clock);
    int64_t whole_ms = settle->is_part ? redis_clock_last_known_ms(settle->reference) : 0;
    return later_of(whole_ms, later_of(wall_ms, redis_ms));
}

/* The record is in Redis. */
static void confirm_epoch(struct redis_settle *settle)
{
    struct settle_job *job = calloc(1, sizeof *job);
    if (!job) {
        end_run(settle, STATUS_STORE_DOWN, status_text(STATUS_NO_MEMORY));
        return;
    }
    (void)snprintf(job->machine, sizeof job->machine, "%s", nonce_keeper_machine(settle->keeper));
    (void)snprintf(job->seen, sizeof job->seen, "%s", settle->proposal.id);
    job->confirmation = (struct nonce_confirmation){
        .epoch = slice_str(job->seen),
        .machine = job->machine,
        .steady_ms = steady_ms(settle),
        .known_ms = known_ms(settle),
        .latest_ms = latest_ms(settle),
        .is_unsure = atomic_load(settle->unsure_until_ms) >= steady_ms(settle),
    };
    job->job.goes_first = settle->is_part; /* behind the meetings of all parts others would have replaced it */
    start_job(settle, run_confirmation, on_confirmation, job);
}

/* ---- writing a record ---- */

/* Guards everything that any process may have accepted, until all of them have noticed the new epoch. */
static void guard_provisionally(struct redis_settle *settle, const struct redis_epoch *epoch)
{
    struct nonce_standing standing;
    uint64_t version;
    int64_t life_ms = later_of(redis_epoch_life_ms(&settle->epoch), redis_epoch_life_ms(epoch));
    int64_t beyond_ms = later_of(settle->lead_ms, life_ms);
    nonce_keeper_read(settle->keeper, &standing, &version);
    if (settle->is_part) /* what was guarded in it is not in the whole's ranges */
        accepted_ranges_guard_others(&settle->ranges, &standing.ranges);
    else
        settle->ranges = standing.ranges;
    accepted_ranges_guard_all(&settle->ranges);
    accepted_ranges_guard_span(&settle->ranges, standing.noted_clock_ms / 1000,
                               (known_ms(settle) + beyond_ms + AWAY_SLACK_MS) / 1000);
}

/* The record is in Redis. Whatever was accepted under another record is guarded. */
static void accept_alone(struct redis_settle *settle, const struct redis_epoch *epoch, const char *text, size_t len)
{
    guard_provisionally(settle, epoch);
    accept_epoch(settle, epoch, text, len, true);
}

static void on_installed(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct slice text = {0};
    if (!settle->is_running)
        return;
    if (slice_starts_with(redis_reply_error(reply), SLICE("OOM")))
        end_run(settle, STATUS_STORE_DOWN, "it is full"); /* what needs no room goes on */
    else if (redis_reply_text(reply, &text) != STATUS_OK)
        end_with_reply(settle, reply, "EVAL");
    else if (!slice_eq(text, slice_of(settle->proposal_text, settle->proposal_len)))
        end_run(settle, STATUS_CONFLICT, "others replaced its epoch");
    else if (settle->is_alone)
        accept_alone(settle, &settle->proposal, settle->proposal_text, settle->proposal_len);
    else
        confirm_epoch(settle);
}

static void install_record(struct redis_settle *settle)
{
    char end[24];
    struct buf text = buf_fixed(end, sizeof end);
    buf_add_i64(&text, settle->now_ms + redis_epoch_life_ms(&settle->proposal));
    const struct slice args[] = {SLICE("EVAL"),
                                 SLICE(INSTALL_SCRIPT),
                                 SLICE("1"),
                                 redis_settle_key(settle),
                                 slice_of(settle->seen, settle->seen_len),
                                 slice_of(settle->proposal_text, settle->proposal_len),
                                 buf_slice(&text)};
    enum status status = redis_send(settle->client, args, COUNT_OF(args), on_installed, settle);
    if (status != STATUS_OK)
        end_run(settle, STATUS_STORE_DOWN, status_text(status));
}

static bool seen_is_whole(const struct redis_settle *settle)
{
    return settle->seen_epoch.id[0] && strcmp(settle->seen_epoch.id, settle->broken) != 0;
}

static int64_t needed_s(const struct redis_settle *settle)
{
    return nonce_kept_for_s(settle->skew_ms);
}

/* In an epoch whose nonces are kept for less than this process needs, it would accept what is forgotten already. */
static bool seen_stands(const struct redis_settle *settle)
{
    return seen_is_whole(settle) && settle->seen_epoch.kept_s >= needed_s(settle);
}

static void note_loss(struct redis_settle *settle)
{
    struct buf text = buf_fixed(settle->loss, sizeof settle->loss);
    settle->loss[0] = '\0';
    if (!seen_is_whole(settle) || seen_stands(settle))
        return;
    nonce_epoch_tell_short(settle->seen_epoch.kept_s, needed_s(settle), &text);
    (void)!buf_string(&text);
}

static enum status make_proposal(struct redis_settle *settle, bool is_alone)
{
    struct buf text = buf_fixed(settle->proposal_text, sizeof settle->proposal_text);
    unsigned usual = settle->is_part ? REDIS_PART_SHARDS : REDIS_SHARDS;
    unsigned shards = settle->seen_epoch.id[0] ? settle->seen_epoch.shards : usual;
    TRY(redis_epoch_make(settle->server.run_id, shards, needed_s(settle), &settle->proposal));
    settle->is_alone = is_alone;
    redis_epoch_write(&settle->proposal, &text);
    settle->proposal_len = text.len;
    return STATUS_OK;
}

/* ---- without the durable store (rule 11) ---- */

static void go_on_alone(struct redis_settle *settle)
{
    int64_t apart_ms = redis_clock_last_known_ms(settle->clock) - known_ms(settle);
    bool is_known =
        seen_stands(settle) && slice_eq(redis_settle_text(settle), slice_of(settle->seen, settle->seen_len));
    if (!settle->knows_clock || settle->durable[0] == '\0') {
        end_run(settle, STATUS_STORE_DOWN, "the database does not answer");
    } else if (apart_ms > CLOCK_LEAP_MS || apart_ms < -CLOCK_LEAP_MS) {
        end_run(settle, STATUS_STORE_DOWN, "its clock has moved, and the database does not answer");
    } else if (is_known) {
        accept_epoch(settle, &settle->seen_epoch, settle->seen, settle->seen_len, settle->is_provisional);
    } else if (seen_stands(settle)) { /* what others agreed on */
        accept_alone(settle, &settle->seen_epoch, settle->seen, settle->seen_len);
    } else if (make_proposal(settle, true) == STATUS_OK) {
        install_record(settle);
    } else {
        end_run(settle, STATUS_STORE_DOWN, status_text(STATUS_NO_RANDOMNESS));
    }
}

/* ---- meeting ---- */

static void run_meeting(struct nonce_job *base, struct nonce_ledger *ledger)
{
    struct settle_job *job = (struct settle_job *)base;
    struct slice name = SLICE(NONCE_STORE_SHARED);
    job->status = job->is_part
                      ? ledger->decide_part_blocking(ledger, name, job->part, nonce_decide_part_meeting, &job->meeting)
                      : ledger->decide_blocking(ledger, name, nonce_decide_meeting, &job->meeting);
}

/* Where another server's epoch is in force, though this one holds the record of one that was: two primaries serve, or
 * this one came back. */
static bool is_patient(const struct redis_settle *settle)
{
    const struct redis_patience *patience = settle->patience;
    return settle->seen_epoch.id[0] && (!patience->is_waiting || clock_monotonic_ms() < patience->until_ms);
}

/* Whoever gave way a moment ago waits longer, so that two sides do not end each other's epochs for ever. */
static void give_way(struct redis_patience *patience)
{
    int64_t now_ms = clock_monotonic_ms();
    if (patience->is_waiting)
        return;
    if (now_ms - patience->until_ms > GIVING_WAY_FORGOTTEN_MS)
        patience->length_ms = 0;
    patience->is_waiting = true;
    patience->length_ms = patience->length_ms ? patience->length_ms * 2 : GIVING_WAY_MS;
    if (patience->length_ms > GIVING_WAY_MAX_MS)
        patience->length_ms = GIVING_WAY_MAX_MS;
    patience->until_ms = now_ms + patience->length_ms;
}

static void yield_to(struct redis_settle *settle, const char *epoch)
{
    if (strcmp(settle->yielded, epoch) == 0)
        return;
    (void)snprintf(settle->yielded, sizeof settle->yielded, "%s", epoch);
    settle->yielded_at_ms = clock_monotonic_ms();
}

static void on_meeting(struct redis_settle *settle, struct settle_job *job)
{
    const struct nonce_meeting *meeting = &job->meeting;
    if (job->status != STATUS_OK) {
        go_on_alone(settle);
    } else if (meeting->outcome == NONCE_STANDS) {
        settle->ranges = meeting->row.ranges;
        accept_epoch(settle, &settle->seen_epoch, settle->seen, settle->seen_len, false);
    } else if (meeting->outcome == NONCE_CONFIRMS) {
        settle->proposal = settle->seen_epoch;
        settle->proposal_len = settle->seen_len;
        memcpy(settle->proposal_text, settle->seen, settle->seen_len);
        confirm_epoch(settle);
    } else if (meeting->outcome == NONCE_YIELDS) {
        yield_to(settle, meeting->row.epoch);
        end_run(settle, STATUS_CONFLICT, "another process declares an epoch");
    } else if (meeting->outcome == NONCE_LOOKS_AGAIN) {
        (void)snprintf(settle->looked, sizeof settle->looked, "%s", meeting->row.epoch);
        if (redis_settle_start(settle) != STATUS_OK)
            end_run(settle, STATUS_STORE_DOWN, "the connection was lost");
    } else if (meeting->outcome == NONCE_GIVES_WAY) {
        give_way(settle->patience);
        end_run(settle, STATUS_STORE_DOWN, "other processes use another Redis under the same name");
    } else {
        install_record(settle);
    }
}

/* Whether the ledger is known not to answer, so that it makes no sense to wait for it once more. */
static bool ledger_is_away(struct redis_settle *settle)
{
    struct nonce_standing standing;
    uint64_t version;
    nonce_keeper_read(settle->keeper, &standing, &version);
    return nonce_standing_missing_ms(&standing) >= GONE_AFTER_MS && settle->knows_clock && settle->durable[0];
}

static void ask_ledger(struct redis_settle *settle)
{
    note_loss(settle);
    if (ledger_is_away(settle)) {
        go_on_alone(settle);
        return;
    }
    struct settle_job *job = calloc(1, sizeof *job);
    enum status status = job ? make_proposal(settle, false) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        free(job);
        end_run(settle, STATUS_STORE_DOWN, status_text(status));
        return;
    }
    (void)snprintf(job->seen, sizeof job->seen, "%s", settle->seen_epoch.id);
    if (clock_monotonic_ms() - settle->yielded_at_ms >= PATIENCE_MS)
        (void)snprintf(job->yielded, sizeof job->yielded, "%s", settle->yielded);
    (void)snprintf(job->left, sizeof job->left, "%s", settle->durable);
    (void)snprintf(job->fresh, sizeof job->fresh, "%s", settle->proposal.id);
    (void)snprintf(job->looked, sizeof job->looked, "%s", settle->looked);
    (void)snprintf(job->record, sizeof job->record, "%.*s", (int)settle->proposal_len, settle->proposal_text);
    (void)snprintf(job->server, sizeof job->server, " %s ", settle->server.run_id);
    job->meeting = (struct nonce_meeting){
        .seen = slice_str(job->seen),
        .stands = seen_stands(settle),
        .looked = slice_str(job->looked),
        .yielded = slice_str(job->yielded),
        .fresh = slice_str(job->fresh),
        .record = slice_str(job->record),
        .server = slice_str(job->server),
        .is_patient = is_patient(settle),
        .left = slice_str(job->left),
        .now_ms = settle->now_ms,
        .lead_ms = settle->lead_ms,
    };
    start_job(settle, run_meeting, on_meeting, job);
}

/* ---- the questions ---- */

/* Whoever renews a part's record asks whether its slot is on its way. Where nobody did for longer, a move may have been
 * begun and broken off, and left sets at the other node. */
static bool was_watched(const struct redis_settle *settle, int64_t left_ms)
{
    return !settle->is_part || left_ms >= redis_epoch_life_ms(&settle->seen_epoch) - UNWATCHED_MAX_MS;
}

/* A record that outlives its life shows a clock that was set back. */
static void on_life(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    int64_t left_ms = 0;
    if (!settle->is_running)
        return;
    if (redis_reply_integer(reply, &left_ms) != STATUS_OK) {
        end_with_reply(settle, reply, "PTTL");
        return;
    }
    bool names_server = strcmp(settle->seen_epoch.run_id, settle->server.run_id) == 0;
    bool is_within_life = left_ms >= 0 && left_ms <= redis_epoch_life_ms(&settle->seen_epoch) + CLOCK_LEAP_MS;
    if (!names_server || !is_within_life || !was_watched(settle, left_ms))
        settle->seen_epoch.id[0] = '\0';
    settle->greeted(settle->context);
    if (settle->begin_settling(settle->context))
        ask_ledger(settle);
    else
        end_run(settle, STATUS_CONFLICT, "another loop asks the database");
}

static void on_record(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct slice text = SLICE("");
    char fault[64];
    if (!settle->is_running)
        return;
    enum status status = redis_reply_text(reply, &text);
    settle->has_read = true;
    settle->seen_epoch = (struct redis_epoch){0};
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        end_with_reply(settle, reply, "GET");
    } else if (text.len > REDIS_EPOCH_BYTES) {
        (void)snprintf(fault, sizeof fault, "its key %.*s holds something else", SLICE_ARGS(redis_settle_key(settle)));
        end_run(settle, STATUS_BAD_INPUT, fault);
    } else {
        settle->seen_len = text.len;
        memcpy(settle->seen, text.ptr, text.len);
        (void)!redis_epoch_parse(text, &settle->seen_epoch); /* a text that is no record of ours counts as no record */
    }
}

static void leave_epoch(struct redis_settle *settle)
{
    memcpy(settle->broken, settle->epoch.id, sizeof settle->broken);
}

static void on_time(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    if (!settle->is_running)
        return;
    if (redis_reply_time(reply, &settle->now_ms) != STATUS_OK) {
        end_with_reply(settle, reply, "TIME");
    } else {
        if (redis_clock_set(settle->clock, settle->asked_ms, settle->now_ms))
            leave_epoch(settle); /* what is read next is judged by that */
    }
}

static void on_info(void *context, const struct redisReply *reply)
{
    struct redis_settle *settle = context;
    struct redis_server before = settle->server;
    struct slice info = {0};
    char memory[sizeof settle->fault];
    struct buf why = buf_fixed(memory, sizeof memory);
    if (!settle->is_running)
        return;
    if (redis_reply_text(reply, &info) != STATUS_OK || redis_server_parse(info, &settle->server) != STATUS_OK) {
        end_with_reply(settle, reply, "INFO");
        return;
    }
    if (strcmp(before.run_id, settle->server.run_id) == 0 &&
        (before.evicted != settle->server.evicted || !redis_server_is_same(&before, info)))
        leave_epoch(settle); /* while there was no connection, or another loss was met */
    if (redis_server_check(&settle->server, &why) != STATUS_OK)
        end_run(settle, STATUS_BAD_INPUT, buf_string(&why));
}

enum status redis_settle_start(struct redis_settle *settle)
{
    const struct {
        struct slice args[2];
        size_t count;
        redis_done_fn done;
    } questions[] = {
        {{SLICE("INFO")}, 1, on_info},
        {{SLICE("TIME")}, 1, on_time},
        {{SLICE("GET"), redis_settle_key(settle)}, 2, on_record},
        {{SLICE("PTTL"), redis_settle_key(settle)}, 2, on_life},
    };
    settle->is_running = true;
    settle->asked_ms = steady_ms(settle);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < COUNT_OF(questions); i++)
        status = redis_send(settle->client, questions[i].args, questions[i].count, questions[i].done, settle);
    settle->is_running = status == STATUS_OK;
    return status;
}

void redis_settle_note_clock(struct redis_settle *settle)
{
    if (!redis_clock_is_near(settle->clock))
        return;
    const struct redis_clock *clock = settle->is_part ? settle->reference : settle->clock;
    if (!clock->was_read)
        return;
    settle->known_offset_ms = clock->offset_ms;
    settle->knows_clock = true;
    nonce_keeper_tell_clock(settle->keeper, redis_clock_last_known_ms(clock));
}

void redis_settle_break(struct redis_settle *settle)
{
    leave_epoch(settle);
    settle->is_overtaken = settle->is_running;
}

void redis_settle_leave(struct redis_settle *settle)
{
    leave_epoch(settle);
    settle->is_overtaken = settle->is_overtaken || settle->has_read;
}

void redis_settle_stop(struct redis_settle *settle)
{
    settle->is_running = settle->has_read = settle->is_overtaken = false;
    struct settle_job *job = settle->job;
    settle->job = NULL;
    if (!job)
        return;
    job->settle = NULL;
    nonce_keeper_cancel(settle->keeper, &job->job);
}
