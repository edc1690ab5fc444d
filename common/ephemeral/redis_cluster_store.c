/* The ephemeral store on a Redis Cluster (proto/redis-keys.md, "A Cluster"). A loop's view sends each call to whoever
 * serves its key. Nonces are spread over NONCE_PARTS parts, each in a slot of its own and with an epoch of its own, so
 * that what happens to one primary concerns its parts alone (docs/design/nonce-guard.md, "A Cluster"). */
#include "crypto/mac.h"
#include "ephemeral/backend.h"
#include "ephemeral/nonce_hash.h"
#include "ephemeral/redis_cluster_clock.h"
#include "ephemeral/redis_janitor.h"
#include "ephemeral/redis_start.h"
#include "ephemeral/redis_view.h"
#include "ephemeral/redis_watch.h"
#include "loop/observer.h"
#include "redis/blocking.h"
#include "redis/cluster.h"
#include "redis/cluster_locator.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_BYTES = 16, CLOCK_MS = 100, PING_MAX_MS = 1500, CLOCKLESS_MAX = 10 };

struct cluster_view {
    struct redis_view front; /* first: calls, the clock of the whole */
    struct redis_view parts[NONCE_PARTS];
    char keys[NONCE_PARTS][KEY_BYTES]; /* of their records */
    unsigned slots[NONCE_PARTS];
    struct nonce_parts epochs; /* as the keeper has them */
    struct loop_timer timer;
    unsigned clockless; /* turns of it since it is known who serves what, but not what time it is */
    bool is_ending;     /* its clients go one by one: none may be looked at */
};

static struct cluster_view *cluster_view_of(struct ephemeral *view)
{
    return (struct cluster_view *)view;
}

/* ---- the clock of the whole ---- */

/* The middle one of the primaries' clocks, once more than half are known: whichever of them are missing, it is one that
 * a primary shows. */
static void read_clock(struct cluster_view *it)
{
    struct redis_view *front = &it->front;
    int64_t offsets[REDIS_PRIMARIES_MAX];
    const struct redis_client *known[REDIS_PRIMARIES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < NONCE_PARTS; i++) {
        const struct redis_view *part = &it->parts[i];
        bool is_fresh =
            part->clock.was_read && clock_steady_ms(part->clock.local) - part->clock.read_at_ms < REDIS_CLOCK_GOOD_MS;
        if (part->client && is_fresh)
            redis_cluster_clock_add(known, offsets, &count, part->client, part->clock.offset_ms);
    }
    if (count == 0 || 2 * count <= redis_cluster_count(front->cluster))
        return;
    int64_t now_ms = clock_steady_ms(front->clock.local);
    if (redis_clock_set(&front->clock, now_ms, now_ms + redis_cluster_clock_middle(offsets, count))) {
        for (size_t i = 0; i < NONCE_PARTS; i++) /* a loss everywhere, so that it may go back */
            redis_watch_break(&it->parts[i]);
        redis_clock_let_back(&front->clock);
    }
    redis_watch_tell_clock(front);
    redis_calls_let_go(front);
    if (redis_clock_is_near(&front->clock))
        nonce_keeper_tell_clock(front->store->keeper, redis_clock_last_known_ms(&front->clock));
}

/* ---- who serves what ---- */

/* On another server nonces may be missing, however they came there. */
static void move_part(struct cluster_view *it, struct redis_view *part)
{
    struct redis_client *client = redis_cluster_client(it->front.cluster, it->slots[part->part]);
    if (client == part->client)
        return;
    if (part->client) {
        redis_settle_break(&part->settle);
        redis_watch_lost(part);
    }
    part->client = part->settle.client = client;
    part->clock.was_read = false; /* it is another server's */
    if (client && redis_client_state(client) == REDIS_READY)
        redis_view_unsettle(part);
    else if (!client || redis_client_state(client) == REDIS_DOWN)
        nonce_waits_done(&part->waits);
}

static void on_mapped(void *context)
{
    struct cluster_view *it = context;
    for (size_t i = 0; i < NONCE_PARTS; i++)
        move_part(it, &it->parts[i]);
}

