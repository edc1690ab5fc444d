/* redis_cluster: a Redis Cluster of a test's own: primaries without replicas, on free ports. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_REDIS_CLUSTER_H
#define COUNTERSIGN_TESTS_SUPPORT_REDIS_CLUSTER_H

#include "support/redis_server.h"

enum { CLUSTER_SERVERS = 3, CLUSTER_URL_BYTES = 128 };

struct redis_cluster_servers {
    struct redis_server_process servers[CLUSTER_SERVERS];
    char ports[CLUSTER_SERVERS][8];
    char bus_ports[CLUSTER_SERVERS][8];
    char url[CLUSTER_URL_BYTES];
};

/* Each serves a third of the slots, in their order. Fails the test if that does not come about. */
void redis_cluster_servers_start(struct redis_cluster_servers *cluster);
void redis_cluster_servers_done(struct redis_cluster_servers *cluster);

/* Waits until the server `at` knows who serves all slots, in so many ranges. Fails the test after 20 s. */
void redis_cluster_servers_wait(struct redis_cluster_servers *cluster, unsigned at, unsigned ranges);

/* The same command to all of them. */
void redis_cluster_servers_must(const struct redis_cluster_servers *cluster, const char *command,
                                const char *begins_with);
/* Who serves this slot, as they were made. */
struct redis_server_process *redis_cluster_servers_of(struct redis_cluster_servers *cluster, unsigned slot);

#endif
