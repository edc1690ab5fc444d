#include "redis/cluster.h"

#include "base/wipe.h"
#include "loop/loop.h"
#include "redis/cluster_locator.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TICK_MS = 200,
    PERIOD_TICKS = 25,
    NODES_MAX = REDIS_PRIMARIES_MAX + REDIS_SEEDS_MAX,
    REDIRECTIONS_MAX = 5,
    PARKED_MAX = 10000,
    UNUSED_MAX = 10,
};

struct node {
    struct redis_cluster *cluster;
    struct redis_target target;
    struct redis_client *client;
    bool is_primary; /* as the topology has it */
    unsigned unused; /* readings in a row in which it was none, and nobody was sent to it */
    struct command *parked;
    struct command **last_parked;
};

/* A copy of what is sent, since it may have to be sent again. */
struct command {
    struct redis_cluster *cluster;
    struct node *node;
    struct command *next;
    redis_done_fn done;
    void *context;
    unsigned redirections;
    bool is_asking; /* the slot is being imported there */
    unsigned slot;
    size_t count;
    struct slice args[];
};

struct redis_cluster {
    struct loop *loop;
    const struct redis_target *target;
    struct redis_cluster_hooks hooks;
    struct node *nodes[NODES_MAX];
    size_t count;
    struct redis_topology topology;
    struct redis_topology fresh; /* while it is being read */
    struct node *by_primary[REDIS_PRIMARIES_MAX];
    bool is_mapped;
    bool has_failed; /* all nodes of the URL were tried, and none answers */
    bool is_wanted;
    bool is_freed;
    struct node *asked; /* for the topology; NULL: nobody */
    size_t next_asked;
    unsigned ticks; /* since the last reading */
    size_t parked_count;
    struct loop_timer timer;
    struct deferred prune;
    char fault[REDIS_FAULT_BYTES];
};

static void send_command(struct command *command);
static void ask_anew(struct redis_cluster *cluster);

/* ---- commands ---- */

static void end_command(struct command *command, const struct redisReply *reply)
{
    command->done(command->context, reply);
    free(command);
}

static struct slice key_of(const struct slice *args, size_t count)
{
    bool is_script = slice_eq(args[0], SLICE("EVAL"));
    size_t at = is_script ? 3 : 1;
    return at < count ? args[at] : SLICE("");
}

/* One piece of memory: the struct, its slices, their bytes. */
static struct command *copy_command(struct redis_cluster *cluster, const struct slice *args, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += args[i].len;
    size_t head = sizeof(struct command) + count * sizeof args[0];
    struct command *command = malloc(head + bytes);
    if (!command)
        return NULL;
    *command = (struct command){.cluster = cluster, .slot = redis_slot_of(key_of(args, count)), .count = count};
    char *at = (char *)command + head;
    for (size_t i = 0; i < count; i++) {
        if (args[i].len)
            memcpy(at, args[i].ptr, args[i].len);
        command->args[i] = slice_of(at, args[i].len);
        at += args[i].len;
    }
    return command;
}

/* Waits until its node is connected. */
static void park_command(struct command *command)
{
    struct node *node = command->node;
    if (!node->parked)
        node->last_parked = &node->parked;
    command->next = NULL;
    *node->last_parked = command;
    node->last_parked = &command->next;
    command->cluster->parked_count++;
}

static struct command *take_parked(struct node *node)
{
    struct command *parked = node->parked;
    node->parked = NULL;
    for (const struct command *command = parked; command; command = command->next)
        node->cluster->parked_count--;
    return parked;
}

static void send_parked(struct node *node)
{
    for (struct command *command = take_parked(node); command;) {
        struct command *next = command->next;
        send_command(command);
        command = next;
    }
}

static void fail_parked(struct node *node)
{
    for (struct command *command = take_parked(node); command;) {
        struct command *next = command->next;
        end_command(command, NULL);
        command = next;
    }
}

static struct node *find_or_make_node(struct redis_cluster *cluster, const struct redis_place *place);