static void on_node_arrived(void *context, struct redis_client *client)
{
    struct cluster_view *it = context;
    for (size_t i = 0; i < NONCE_PARTS; i++)
        if (it->parts[i].client == client)
            redis_view_unsettle(&it->parts[i]);
}

static void on_node_lost(void *context, struct redis_client *client)
{
    struct cluster_view *it = context;
    bool is_down = redis_client_state(client) == REDIS_DOWN;
    for (size_t i = 0; i < NONCE_PARTS; i++) {
        struct redis_view *part = &it->parts[i];
        if (part->client != client)
            continue;
        redis_watch_lost(part);
        if (is_down)
            nonce_waits_done(&part->waits);
    }
    if (redis_cluster_state(it->front.cluster) == REDIS_DOWN)
        redis_calls_fail_held(&it->front);
}

static void on_node_write(void *context, struct redis_client *client)
{
    struct cluster_view *it = context;
    redis_nonces_close_batches(it->parts, NONCE_PARTS, client);
}

static void on_slot_strayed(void *context, unsigned slot)
{
    struct cluster_view *it = context;
    for (size_t i = 0; i < NONCE_PARTS; i++)
        if (it->slots[i] == slot)
            redis_watch_break(&it->parts[i]);
}

/* ---- nonces ---- */

/* By no secret: all processes must agree on it before they agree on anything, and for ever. */
static enum status find_part(struct cluster_view *it, const struct nonce *nonce, unsigned *ret_part)
{
    static const char no_key[NONCE_HASH_KEY_BYTES] = "countersign";
    struct nonce_hash hash;
    TRY(nonce_hash(it->front.mac, slice_of(no_key, sizeof no_key), nonce, &hash));
    *ret_part = hash.spread % NONCE_PARTS;
    return STATUS_OK;
}

static void spend_nonce(struct ephemeral *base, const struct nonce *nonce, struct ticket ticket)
{
    struct cluster_view *it = cluster_view_of(base);
    unsigned number = 0;
    enum status status = find_part(it, nonce, &number);
    struct redis_view *part = &it->parts[number];
    if (status == STATUS_OK && part->client)
        redis_nonce_spend_start(&part->view, nonce, ticket);
    else if (status == STATUS_OK && redis_cluster_state(it->front.cluster) == REDIS_CONNECTING)
        nonce_waits_add(&part->waits, nonce, ticket);
    else
        ticket_complete(ticket, status == STATUS_OK ? STATUS_STORE_DOWN : status, NULL, NULL);
}

/* ---- readiness ---- */

static size_t count_settled(const struct cluster_view *it)
{
    size_t count = 0;
    for (size_t i = 0; i < NONCE_PARTS; i++)
        count += it->parts[i].nonces.is_settled;
    return count;
}

/* Asks every primary what time it is, and waits until the parts that are there are settled. */
struct ping_call {
    struct redis_call call; /* first */
    int64_t asked_ms;
    int64_t until_ms; /* monotonic */
    unsigned unanswered;
};

/* What one primary is asked. */
struct time_question {
    struct ping_call *ping;
    struct redis_client *client;
};

static bool is_settling(const struct cluster_view *it)
{
    for (size_t i = 0; i < NONCE_PARTS; i++) {
        const struct redis_view *part = &it->parts[i];
        bool is_there = part->client && redis_client_state(part->client) == REDIS_READY;
        if (is_there && !part->nonces.is_settled && !part->is_astray)
            return true;
    }
    return false;
}

/* "3-5, 9". */
static void write_away(const struct cluster_view *it, struct buf *out)
{
    const char *before = "";
    for (unsigned i = 0; i < NONCE_PARTS; i++) {
        unsigned last = i;
        if (it->parts[i].nonces.is_settled)
            continue;
        while (last + 1 < NONCE_PARTS && !it->parts[last + 1].nonces.is_settled)
            last++;
        buf_addf(out, last > i ? "%s%u-%u" : "%s%u", before, i, last);
        before = ", ";
        i = last;
    }
}

