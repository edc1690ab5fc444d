/* cluster_locator: a node of a Cluster for whoever needs any one, as all of them do who publish and subscribe:
 * the primary of slot 0, or, for whoever has a connection there, another: that of the last slot which the former does
 * not serve. So those who publish meet those who subscribe at one node and not by the Cluster's bus alone.
 *
 * Invariants: the nodes of the URL are asked one after the other, beginning with the one that answered last, each for
 * at most the connection's and the command's time-out; the first answer counts. */
#ifndef COUNTERSIGN_REDIS_CLUSTER_LOCATOR_H
#define COUNTERSIGN_REDIS_CLUSTER_LOCATOR_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "redis/topology.h"
#include "redis/url.h"

/* Who asks the target's nodes; what it needs is copied. For redis_locator_release. NO_MEMORY. */
MUST_USE enum status redis_cluster_locator_open(const struct redis_target *target, struct redis_locator **ret_locator);
/* It tells of the other one from now on; where there is but one primary, of that. */
void redis_cluster_locator_take_another(struct redis_locator *locator);
/* Whom it asks for a newer password; borrowed for as long as anybody asks. */
void redis_cluster_locator_set_passwords(struct redis_locator *locator, struct next_password *passwords);

/* Asks the nodes of the URL who serves what. STORE_DOWN, and why is appended: none of them answers, or they are no
 * Cluster's. */
MUST_USE enum status redis_cluster_ask_blocking(const struct redis_target *target, const struct clock *clock,
                                                struct buf *why, struct redis_topology *ret_topology);
/* One node of the Cluster, for the same login: nothing of it is to be freed, and it holds no secret longer than
 * `target` does; `ret_node` is wiped by its owner (redis_target_done would free what it shares). */
void redis_cluster_node_target(const struct redis_target *target, const struct redis_place *place,
                               struct redis_target *ret_node);

#endif