static void on_command_reply(void *context, const struct redisReply *reply)
{
    struct command *command = context;
    struct redis_cluster *cluster = command->cluster;
    struct redis_place place;
    unsigned slot = 0;
    enum redis_redirection way =
        redis_redirection_read(redis_reply_error(reply), &command->node->target.place, &slot, &place);
    struct node *node = way == REDIS_STAYS || cluster->is_freed || command->redirections++ == REDIRECTIONS_MAX
                            ? NULL
                            : find_or_make_node(cluster, &place);
    if (!node) {
        end_command(command, reply);
        return;
    }
    command->node = node;
    command->is_asking = way == REDIS_ASK;
    send_command(command);
}

static void on_asking(void *context, const struct redisReply *reply)
{
    (void)context, (void)reply; /* the command behind it tells */
}

/* Whether it was handed to its node's connection. */
static bool hand_command_to_node(struct command *command)
{
    static const struct slice asking[] = {SLICE_INIT("ASKING")};
    struct redis_client *client = command->node->client;
    if (command->is_asking && redis_send(client, asking, COUNT_OF(asking), on_asking, NULL) != STATUS_OK)
        return false;
    return redis_send(client, command->args, command->count, on_command_reply, command) == STATUS_OK;
}

static void send_command(struct command *command)
{
    enum redis_state state = redis_client_state(command->node->client);
    bool may_wait = state == REDIS_CONNECTING && command->cluster->parked_count < PARKED_MAX;
    if (may_wait)
        park_command(command);
    else if (state != REDIS_READY || !hand_command_to_node(command))
        end_command(command, NULL);
}

static struct node *node_of(const struct redis_cluster *cluster, unsigned slot)
{
    unsigned char index = cluster->topology.served_by[slot];
    return cluster->is_mapped && index ? cluster->by_primary[index - 1] : NULL;
}

enum status redis_cluster_send(struct redis_cluster *cluster, const struct slice *args, size_t count,
                               redis_done_fn done, void *context)
{
    struct node *node = cluster->is_freed ? NULL : node_of(cluster, redis_slot_of(key_of(args, count)));
    enum redis_state state = node ? redis_client_state(node->client) : REDIS_DOWN;
    if (state == REDIS_DOWN || cluster->parked_count >= PARKED_MAX)
        return STATUS_STORE_DOWN;
    struct command *command = copy_command(cluster, args, count);
    if (!command)
        return STATUS_NO_MEMORY;
    command->node = node;
    command->done = done;
    command->context = context;
    if (state == REDIS_CONNECTING) {
        park_command(command);
        return STATUS_OK;
    }
    if (hand_command_to_node(command))
        return STATUS_OK;
    free(command);
    return STATUS_STORE_DOWN;
}

/* ---- nodes ---- */

static void on_node_greeting(void *context)
{
    struct node *node = context;
    struct redis_cluster *cluster = node->cluster;
    redis_client_ready(node->client);
    cluster->has_failed = false;
    send_parked(node);
    cluster->hooks.arrived(cluster->hooks.context, node->client);
    if (!cluster->is_mapped)
        ask_anew(cluster);
}

static void on_node_lost(void *context)
{
    struct node *node = context;
    struct redis_cluster *cluster = node->cluster;
    if (cluster->asked == node)
        cluster->asked = NULL;
    (void)snprintf(cluster->fault, sizeof cluster->fault, "%s", redis_client_fault(node->client));
    cluster->is_wanted = true;
    if (redis_client_state(node->client) == REDIS_DOWN)
        fail_parked(node);
    cluster->hooks.lost(cluster->hooks.context, node->client);
}

static void on_node_write(void *context)
{
    struct node *node = context;
    if (node->cluster->hooks.before_write)
        node->cluster->hooks.before_write(node->cluster->hooks.context, node->client);
}

static void on_node_refused(void *context, struct slice error)
{
    struct node *node = context;
    struct redis_cluster *cluster = node->cluster;
    struct redis_place place;
    unsigned slot = 0;
    enum redis_redirection way = redis_redirection_read(error, &node->target.place, &slot, &place);
    if (way != REDIS_STAYS)
        cluster->hooks.strayed(cluster->hooks.context, slot);
    if (way == REDIS_MOVED || slice_starts_with(error, SLICE("CLUSTERDOWN")))
        ask_anew(cluster);
}