/* The primaries that do not answer. */
static void write_nodes_away(const struct redis_cluster *cluster, struct buf *out)
{
    for (size_t i = 0; i < redis_cluster_count(cluster); i++) {
        const struct redis_client *client = redis_cluster_client_at(cluster, i);
        if (redis_client_state(client) != REDIS_READY)
            buf_addf(out, "; %s: %s", redis_cluster_shown(cluster, client), redis_client_fault(client));
    }
}

/* NULL: none is away, or there is no memory. */
static char *tell_away(const struct cluster_view *it)
{
    struct buf text = BUF_INIT;
    size_t away = NONCE_PARTS - count_settled(it);
    if (away) {
        buf_addf(&text, "%zu of %d shards are away, and what lives there is answered 503: nonces of shard ", away,
                 NONCE_PARTS);
        write_away(it, &text);
        write_nodes_away(it->front.cluster, &text);
    }
    char *copy = away && buf_string(&text) ? strdup(buf_string(&text)) : NULL;
    buf_done(&text);
    return copy;
}

/* Ready is who can serve anything. */
static void answer_ping(struct cluster_view *it, struct redis_call *call)
{
    bool is_there = count_settled(it) && redis_clock_now_ms(&it->front.clock);
    redis_call_end(call, is_there ? STATUS_OK : STATUS_STORE_DOWN, is_there ? tell_away(it) : NULL, free);
}

static void answer_pings(struct cluster_view *it)
{
    bool is_over = !is_settling(it);
    struct redis_call **place = &it->front.pings;
    while (*place) {
        struct redis_call *call = *place;
        if (!is_over && clock_monotonic_ms() < ((struct ping_call *)call)->until_ms) {
            place = &call->next;
            continue;
        }
        *place = call->next;
        answer_ping(it, call);
    }
}

static void note_time_answered(struct ping_call *ping)
{
    struct cluster_view *it = cluster_view_of(&ping->call.view->view);
    if (--ping->unanswered)
        return;
    ping->call.next = it->front.pings;
    it->front.pings = &ping->call;
    if (it->is_ending)
        return; /* free_view ends it */
    read_clock(it);
    answer_pings(it);
}

static void on_ping_time(void *context, const struct redisReply *reply)
{
    struct time_question *question = context;
    struct ping_call *ping = question->ping;
    struct cluster_view *it = cluster_view_of(&ping->call.view->view);
    int64_t redis_ms = 0;
    bool is_read = redis_reply_time(reply, &redis_ms) == STATUS_OK;
    for (size_t i = 0; is_read && i < NONCE_PARTS; i++)
        if (it->parts[i].client == question->client)
            redis_watch_set_clock(&it->parts[i], ping->asked_ms, redis_ms);
    free(question);
    note_time_answered(ping);
}

static void ask_time(struct ping_call *ping, struct redis_client *client)
{
    static const struct slice args[] = {SLICE_INIT("TIME")};
    struct time_question *question = malloc(sizeof *question);
    if (!question)
        return;
    *question = (struct time_question){ping, client};
    if (redis_send(client, args, COUNT_OF(args), on_ping_time, question) == STATUS_OK)
        ping->unanswered++;
    else
        free(question);
}

static void go_ping(struct redis_call *call)
{
    struct ping_call *ping = (struct ping_call *)call;
    const struct redis_cluster *cluster = call->view->cluster;
    ping->asked_ms = loop_now_ms(call->view->loop);
    ping->until_ms = clock_monotonic_ms() + PING_MAX_MS;
    ping->unanswered = 1;
    for (size_t i = 0; i < redis_cluster_count(cluster); i++)
        ask_time(ping, redis_cluster_client_at(cluster, i));
    note_time_answered(ping);
}

static void ping_start(struct ephemeral *base, struct ticket ticket)
{
    struct ping_call *ping = redis_call_new(redis_view_of(base), ticket, sizeof *ping, go_ping);
    if (!ping)
        return;
    ping->call.tells_why = true;
    redis_call_start(&ping->call);
}

static void on_clock_due(void *context)
{
    struct cluster_view *it = context;
    bool is_mapped = redis_cluster_state(it->front.cluster) == REDIS_READY;
    read_clock(it);
    answer_pings(it);
    it->clockless = is_mapped && !it->front.clock.was_read ? it->clockless + 1 : 0;
    if (it->clockless > CLOCKLESS_MAX) /* half of the primaries are away */
        redis_calls_fail_held(&it->front);
}

