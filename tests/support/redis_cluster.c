#include "support/redis_cluster.h"

#include "support/free_port.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 16384, PATIENCE_STEPS = 4000, STEP_US = 5000 };

static unsigned first_slot(unsigned server)
{
    return SLOTS / CLUSTER_SERVERS * server;
}

static unsigned last_slot(unsigned server)
{
    return server + 1 == CLUSTER_SERVERS ? SLOTS - 1 : first_slot(server + 1) - 1;
}

/* Nobody counts as gone because a test moves its clock. */
static void start_server(struct redis_cluster_servers *cluster, unsigned at)
{
    (void)snprintf(cluster->ports[at], sizeof cluster->ports[at], "%d", free_port());
    (void)snprintf(cluster->bus_ports[at], sizeof cluster->bus_ports[at], "%d", free_port());
    const char *args[] = {"--port",
                          cluster->ports[at],
                          "--bind",
                          "127.0.0.1",
                          "--cluster-enabled",
                          "yes",
                          "--cluster-port",
                          cluster->bus_ports[at],
                          "--cluster-node-timeout",
                          "100000000",
                          "--cluster-require-full-coverage",
                          "no",
                          NULL};
    redis_server_start(&cluster->servers[at], args);
}

void redis_cluster_servers_wait(struct redis_cluster_servers *cluster, unsigned at, unsigned ranges)
{
    char wanted[16];
    (void)snprintf(wanted, sizeof wanted, ":%u", ranges);
    for (int step = 0; step < PATIENCE_STEPS; step++) {
        char line[256];
        redis_server_tell(&cluster->servers[at],
                          "EVAL \"local info = redis.call('CLUSTER','INFO') "
                          "local ok = string.find(info,'state:ok') and string.find(info,'assigned:16384') "
                          "return ok and #redis.call('CLUSTER','SLOTS') or 0\" 0",
                          line);
        if (strcmp(line, wanted) == 0)
            return;
        (void)usleep(STEP_US);
    }
    fail_msg("server %u does not learn of %u ranges of slots", at, ranges);
}

void redis_cluster_servers_start(struct redis_cluster_servers *cluster)
{
    char command[128];
    memset(cluster, 0, sizeof *cluster);
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        start_server(cluster, i);
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++) {
        (void)snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %u %u", first_slot(i), last_slot(i));
        redis_server_must(&cluster->servers[i], command, "+OK");
        (void)snprintf(command, sizeof command, "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
        redis_server_must(&cluster->servers[i], command, "+OK");
    }
    for (unsigned i = 1; i < CLUSTER_SERVERS; i++) {
        (void)snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %s %s", cluster->ports[i],
                       cluster->bus_ports[i]);
        redis_server_must(&cluster->servers[0], command, "+OK");
    }
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_cluster_servers_wait(cluster, i, CLUSTER_SERVERS);
    (void)snprintf(cluster->url, sizeof cluster->url, "redis+cluster://127.0.0.1:%s,127.0.0.1:%s", cluster->ports[0],
                   cluster->ports[1]);
}

void redis_cluster_servers_done(struct redis_cluster_servers *cluster)
{
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_server_done(&cluster->servers[i]);
}

void redis_cluster_servers_must(const struct redis_cluster_servers *cluster, const char *command,
                                const char *begins_with)
{
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        redis_server_must(&cluster->servers[i], command, begins_with);
}

struct redis_server_process *redis_cluster_servers_of(struct redis_cluster_servers *cluster, unsigned slot)
{
    unsigned at = 0;
    while (slot > last_slot(at))
        at++;
    return &cluster->servers[at];
}
