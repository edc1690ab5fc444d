/* nonces: what a nonce costs Redis: our encoding through our client, beside what everybody does.
 *
 * Two redis-servers are asked for the CPU time that they took (INFO cpu: user and system) for as many checks: one of
 * `SADD` of hashes into sets of a second and a shard, with the expiries and the epoch that belong to them; the other of
 * `SET readable-key NX EX`, sent by plain hiredis in pipelines of the same depth. Rounds alternate, and the medians
 * are compared. Before that, a million nonces are spent, twice, and the server's memory is read. */
#include "base/buf.h"
#include "crypto/sealed.h"
#include "ephemeral/ephemeral.h"
#include "loop/flow.h"
#include "loop/loop.h"
#include "support/redis_server.h"
#include "support/volatile_ledger.h"

#include <hiredis/hiredis.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROUNDS = 15,
    CHECKS = 20000, /* a round's, by each */
    CHECKS_A_SECOND = 100000,
    KEYS = 240000,      /* with a round's fewer than 2^18, where the table would grow */
    OLDEST_AGE_S = 500, /* of 600 in which a timestamp is taken */
    MEMORY_NONCES = 1000000,
    DEPTH_MAX = 128,
    WAIT_MS = 10000
};

/* A server, and a connection to ask it by. */
struct server {
    struct redis_server_process process;
    redisContext *plain;
};

