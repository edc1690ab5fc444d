/* nonces: what a nonce costs Redis: our encoding through our client, beside what everybody does.
 *
 * A redis-server of its own is asked for the CPU time that it took (INFO cpu: user and system) for as many checks by
 * each: `SADD` of hashes into sets of a second and a shard, with the expiries and the epoch that belong to them; and
 * `SET readable-key NX EX`, sent by plain hiredis in pipelines of the same depth. Rounds alternate, and the medians
 * are compared. Before that, a million nonces are spent, twice, and the server's memory is read. */
#include "base/buf.h"
#include "crypto/sealed.h"
#include "loop/flow.h"
#include "loop/loop.h"
#include "store/ephemeral.h"
#include "support/redis_server.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, CHECKS = 40000, MEMORY_NONCES = 1000000, DEPTH_MAX = 128, WAIT_MS = 10000 };

struct bench {
    struct redis_server_process server;
    struct clock clock;
    struct keyring *keys;
    struct loop *loop;
    struct ephemeral_store *store;
    struct ephemeral *view;
    redisContext *plain;
    struct flow flow;
    unsigned depth;
    unsigned spread_s;  /* timestamps are of so many seconds, */
    int64_t newest_s;   /* of which this is the last; 0: now */
    unsigned long next; /* number of the next nonce: each is sent once */
    unsigned long left; /* to be spent */
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench nonces: %s\n", what);
    exit(1);
}

/* ---- the server's own figures ---- */

static double info(const struct bench *b, const char *section, const char *name)
{
    redisReply *reply = redisCommand(b->plain, "INFO %s", section);
    must(reply && reply->type == REDIS_REPLY_STRING, "no INFO");
    const char *at = strstr(reply->str, name);
    must(at != NULL, "INFO without the figure");
    double value = strtod(at + strlen(name), NULL);
    freeReplyObject(reply);
    return value;
}

static double cpu_us(const struct bench *b)
{
    return 1e6 * (info(b, "cpu", "used_cpu_user:") + info(b, "cpu", "used_cpu_sys:"));
}

/* ---- ours ---- */

static enum step_result spend(struct flow *flow)
{
    struct bench *b = flow_subject(flow);
    struct ticket tickets[DEPTH_MAX];
    flow_wait_group(flow, b->depth, WAIT_MS, tickets);
    int64_t newest_s = b->newest_s ? b->newest_s : clock_wall_ms(&b->clock) / 1000;
    for (unsigned i = 0; i < b->depth; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "kllo9940pd9333jh%08lx", b->next);
        const struct nonce nonce = {SLICE("dpf43f3p2l4k3l03XyZ0"), SLICE("nnch734d00sl2jdkPQRSTUVWXYZ01234"),
                                    newest_s - (int64_t)(b->next++ % b->spread_s), slice_of(text, (size_t)len)};
        ephemeral_nonce_spend_start(b->view, &nonce, tickets[i]);
    }
    return STEP_WAIT;
}

static enum step_result check(struct flow *flow)
{
    const struct bench *b = flow_subject(flow);
    for (unsigned i = 0; i < b->depth; i++)
        must(flow_outcome_at(flow, i, NULL) == STATUS_OK, "a nonce was not accepted");
    return STEP_REPLY;
}

static void ended(struct flow *flow);

static void spend_pipeline(struct bench *b)
{
    static const struct step steps[] = {{"spend", spend}, {"check", check}, {NULL, NULL}};
    flow_start(&b->flow, b->loop, "bench", steps, b, ended);
}

static void ended(struct flow *flow)
{
    struct bench *b = flow_subject(flow);
    b->left = b->left > b->depth ? b->left - b->depth : 0;
    if (b->left)
        spend_pipeline(b);
    else
        loop_stop(b->loop);
}

static void ours(struct bench *b, unsigned long checks)
{
    b->left = checks;
    spend_pipeline(b);
    loop_run(b->loop);
}

/* ---- what everybody does ---- */

