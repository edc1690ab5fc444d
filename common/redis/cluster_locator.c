#include "redis/cluster_locator.h"

#include "base/wipe.h"
#include "redis/blocking.h"
#include "redis/tls.h"

#include <stdio.h>
#include <stdlib.h>

struct cluster_locator {
    struct redis_locator locator; /* first */
    struct redis_target target;   /* its TLS is its own */
    struct clock clock;
    atomic_size_t first; /* who is asked first */
    atomic_bool takes_another;
};

void redis_cluster_node_target(const struct redis_target *target, const struct redis_place *place,
                               struct redis_target *ret_node)
{
    *ret_node = *target;
    ret_node->place = *place;
    ret_node->locator = NULL;
    ret_node->seeds.count = 0;
    (void)snprintf(ret_node->shown, sizeof ret_node->shown, strchr(place->host, ':') ? "[%s]:%u" : "%s:%u", place->host,
                   (unsigned)place->port);
}

struct asked {
    const struct redis_place *place;
    struct redis_topology *topology;
    struct buf *why;
};

static enum status take_topology(void *context, const struct redisReply *reply)
{
    struct asked *asked = context;
    struct slice error = redis_reply_error(reply);
    if (slice_find_slice(error, SLICE("cluster support disabled")) < error.len)
        buf_add_str(asked->why,
                    "it is no Cluster (cluster-enabled no); write redis://host:6379 for a Redis that stands "
                    "alone");
    else if (!slice_is_absent(error))
        buf_addf(asked->why, "it refused CLUSTER SLOTS: %.*s", SLICE_ARGS(error));
    else if (redis_topology_read(reply, asked->place, asked->topology) != STATUS_OK)
        buf_add_str(asked->why, "what it answers to CLUSTER SLOTS cannot be understood");
    else if (asked->topology->count == 0)
        buf_add_str(asked->why, "no node of its Cluster serves a slot; make one with redis-cli --cluster create");
    else
        return STATUS_OK;
    return STATUS_NOT_FOUND;
}

static enum status ask_node(const struct redis_target *target, const struct redis_place *place,
                            const struct clock *clock, struct asked *asked)
{
    static const struct slice args[] = {SLICE_INIT("CLUSTER"), SLICE_INIT("SLOTS")};
    struct redis_target node;
    struct redis_blocking *redis = NULL;
    redis_cluster_node_target(target, place, &node);
    asked->place = place;
    enum status status = redis_connect_blocking(&node, clock, asked->why, &redis);
    if (status == STATUS_OK) {
        status = redis_ask_blocking(redis, args, COUNT_OF(args), take_topology, asked);
        if (status == STATUS_STORE_DOWN)
            buf_add_str(asked->why, redis_client_fault(redis_blocking_client(redis)));
    }
    redis_blocking_free(redis);
    wipe_bytes(&node.login, sizeof node.login);
    return status;
}

/* The first that answers, from `first` on; of several problems, the first that one of them told says most. */
static bool ask_nodes(const struct redis_target *target, const struct clock *clock, const atomic_bool *stop,
                      atomic_size_t *first, struct redis_topology *topology, struct buf *why)
{
    bool one_answered = false;
    size_t begin = atomic_load(first);
    for (size_t i = 0; i < target->seeds.count && !atomic_load(stop); i++) {
        size_t index = (begin + i) % target->seeds.count;
        struct buf fault = BUF_INIT;
        struct asked asked = {.topology = topology, .why = &fault};
        const struct redis_place *place = &target->seeds.places[index];
        enum status status = ask_node(target, place, clock, &asked);
        if (status == STATUS_OK) {
            atomic_store(first, index);
        } else if (!one_answered) {
            buf_reset(why);
            buf_addf(why, "%.100s:%u: %.*s", place->host, (unsigned)place->port, SLICE_ARGS(buf_slice(&fault)));
            one_answered = status == STATUS_NOT_FOUND;
        }
        buf_done(&fault);
        if (status == STATUS_OK)
            return true;
    }
    return false;
}

enum status redis_cluster_ask_blocking(const struct redis_target *target, const struct clock *clock, struct buf *why,
                                       struct redis_topology *ret_topology)
{
    const atomic_bool never = false;
    atomic_size_t first = 0;
    struct buf fault = BUF_INIT;
    bool is_known = ask_nodes(target, clock, &never, &first, ret_topology, &fault);
    if (!is_known)
        buf_addf(why, "OAUTH1_REDIS_URL: Redis Cluster at %s cannot be used: %.*s", target->shown,
                 SLICE_ARGS(buf_slice(&fault)));
    buf_done(&fault);
    return is_known ? STATUS_OK : STATUS_STORE_DOWN;
}

static const struct redis_place *choose_primary(const struct redis_topology *topology, bool takes_another)
{
    const struct redis_place *first = redis_topology_primary(topology, 0);
    if (!first)
        first = &topology->primaries[0];
    for (unsigned slot = REDIS_SLOTS; takes_another && slot-- > 0;) {
        const struct redis_place *place = redis_topology_primary(topology, slot);
        if (place && place != first)
            return place;
    }
    return first;
}

static bool locate_in(struct cluster_locator *it, const atomic_bool *stop, struct redis_place *ret_place,
                      char ret_fault[REDIS_FAULT_BYTES])
{
    struct redis_topology *topology = malloc(sizeof *topology);
    struct buf fault = BUF_INIT;
    bool is_known = topology && ask_nodes(&it->target, &it->clock, stop, &it->first, topology, &fault);
    if (is_known) {
        *ret_place = *choose_primary(topology, atomic_load(&it->takes_another));
    } else {
        (void)snprintf(ret_fault, REDIS_FAULT_BYTES, "%.*s", SLICE_ARGS(buf_slice(&fault)));
    }
    buf_done(&fault);
    free(topology);
    return is_known;
}

static bool locate_blocking(struct redis_locator *locator, const atomic_bool *stop, struct redis_place *ret_place,
                            char ret_fault[REDIS_FAULT_BYTES])
{
    bool is_known = locate_in((struct cluster_locator *)locator, stop, ret_place, ret_fault);
    redis_tls_leave_thread();
    return is_known;
}

static void free_locator(struct redis_locator *locator)
{
    struct cluster_locator *it = (struct cluster_locator *)locator;
    redis_tls_free(it->target.tls);
    wipe_bytes(&it->target.login, sizeof it->target.login);
    free(it);
}

enum status redis_cluster_locator_open(const struct redis_target *target, struct redis_locator **ret_locator)
{
    struct buf why = BUF_INIT;
    struct cluster_locator *it = calloc(1, sizeof *it);
    if (!it)
        return STATUS_NO_MEMORY;
    it->locator = (struct redis_locator){.references = 1, .locate_blocking = locate_blocking, .free = free_locator};
    it->target = *target;
    it->target.tls = NULL;
    it->target.locator = NULL;
    it->target.next_password = NULL;
    it->clock = clock_system(0);
    enum status status = target->wants_tls ? redis_tls_new_blocking(target->ca_file, &why, &it->target.tls) : STATUS_OK;
    buf_done(&why); /* whoever opened the target has read the same file */
    if (status != STATUS_OK) {
        free_locator(&it->locator);
        return status;
    }
    *ret_locator = &it->locator;
    return STATUS_OK;
}

void redis_cluster_locator_take_another(struct redis_locator *locator)
{
    atomic_store(&((struct cluster_locator *)locator)->takes_another, true);
}

void redis_cluster_locator_set_passwords(struct redis_locator *locator, struct next_password *passwords)
{
    ((struct cluster_locator *)locator)->target.next_password = passwords;
}
