/* target: makes what a URL names ready to be connected to: TLS is read, and whoever asks Sentinels or a Cluster's nodes
 * is made. */
#ifndef COUNTERSIGN_REDIS_TARGET_H
#define COUNTERSIGN_REDIS_TARGET_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/url.h"

#include <stdbool.h>

/* As redis_url_parse, and opens what connecting needs besides. */
MUST_USE enum status redis_target_open_blocking(struct slice url, struct slice password, struct buf *why,
                                                struct redis_target *ret_target);
/* Newer passwords, of Redis and of the Sentinels, come from there; borrowed, before the first connection. May be NULL.
 */
void redis_target_set_passwords(struct redis_target *target, struct next_password *passwords,
                                struct next_password *sentinel_passwords);
/* Whether it is a Cluster, so that there may be another node to take. */
bool redis_target_has_nodes(const struct redis_target *target);
/* Of a Cluster: connections that are made from now on go to a node that others do not take (cluster_locator.h). */
void redis_target_take_another_node(struct redis_target *target);
/* Frees what was opened, and wipes the secrets. A target of redis_url_parse alone is fine. */
void redis_target_done(struct redis_target *target);

#endif