static void readable(struct bench *b, unsigned long checks)
{
    long now_s = (long)(clock_wall_ms(&b->clock) / 1000);
    for (unsigned long done = 0; done < checks; done += b->depth) {
        for (unsigned i = 0; i < b->depth; i++, b->next++)
            must(redisAppendCommand(b->plain,
                                    "SET nonce:dpf43f3p2l4k3l03XyZ0:nnch734d00sl2jdkPQRSTUVWXYZ01234:%ld:"
                                    "kllo9940pd9333jh%08lx 1 NX EX 900",
                                    now_s - (long)(b->next % b->spread_s), b->next) == REDIS_OK,
                 "no memory");
        for (unsigned i = 0; i < b->depth; i++) {
            void *reply = NULL;
            must(redisGetReply(b->plain, &reply) == REDIS_OK && ((redisReply *)reply)->type == REDIS_REPLY_STATUS,
                 "a key was not set");
            freeReplyObject(reply);
        }
    }
}

/* ---- figures ---- */

static double once(struct bench *b, void (*run)(struct bench *b, unsigned long checks))
{
    double begin = cpu_us(b);
    run(b, CHECKS);
    return (cpu_us(b) - begin) / CHECKS;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void compare(struct bench *b, unsigned depth, const char *goal)
{
    double sets[ROUNDS];
    double keys[ROUNDS];
    b->depth = depth;
    b->spread_s = 4;
    for (int i = 0; i < ROUNDS; i++) {
        sets[i] = once(b, ours);
        keys[i] = once(b, readable);
    }
    qsort(sets, ROUNDS, sizeof *sets, by_size);
    qsort(keys, ROUNDS, sizeof *keys, by_size);
    printf("depth %3u: Redis takes %5.2f us a check, SET readable-key NX EX %5.2f us, ratio %.2f  (%s)\n", depth,
           sets[ROUNDS / 2], keys[ROUNDS / 2], sets[ROUNDS / 2] / keys[ROUNDS / 2], goal);
}

static double key_count(const struct bench *b)
{
    redisReply *size = redisCommand(b->plain, "DBSIZE");
    must(size && size->type == REDIS_REPLY_INTEGER, "no DBSIZE");
    double count = (double)size->integer;
    freeReplyObject(size);
    return count;
}

/* Nonces of the past, so that the two runs share no set. */
static void measure_memory(struct bench *b, unsigned spread_s, int64_t age_s)
{
    unsigned long first = b->next;
    double bytes = info(b, "memory", "used_memory:");
    double sets = key_count(b);
    b->depth = DEPTH_MAX;
    b->spread_s = spread_s;
    b->newest_s = clock_wall_ms(&b->clock) / 1000 - age_s;
    ours(b, MEMORY_NONCES);
    double count = (double)(b->next - first);
    bytes = (info(b, "memory", "used_memory:") - bytes) / count;
    printf("memory: %5.2f bytes for each of %.0f nonces, %.0f in a set  (must 11, aim 10)\n", bytes, count,
           count / (key_count(b) - sets));
    b->newest_s = 0;
}

/* ---- life ---- */

static void stop(struct bench *b)
{
    ephemeral_view_free(b->view);
    ephemeral_store_free(b->store);
    loop_free(b->loop);
    keyring_free(b->keys);
    redisFree(b->plain);
    redis_server_done(&b->server);
}

static void start(struct bench *b)
{
    const char *why = NULL;
    struct buf problem = BUF_INIT;
    redis_server_start(&b->server, NULL);
    b->clock = clock_system(0);
    must(keyring_parse(SLICE("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &b->keys, &why) == STATUS_OK, why);
    const struct ephemeral_options options = {
        .clock = &b->clock, .skew_ms = 300000, .lead_ms = 60000, .temp_ttl_ms = 600000, .keys = b->keys};
    b->loop = loop_new(&b->clock, NULL);
    must(b->loop && ephemeral_open_blocking(slice_str(b->server.url), &options, &problem, &b->store) == STATUS_OK &&
             ephemeral_view_new(b->store, b->loop, &b->view) == STATUS_OK,
         "no store");
    b->plain = redisConnectUnix(b->server.socket);
    must(b->plain && !b->plain->err, "no connection");
    buf_done(&problem);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);
    must(b != NULL, "no memory");
    start(b);
    measure_memory(b, 60, 100);
    measure_memory(b, 15, 200);
    compare(b, 16, "no goal");
    compare(b, 32, "must 0.55, aim 0.50");
    compare(b, 128, "no goal");
    stop(b);
    free(b);
    return 0;
}