static void free_node(struct node *node)
{
    fail_parked(node);
    redis_client_free(node->client);
    fail_parked(node); /* nothing is sent to it any more */
    wipe_bytes(&node->target.login, sizeof node->target.login);
    free(node);
}

static struct node *make_node(struct redis_cluster *cluster, const struct redis_place *place)
{
    struct node *node = cluster->count < NODES_MAX ? calloc(1, sizeof *node) : NULL;
    if (!node)
        return NULL;
    node->cluster = cluster;
    redis_cluster_node_target(cluster->target, place, &node->target);
    const struct redis_client_options options = {
        .loop = cluster->loop,
        .target = &node->target,
        .hooks = {.context = node,
                  .greet = on_node_greeting,
                  .lost = on_node_lost,
                  .before_write = on_node_write,
                  .refused = on_node_refused,
                  .took = cluster->hooks.took},
    };
    node->client = redis_client_new(&options);
    if (!node->client) {
        free_node(node);
        return NULL;
    }
    cluster->nodes[cluster->count++] = node;
    return node;
}

static struct node *find_or_make_node(struct redis_cluster *cluster, const struct redis_place *place)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (redis_place_eq(&cluster->nodes[i]->target.place, place)) {
            cluster->nodes[i]->unused = 0;
            return cluster->nodes[i];
        }
    return make_node(cluster, place);
}

/* In a turn of its own: this frees connections, out of whose callbacks it is wanted. */
static void on_prune(void *context)
{
    struct redis_cluster *cluster = context;
    size_t kept = 0;
    for (size_t i = 0; i < cluster->count; i++) {
        struct node *node = cluster->nodes[i];
        if (node->is_primary || node->unused < UNUSED_MAX || node == cluster->asked)
            cluster->nodes[kept++] = node;
        else
            free_node(node);
    }
    cluster->count = kept;
}

static bool one_is_ready(const struct redis_cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (redis_client_state(cluster->nodes[i]->client) == REDIS_READY)
            return true;
    return false;
}

static bool all_are_ready(const struct redis_cluster *cluster)
{
    for (size_t i = 0; i < cluster->topology.count; i++)
        if (redis_client_state(cluster->by_primary[i]->client) != REDIS_READY)
            return false;
    return cluster->is_mapped;
}

/* ---- who serves what ---- */

/* Where there is no room for a new primary, what was counted makes some in time. */
static bool adopt_nodes(struct redis_cluster *cluster)
{
    struct node *by_primary[REDIS_PRIMARIES_MAX];
    for (size_t i = 0; i < cluster->count; i++)
        cluster->nodes[i]->unused++;
    loop_defer(cluster->loop, &cluster->prune, on_prune, cluster);
    for (size_t i = 0; i < cluster->fresh.count; i++)
        if (!(by_primary[i] = find_or_make_node(cluster, &cluster->fresh.primaries[i])))
            return false;
    for (size_t i = 0; i < cluster->count; i++)
        cluster->nodes[i]->is_primary = false;
    for (size_t i = 0; i < cluster->fresh.count; i++)
        by_primary[i]->is_primary = true;
    memcpy(cluster->by_primary, by_primary, cluster->fresh.count * sizeof by_primary[0]);
    return true;
}

/* Before who serves what is known, one that cannot tell is as one that is not there. */
static void note_no_topology(struct redis_cluster *cluster, const struct redisReply *reply)
{
    struct slice error = redis_reply_error(reply);
    if (!reply || cluster->is_mapped)
        return;
    cluster->has_failed = true;
    (void)snprintf(cluster->fault, sizeof cluster->fault, "it does not tell who serves what: %.*s", SLICE_ARGS(error));
}