static void fail_pings(struct cluster_view *it)
{
    struct redis_call *pings = it->front.pings;
    it->front.pings = NULL;
    while (pings) {
        struct redis_call *next = pings->next;
        redis_call_end(pings, STATUS_STORE_DOWN, NULL, NULL);
        pings = next;
    }
}

/* Of what keeps requests from being accepted, the least of all parts, since the others go on; what is to be waited for
 * is the most. */
static struct nonce_trouble tell_trouble(struct ephemeral *base)
{
    struct cluster_view *it = cluster_view_of(base);
    struct nonce_trouble all = {0};
    size_t settled = 0;
    for (size_t i = 0; i < NONCE_PARTS; i++) {
        struct redis_view *part = &it->parts[i];
        struct nonce_trouble trouble = redis_watch_trouble(part);
        int64_t retry_s = trouble.guard_s > all.retry_s ? trouble.guard_s : all.retry_s;
        bool is_full = all.is_full || trouble.is_full;
        bool is_refusing = trouble.is_refusing && (all.is_refusing || settled == 0);
        if (part->nonces.is_settled && (settled++ == 0 || trouble.guard_s < all.guard_s))
            all = trouble;
        all.retry_s = retry_s;
        all.is_full = is_full;
        all.is_refusing = part->nonces.is_settled ? is_refusing : all.is_refusing;
    }
    if (settled < NONCE_PARTS && all.retry_s == 0)
        all.retry_s = 1;
    return all;
}

/* ---- views ---- */

static void free_view(struct ephemeral *base)
{
    struct cluster_view *it = cluster_view_of(base);
    for (size_t i = 0; i < NONCE_PARTS; i++)
        redis_watch_stop(&it->parts[i]);
    it->is_ending = true;
    redis_cluster_free(it->front.cluster);
    it->front.cluster = NULL;
    for (size_t i = 0; i < NONCE_PARTS; i++) {
        it->parts[i].client = NULL;
        redis_watch_done(&it->parts[i]);
        nonce_waits_done(&it->parts[i].waits);
    }
    fail_pings(it);
    redis_calls_fail_held(&it->front);
    loop_timer_done(&it->timer);
    mac_free(it->front.mac);
    free(it);
}

static const struct ephemeral_ops view_ops = {
    .view_free = free_view,
    .now_ms = redis_view_now_ms,
    .trouble = tell_trouble,
    .clock_ahead_ms = redis_view_ahead_ms,
    .nonce_spend_start = spend_nonce,
    .ping_start = ping_start,
    REDIS_CALL_OPS,
};

/* Its node's connection is ready already, and the node's clock was read. */
static void on_part_greeted(void *context)
{
    struct redis_view *part = context;
    struct redis_view *first = part - part->part;
    read_clock((struct cluster_view *)((char *)first - offsetof(struct cluster_view, parts)));
}

static enum status init_part(struct cluster_view *it, unsigned number)
{
    struct redis_view *part = &it->parts[number];
    (void)snprintf(it->keys[number], KEY_BYTES, "e:{%u}", number);
    it->slots[number] = redis_slot_of(slice_str(it->keys[number]));
    part->store = it->front.store;
    part->loop = it->front.loop;
    part->is_part = part->settle.is_part = true;
    part->part = part->settle.part = number;
    part->settle.key = slice_str(it->keys[number]);
    part->settle.reference = &it->front.clock;
    part->guard = nonce_guard_init(part->store->keeper);
    part->guard.parts = &it->epochs;
    return redis_watch_init(part, &part->store->settlings[number], on_part_greeted);
}

