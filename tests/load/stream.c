/* stream: new signed requests at a rate, each sent again once a second for a time. SIGTERM: no new ones from now on.
 *
 * Timestamps lag and lead as told. Whatever became of a request the first time (accepted, refused, no answer), it may
 * be accepted once in all; each acceptance beyond is printed and counted. Requests and replays go to any target. */
#include "base/clock.h"
#include "load.h"
#include "pool.h"
#include "tally.h"

#include <signal.h>
#include <stdlib.h>

enum {
    SENT_MAX = 1 << 20, /* kept for replays at once */
    REST_NS = 20000000, /* of a target that refused a connection */
    INTERVAL_NS = 100000000,
    REPLAY_EVERY_NS = 1000000000,
};

struct sent {
    struct stream *stream;
    struct buf request;
    int64_t next_ns, last_ns; /* of replays */
    unsigned times, accepted;
    int64_t accepted_ms; /* wall; the first time */
};

/* What happened to first sends since the last line. */
struct interval {
    int64_t begun_ns;
    uint64_t verdicts[VERDICT_COUNT];
    int64_t slowest_ns;
};

struct stream {
    const struct options *options;
    struct client client;
    struct credentials credentials;
    struct pool pool;
    struct tally first, again;
    struct interval interval;
    struct connection **idle;
    size_t idle_count;
    int64_t rests_until_ns[POOL_MAX_TARGETS];
    struct sent **queue; /* a ring of SENT_MAX, by next_ns: every replay is as late as the one before it */
    size_t queue_first, queue_count;
    int64_t begun_ns, end_ns;
    uint64_t made, replayed, accepted_again, accepted_late;
    struct buf line;
};

static volatile sig_atomic_t told_to_end;

static void on_sigterm(int unused)
{
    (void)unused;
    told_to_end = 1;
}

/* ---- replays ---- */

static void forget(struct sent *sent)
{
    buf_done(&sent->request);
    free(sent);
}

static void keep_for_replay(struct stream *s, struct sent *sent)
{
    sent->next_ns = clock_monotonic_ns() + REPLAY_EVERY_NS;
    if (sent->next_ns > sent->last_ns) {
        forget(sent);
        return;
    }
    must(s->queue_count < SENT_MAX, "too many requests to send again: a lower rate, or fewer seconds");
    s->queue[(s->queue_first + s->queue_count++) % SENT_MAX] = sent;
}

static struct sent *due_replay(struct stream *s, int64_t now_ns)
{
    if (s->queue_count == 0 || s->queue[s->queue_first]->next_ns > now_ns)
        return NULL;
    struct sent *sent = s->queue[s->queue_first];
    s->queue_first = (s->queue_first + 1) % SENT_MAX;
    s->queue_count--;
    s->replayed++;
    return sent;
}

/* ---- answers ---- */

static void report_accepted_again(struct stream *s, const struct sent *sent, size_t target)
{
    struct json_writer w = json_writer(&s->line);
    json_begin_object(&w);
    json_member_text(&w, "event", "accepted again");
    json_member_int(&w, "at_ms", wall_ms());
    json_member_int(&w, "accepted_at_ms", sent->accepted_ms);
    json_member_int(&w, "times_sent", sent->times);
    json_member_int(&w, "target", (int64_t)target);
    json_member_string(&w, "request", buf_slice(&sent->request));
    json_end_object(&w);
    print_line(&s->line);
}

static void accepted(struct stream *s, struct sent *sent, size_t target)
{
    s->accepted_late += sent->accepted == 0 && sent->times > 1;
    if (sent->accepted++ == 0) {
        sent->accepted_ms = wall_ms();
        return;
    }
    s->accepted_again++;
    report_accepted_again(s, sent, target);
}

static void answered(void *owner, struct connection *connection, const struct answer *answer)
{
    struct sent *sent = owner;
    struct stream *s = sent->stream;
    const bool first = sent->times == 1;
    enum verdict verdict = tally_add(first ? &s->first : &s->again, answer);
    if (first) {
        s->interval.verdicts[verdict]++;
        if (answer->took_ns > s->interval.slowest_ns)
            s->interval.slowest_ns = answer->took_ns;
    }
    if (verdict == VERDICT_ACTIVE)
        accepted(s, sent, connection->target);
    if (answer->outcome == OUTCOME_NOT_CONNECTED)
        s->rests_until_ns[connection->target] = clock_monotonic_ns() + REST_NS;
    s->idle[s->idle_count++] = connection;
    keep_for_replay(s, sent);
}

/* ---- sending ---- */

static struct sent *new_request(struct stream *s, int64_t now_ns)
{
    const struct options *o = s->options;
    struct sent *sent = calloc(1, sizeof *sent);
    must(sent != NULL, "no memory for a request");
    int64_t spread_s = (int64_t)client_random(&s->client, (size_t)(o->lag_s + o->lead_s + 1)) - o->lag_s;
    size_t which = client_random(&s->client, s->credentials.count);
    sent->stream = s;
    sent->last_ns = now_ns + o->replay_s * 1000000000;
    (o->direct      ? client_request
     : o->batch > 1 ? client_batch
                    : client_introspection)(&s->client, o, &s->credentials.list[which],
                                            wall_ms() / 1000 + o->clock_offset_s + spread_s, &sent->request);
    s->made++;
    return sent;
}