static void on_topology(void *context, const struct redisReply *reply)
{
    struct node *node = context;
    struct redis_cluster *cluster = node->cluster;
    if (cluster->is_freed)
        return;
    if (cluster->asked == node)
        cluster->asked = NULL;
    if (redis_topology_read(reply, &node->target.place, &cluster->fresh) != STATUS_OK || cluster->fresh.count == 0 ||
        !adopt_nodes(cluster)) { /* the next one is asked at the next tick */
        note_no_topology(cluster, reply);
        return;
    }
    cluster->topology = cluster->fresh;
    cluster->is_mapped = true;
    cluster->is_wanted = false;
    cluster->ticks = 0;
    cluster->hooks.mapped(cluster->hooks.context);
}

/* A node that is connected, another one each time. */
static struct node *choose_node(struct redis_cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++) {
        struct node *node = cluster->nodes[cluster->next_asked++ % cluster->count];
        if (redis_client_state(node->client) == REDIS_READY)
            return node;
    }
    return NULL;
}

static void ask_topology(struct redis_cluster *cluster)
{
    static const struct slice args[] = {SLICE_INIT("CLUSTER"), SLICE_INIT("SLOTS")};
    struct node *node = cluster->asked ? NULL : choose_node(cluster);
    if (node && redis_send(node->client, args, COUNT_OF(args), on_topology, node) == STATUS_OK)
        cluster->asked = node;
}

static void ask_anew(struct redis_cluster *cluster)
{
    cluster->is_wanted = true;
    ask_topology(cluster);
}

static void find_seeds(struct redis_cluster *cluster)
{
    const struct redis_seeds *seeds = &cluster->target->seeds;
    bool all_are_down = true;
    for (size_t i = 0; i < seeds->count; i++) {
        struct node *node = find_or_make_node(cluster, &seeds->places[i]);
        all_are_down = all_are_down && (!node || redis_client_state(node->client) == REDIS_DOWN);
    }
    cluster->has_failed = all_are_down;
}

static void on_tick(void *context)
{
    struct redis_cluster *cluster = context;
    cluster->ticks++;
    if (!one_is_ready(cluster))
        find_seeds(cluster);
    if (cluster->is_wanted || !all_are_ready(cluster) || cluster->ticks >= PERIOD_TICKS)
        ask_topology(cluster);
}

/* ---- life ---- */

struct redis_cluster *redis_cluster_new(const struct redis_cluster_options *options)
{
    struct redis_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        return NULL;
    cluster->loop = options->loop;
    cluster->target = options->target;
    cluster->hooks = options->hooks;
    if (loop_timer_init(&cluster->timer, cluster->loop, on_tick, cluster) != STATUS_OK) {
        free(cluster);
        return NULL;
    }
    find_seeds(cluster);
    if (!cluster->count || loop_timer_start_periodic(&cluster->timer, TICK_MS) != STATUS_OK) {
        redis_cluster_free(cluster);
        return NULL;
    }
    return cluster;
}

void redis_cluster_free(struct redis_cluster *cluster)
{
    if (!cluster)
        return;
    cluster->is_freed = true;
    loop_defer_cancel(cluster->loop, &cluster->prune);
    loop_timer_done(&cluster->timer);
    for (size_t i = 0; i < cluster->count; i++)
        free_node(cluster->nodes[i]);
    free(cluster);
}

enum redis_state redis_cluster_state(const struct redis_cluster *cluster)
{
    if (cluster->is_mapped)
        return REDIS_READY;
    return cluster->has_failed ? REDIS_DOWN : REDIS_CONNECTING;
}

const char *redis_cluster_fault(const struct redis_cluster *cluster)
{
    return cluster->fault;
}

struct redis_client *redis_cluster_client(const struct redis_cluster *cluster, unsigned slot)
{
    const struct node *node = node_of(cluster, slot);
    return node ? node->client : NULL;
}

size_t redis_cluster_count(const struct redis_cluster *cluster)
{
    return cluster->is_mapped ? cluster->topology.count : 0;
}

struct redis_client *redis_cluster_client_at(const struct redis_cluster *cluster, size_t index)
{
    return cluster->by_primary[index]->client;
}

const char *redis_cluster_shown(const struct redis_cluster *cluster, const struct redis_client *client)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (cluster->nodes[i]->client == client)
            return cluster->nodes[i]->target.shown;
    return "";
}