struct bench {
    struct volatile_ledger ledger;
    struct server sets; /* ours */
    struct server keys; /* what everybody does */
    struct clock clock;
    struct keyring *keyring;
    struct loop *loop;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct flow flow;
    unsigned depth;
    unsigned spread_s;  /* timestamps are of so many seconds, */
    int64_t newest_s;   /* of which this is the last */
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

static double info(const struct server *server, const char *section, const char *name)
{
    redisReply *reply = redisCommand(server->plain, "INFO %s", section);
    must(reply && reply->type == REDIS_REPLY_STRING, "no INFO");
    const char *at = strstr(reply->str, name);
    must(at != NULL, "INFO without the figure");
    double value = strtod(at + strlen(name), NULL);
    freeReplyObject(reply);
    return value;
}

static double cpu_us(const struct server *server)
{
    return 1e6 * (info(server, "cpu", "used_cpu_user:") + info(server, "cpu", "used_cpu_sys:"));
}

/* ---- ours ---- */

static enum step_result spend(struct flow *flow)
{
    struct bench *b = flow_subject(flow);
    struct ticket tickets[DEPTH_MAX];
    flow_wait_group(flow, b->depth, WAIT_MS, tickets);
    for (unsigned i = 0; i < b->depth; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "kllo9940pd9333jh%08lx", b->next);
        const struct nonce nonce = {SLICE("dpf43f3p2l4k3l03XyZ0"), SLICE("nnch734d00sl2jdkPQRSTUVWXYZ01234"),
                                    b->newest_s - (int64_t)(b->next++ % b->spread_s), slice_of(text, (size_t)len)};
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
    for (unsigned long done = 0; done < checks; done += b->depth) {
        for (unsigned i = 0; i < b->depth; i++, b->next++)
            must(redisAppendCommand(b->keys.plain,
                                    "SET nonce:dpf43f3p2l4k3l03XyZ0:nnch734d00sl2jdkPQRSTUVWXYZ01234:%ld:"
                                    "kllo9940pd9333jh%08lx 1 NX EX 900",
                                    (long)b->newest_s - (long)(b->next % b->spread_s), b->next) == REDIS_OK,
                 "no memory");
        for (unsigned i = 0; i < b->depth; i++) {
            void *reply = NULL;
            must(redisGetReply(b->keys.plain, &reply) == REDIS_OK && ((redisReply *)reply)->type == REDIS_REPLY_STATUS,
                 "a key was not set");
            freeReplyObject(reply);
        }
    }
}

/* Of a round. */
static void forget_keys(struct bench *b)
{
    redisReply *reply =
        redisCommand(b->keys.plain, "EVAL %s 0 %d",
                     "for i = 1, ARGV[1] do redis.call('DEL', redis.call('RANDOMKEY')) end return 1", CHECKS);
    must(reply && reply->type == REDIS_REPLY_INTEGER, "keys were not deleted");
    freeReplyObject(reply);
}

/* ---- figures ---- */

static double once(struct bench *b, const struct server *server, void (*run)(struct bench *b, unsigned long checks))
{
    double begin = cpu_us(server);
    run(b, CHECKS);
    return (cpu_us(server) - begin) / CHECKS;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

static void compare(struct bench *b, unsigned depth, unsigned spread_s, const char *goal)
{
    double sets[ROUNDS];
    double keys[ROUNDS];
    double ratios[ROUNDS];
    b->depth = depth;
    b->spread_s = spread_s;
    b->newest_s += 2 * spread_s; /* sets of its own */
    for (int i = 0; i < ROUNDS; i++) {
        b->newest_s += i % (CHECKS_A_SECOND / CHECKS) == 0;
        sets[i] = once(b, &b->sets, ours);
        keys[i] = once(b, &b->keys, readable);
        ratios[i] = sets[i] / keys[i];
        forget_keys(b);
    }
    printf("depth %3u, timestamps of %2u s: Redis takes %5.2f us a check, SET readable-key NX EX %5.2f us, "
           "ratio %.2f  (%s)\n",
           depth, spread_s, median(sets), median(keys), median(ratios), goal);
}

static double key_count(const struct bench *b)
{
    redisReply *size = redisCommand(b->sets.plain, "DBSIZE");
    must(size && size->type == REDIS_REPLY_INTEGER, "no DBSIZE");
    double count = (double)size->integer;
    freeReplyObject(size);
    return count;
}

static void measure_memory(struct bench *b, unsigned spread_s)
{
    unsigned long first = b->next;
    double bytes = info(&b->sets, "memory", "used_memory:");
    double sets = key_count(b);
    b->depth = DEPTH_MAX;
    b->spread_s = spread_s;
    b->newest_s += spread_s; /* sets of its own */
    ours(b, MEMORY_NONCES);
    double count = (double)(b->next - first);
    bytes = (info(&b->sets, "memory", "used_memory:") - bytes) / count;
    printf("memory: %5.2f bytes for each of %.0f nonces, %.0f in a set  (must 11, aim 10)\n", bytes, count,
           count / (key_count(b) - sets));
}

/* ---- life ---- */

/* On the first or second of the CPUs that there are; on any where there is one. */
static void pin(pid_t pid, int which)
{
    cpu_set_t all;
    cpu_set_t one;
    CPU_ZERO(&one);
    must(sched_getaffinity(0, sizeof all, &all) == 0, "no CPUs");
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && which-- == 0)
            CPU_SET(cpu, &one);
    must(CPU_COUNT(&one) == 0 || sched_setaffinity(pid, sizeof one, &one) == 0, "a process could not be put on a CPU");
}

static void start_server(struct server *server)
{
    redis_server_start(&server->process, NULL);
    pin(server->process.pid, 1);
    server->plain = redisConnectUnix(server->process.socket);
    must(server->plain && !server->plain->err, "no connection");
}

static void stop_server(struct server *server)
{
    redisFree(server->plain);
    redis_server_done(&server->process);
}

static void stop(struct bench *b)
{
    ephemeral_view_free(b->view);
    ephemeral_store_free(b->store);
    loop_free(b->loop);
    keyring_free(b->keyring);
    stop_server(&b->keys);
    stop_server(&b->sets);
}

static void start(struct bench *b)
{
    const char *why = NULL;
    struct buf problem = BUF_INIT;
    start_server(&b->sets);
    start_server(&b->keys);
    pin(0, 0); /* last: the servers were its children */
    b->clock = clock_system(0);
    must(keyring_parse(SLICE("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &b->keyring, &why) == STATUS_OK, why);
    volatile_ledger_init(&b->ledger);
    const struct ephemeral_options options = {
        .clock = &b->clock,
        .skew_ms = 300000,
        .lead_ms = 60000,
        .temp_ttl_ms = 600000,
        .ledger = &b->ledger.ledger,
        .keys = b->keyring,
    };
    b->loop = loop_new(&b->clock, NULL);
    must(b->loop &&
             ephemeral_open_blocking(slice_str(b->sets.process.url), &options, &problem, &b->store) == STATUS_OK &&
             ephemeral_view_new(b->store, b->loop, &b->view) == STATUS_OK,
         "no store");
    buf_done(&problem);
    b->newest_s = clock_wall_ms(&b->clock) / 1000 - OLDEST_AGE_S;
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);
    must(b != NULL, "no memory");
    start(b);
    measure_memory(b, 60);
    measure_memory(b, 15);
    readable(b, KEYS);
    compare(b, 16, 2, "no goal");
    compare(b, 32, 2, "must 0.55, aim 0.50");
    compare(b, 32, 16, "no goal");
    compare(b, 128, 2, "no goal");
    stop(b);
    free(b);
    return 0;
}