static bool sends_new_ones(const struct stream *s, int64_t now_ns)
{
    return now_ns < s->end_ns && !told_to_end;
}

static bool new_is_due(const struct stream *s, int64_t now_ns)
{
    if (!sends_new_ones(s, now_ns))
        return false;
    return s->options->rate == 0 || (int64_t)s->made * 1000 < (now_ns - s->begun_ns) / 1000000 * s->options->rate;
}

/* An idle connection to a target that does not rest, taken out of the list; NULL if there is none. */
static struct connection *take_idle(struct stream *s, int64_t now_ns)
{
    size_t from = s->idle_count ? client_random(&s->client, s->idle_count) : 0;
    for (size_t i = 0; i < s->idle_count; i++) {
        size_t at = (from + i) % s->idle_count;
        struct connection *connection = s->idle[at];
        if (s->rests_until_ns[connection->target] <= now_ns) {
            s->idle[at] = s->idle[--s->idle_count];
            return connection;
        }
    }
    return NULL;
}

static void send_what_is_due(struct stream *s)
{
    for (int64_t now_ns = clock_monotonic_ns();; now_ns = clock_monotonic_ns()) {
        struct connection *connection = take_idle(s, now_ns);
        if (!connection)
            return;
        struct sent *sent = due_replay(s, now_ns);
        if (!sent && new_is_due(s, now_ns))
            sent = new_request(s, now_ns);
        if (!sent) {
            s->idle[s->idle_count++] = connection;
            return;
        }
        sent->times++;
        pool_send(connection, buf_slice(&sent->request), answered, sent);
    }
}

/* ---- what is printed ---- */

static void report_interval(struct stream *s)
{
    struct interval *i = &s->interval;
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns - i->begun_ns < INTERVAL_NS)
        return;
    struct json_writer w = json_writer(&s->line);
    json_begin_object(&w);
    json_member_int(&w, "at_ms", wall_ms());
    json_member_int(&w, "active", (int64_t)i->verdicts[VERDICT_ACTIVE]);
    json_member_int(&w, "refused", (int64_t)i->verdicts[VERDICT_REFUSED]);
    json_member_int(&w, "unavailable", (int64_t)i->verdicts[VERDICT_UNAVAILABLE]);
    json_member_int(&w, "unexpected", (int64_t)i->verdicts[VERDICT_UNEXPECTED]);
    json_member_int(&w, "unanswered", (int64_t)i->verdicts[VERDICT_NONE]);
    json_member_int(&w, "slowest_us", i->slowest_ns / 1000);
    json_end_object(&w);
    print_line(&s->line);
    *i = (struct interval){.begun_ns = now_ns};
}

static void report(struct stream *s)
{
    struct json_writer w = json_writer(&s->line);
    json_begin_object(&w);
    json_member_text(&w, "mode", "stream");
    json_member_int(&w, "requests", (int64_t)s->made);
    json_member_int(&w, "replays", (int64_t)s->replayed);
    json_member_int(&w, "accepted_again", (int64_t)s->accepted_again);
    json_member_int(&w, "accepted_late", (int64_t)s->accepted_late);
    json_member_int(&w, "took_ms", (clock_monotonic_ns() - s->begun_ns) / 1000000);
    json_member_object(&w, "first");
    tally_write(&s->first, &w);
    json_end_object(&w);
    json_member_object(&w, "again");
    tally_write(&s->again, &w);
    json_end_object(&w);
    json_end_object(&w);
    print_line(&s->line);
}

/* ---- the mode ---- */

static struct stream *prepare(const struct options *options)
{
    struct stream *s = calloc(1, sizeof *s);
    must(s != NULL, "no memory");
    s->options = options;
    client_init(&s->client);
    credentials_read(options->credentials, &s->credentials);
    pool_init(&s->pool, options->targets, (size_t)options->connections, options->timeout_ms);
    s->idle = calloc(s->pool.count, sizeof(struct connection *));
    s->queue = calloc(SENT_MAX, sizeof(struct sent *));
    must(s->idle && s->queue, "no memory");
    for (size_t i = 0; i < s->pool.count; i++)
        s->idle[s->idle_count++] = &s->pool.connections[i];
    s->begun_ns = s->interval.begun_ns = clock_monotonic_ns();
    s->end_ns = s->begun_ns + options->seconds * 1000000000;
    return s;
}

void stream(const struct options *options)
{
    struct stream *s = prepare(options);
    (void)signal(SIGTERM, on_sigterm);
    while (sends_new_ones(s, clock_monotonic_ns()) || s->queue_count || !pool_is_idle(&s->pool)) {
        send_what_is_due(s);
        pool_turn(&s->pool, 1);
        report_interval(s);
    }
    report(s);
    pool_done(&s->pool);
    credentials_done(&s->credentials);
    client_done(&s->client);
    buf_done(&s->line);
    free(s->idle);
    free(s->queue);
    free(s);
}