static enum status init_view(struct cluster_view *it)
{
    struct redis_view *front = &it->front;
    const struct redis_cluster_options options = {
        .loop = front->loop,
        .target = &front->store->target,
        .hooks = {.context = it,
                  .arrived = on_node_arrived,
                  .lost = on_node_lost,
                  .before_write = on_node_write,
                  .strayed = on_slot_strayed,
                  .mapped = on_mapped,
                  .took = redis_view_took},
    };
    front->clock = redis_clock_init(front->store->options.clock, front->store->options.skew_ms);
    TRY(loop_timer_init(&it->timer, front->loop, on_clock_due, it));
    TRY(loop_timer_start_periodic(&it->timer, CLOCK_MS));
    for (unsigned i = 0; i < NONCE_PARTS; i++)
        TRY(init_part(it, i));
    front->mac = mac_new(1);
    front->cluster = redis_cluster_new(&options);
    return front->mac && front->cluster ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status new_view(struct ephemeral_store *base, struct loop *loop, struct ephemeral **ret_view)
{
    struct cluster_view *it = calloc(1, sizeof *it);
    if (!it)
        return STATUS_NO_MEMORY;
    it->front.view.ops = &view_ops;
    it->front.store = (struct redis_store *)base;
    it->front.loop = loop;
    enum status status = init_view(it);
    if (status != STATUS_OK) {
        free_view(&it->front.view);
        return status;
    }
    *ret_view = &it->front.view;
    return STATUS_OK;
}

/* ---- the start ---- */

/* One that is away does not keep the others from serving. */
static enum status check_primary(const struct redis_store *store, const struct redis_place *place, struct buf *why)
{
    struct redis_target node;
    struct redis_blocking *redis = NULL;
    struct buf fault = BUF_INIT;
    redis_cluster_node_target(&store->target, place, &node);
    enum status status = redis_connect_blocking(&node, store->options.clock, &fault, &redis);
    if (status == STATUS_OK) {
        status = redis_start_check(store, node.shown, redis, why);
    } else if (status == STATUS_STORE_DOWN) {
        observer_event(store->options.observer, "redis", "a primary is away", node.shown);
        status = STATUS_OK;
    }
    redis_blocking_free(redis);
    buf_done(&fault);
    explicit_bzero(&node.login, sizeof node.login);
    return status;
}

static void tell_unserved(const struct redis_store *store, const struct redis_topology *topology)
{
    char memory[128];
    struct buf text = buf_fixed(memory, sizeof memory);
    unsigned first = 0;
    size_t count = redis_topology_count_unserved(topology, &first);
    if (count == 0)
        return;
    buf_addf(&text, "%zu of %u, the first is %u; redis-cli --cluster fix gives them to somebody", count,
             (unsigned)REDIS_SLOTS, first);
    observer_event(store->options.observer, "redis", "slots that nobody serves", buf_string(&text));
}

static enum status check_cluster(const struct redis_store *store, struct redis_topology *topology, struct buf *why)
{
    TRY(redis_cluster_ask_blocking(&store->target, store->options.clock, why, topology));
    tell_unserved(store, topology);
    for (size_t i = 0; i < topology->count; i++)
        TRY(check_primary(store, &topology->primaries[i], why));
    return STATUS_OK;
}

static enum status open_store(struct redis_store *store, struct buf *why)
{
    const struct nonce_keeper_options keeper = {
        .ledger = store->options.ledger,
        .name = SLICE(NONCE_STORE_SHARED),
        .clock = store->options.clock,
        .is_shared = true,
        .has_parts = true,
    };
    struct redis_topology *topology = malloc(sizeof *topology);
    enum status status = topology ? check_cluster(store, topology, why) : STATUS_NO_MEMORY;
    free(topology);
    return status == STATUS_OK ? nonce_keeper_new(&keeper, &store->keeper) : status;
}

static const struct ephemeral_store_ops store_ops = {.view_new = new_view,
                                                     .save_blocking = redis_store_save_blocking,
                                                     .set_keys = redis_store_set_keys,
                                                     .free = redis_store_free};

static enum status open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                 struct ephemeral_store **ret_store)
{
    const struct redis_opening opening = {&store_ops, open_store};
    return redis_store_make_blocking(&opening, url, options, why, ret_store);
}

const struct ephemeral_backend ephemeral_cluster_backend = {
    .open_blocking = open_blocking,
    .check_blocking = redis_store_check_blocking,
    .passwords_of = redis_store_passwords_of,
    .janitor_blocking = redis_cluster_janitor_blocking,
};
