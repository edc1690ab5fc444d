/* race: one signed request is sent over several connections at once; one alone may be accepted.
 *
 * A lane has connections of its own, one after the other to each target. It signs a request, writes it to all of them
 * in one go, waits for all the answers, and begins its next round. Several lanes keep the targets busy. */
#include "load.h"
#include "pool.h"
#include "tally.h"

#include <stdlib.h>

struct lane {
    struct race *race;
    struct connection *connections; /* options->fanout of them */
    struct buf request;
    int64_t waits;
    int64_t accepted;
};

struct race {
    const struct options *options;
    struct client client;
    struct credentials credentials;
    struct pool pool;
    struct tally tally;
    struct lane *lanes;
    int64_t begun, ended; /* rounds */
    int64_t accepted_once, accepted_never, accepted_again;
};

static void begin_round(struct lane *lane);

static void end_round(struct lane *lane)
{
    struct race *r = lane->race;
    r->ended++;
    r->accepted_never += lane->accepted == 0;
    r->accepted_once += lane->accepted == 1;
    r->accepted_again += lane->accepted > 1;
    if (r->begun < r->options->rounds)
        begin_round(lane);
}

static void answered(void *owner, struct connection *connection, const struct answer *answer)
{
    struct lane *lane = owner;
    (void)connection;
    lane->accepted += tally_add(&lane->race->tally, answer) == VERDICT_ACTIVE;
    if (--lane->waits == 0)
        end_round(lane);
}

static void begin_round(struct lane *lane)
{
    struct race *r = lane->race;
    size_t which = client_random(&r->client, r->credentials.count);
    r->begun++;
    lane->accepted = 0;
    lane->waits = r->options->fanout;
    buf_reset(&lane->request);
    client_introspection(&r->client, r->options, &r->credentials.list[which], wall_ms() / 1000, &lane->request);
    for (int64_t i = 0; i < r->options->fanout; i++)
        pool_send(&lane->connections[i], buf_slice(&lane->request), answered, lane);
}

static void report(const struct race *r, int64_t took_ms)
{
    struct buf line = BUF_INIT;
    struct json_writer w = json_writer(&line);
    json_begin_object(&w);
    json_member_text(&w, "mode", "race");
    json_member_int(&w, "rounds", r->ended);
    json_member_int(&w, "accepted_once", r->accepted_once);
    json_member_int(&w, "accepted_never", r->accepted_never);
    json_member_int(&w, "accepted_again", r->accepted_again);
    json_member_int(&w, "took_ms", took_ms);
    tally_write(&r->tally, &w);
    json_end_object(&w);
    print_line(&line);
    buf_done(&line);
}

void race(const struct options *options)
{
    struct race *r = calloc(1, sizeof *r);
    must(r != NULL, "no memory");
    r->options = options;
    client_init(&r->client);
    credentials_read(options->credentials, &r->credentials);
    pool_init(&r->pool, options->targets, (size_t)(options->lanes * options->fanout), options->timeout_ms);
    r->lanes = calloc((size_t)options->lanes, sizeof *r->lanes);
    must(r->lanes != NULL, "no memory");
    const int64_t begun_ms = wall_ms();
    for (int64_t i = 0; i < options->lanes && r->begun < options->rounds; i++) {
        r->lanes[i].race = r;
        r->lanes[i].connections = &r->pool.connections[i * options->fanout];
        begin_round(&r->lanes[i]);
    }
    while (r->ended < options->rounds)
        pool_turn(&r->pool, 10);
    report(r, wall_ms() - begun_ms);
    pool_done(&r->pool);
    for (int64_t i = 0; i < options->lanes; i++)
        buf_done(&r->lanes[i].request);
    free(r->lanes);
    credentials_done(&r->credentials);
    client_done(&r->client);
    free(r);
}
