/* cluster: a Redis Cluster on one loop: a connection to each primary, and each command to whoever serves its key.
 *
 * Invariants:
 * - One thread: the loop's. A command touches one key, which is its first argument (of EVAL: the third).
 * - A command that was taken is answered exactly once. One whose connection was lost is answered NULL and never sent
 *   again; one that was refused with MOVED or ASK goes to where that says, five times at most; one whose node is just
 *   being connected to waits for that.
 * - Who serves what is asked of any node that is connected: after MOVED, CLUSTERDOWN and a lost connection at once and
 *   then five times a second, until all is well, and every 5 s. Where no node is connected those of the URL are tried.
 * - `mapped` comes before a connection is given up, so that whoever uses it can let go of it. */
#ifndef COUNTERSIGN_REDIS_CLUSTER_H
#define COUNTERSIGN_REDIS_CLUSTER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/client.h"
#include "redis/topology.h"
#include "redis/url.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct redis_cluster;

/* All of them are called on the loop. */
struct redis_cluster_hooks {
    void *context;
    void (*arrived)(void *context, struct redis_client *client); /* it can be used */
    void (*lost)(void *context, struct redis_client *client);
    void (*before_write)(void *context, struct redis_client *client); /* may be NULL */
    /* A node said MOVED or ASK of this slot: it is elsewhere, or just going there. */
    void (*strayed)(void *context, unsigned slot);
    /* Who serves what may be another from now on. */
    void (*mapped)(void *context);
    void (*took)(int64_t duration_ns); /* may be NULL */
};

struct redis_cluster_options {
    struct loop *loop;
    const struct redis_target *target; /* borrowed */
    struct redis_cluster_hooks hooks;
};

/* Begins to connect in the loop's next turn. NULL: no memory. */
MUST_USE struct redis_cluster *redis_cluster_new(const struct redis_cluster_options *options);
/* Answers everybody who waits with NULL, inside this call. NULL is fine. */
void redis_cluster_free(struct redis_cluster *cluster);

/* CONNECTING: it is not known yet who serves what; DOWN: and no node of the URL answers; READY: it is known. */
enum redis_state redis_cluster_state(const struct redis_cluster *cluster);
/* Why no node answers; "" where that is not known. */
const char *redis_cluster_fault(const struct redis_cluster *cluster);
/* The connection to the slot's primary; NULL: nobody serves it, or that is not known. */
struct redis_client *redis_cluster_client(const struct redis_cluster *cluster, unsigned slot);
/* How many primaries there are, and each one's connection and place. */
size_t redis_cluster_count(const struct redis_cluster *cluster);
struct redis_client *redis_cluster_client_at(const struct redis_cluster *cluster, size_t index);
/* "host:port" of the connection's node. */
const char *redis_cluster_shown(const struct redis_cluster *cluster, const struct redis_client *client);

/* As redis_send. STORE_DOWN: also where nobody serves the key, or its primary is not there. */
MUST_USE enum status redis_cluster_send(struct redis_cluster *cluster, const struct slice *args, size_t count,
                                        redis_done_fn done, void *context);

#endif
