/* redis_watch: keeps a view's nonces settled while its connection stands: reads the server's clock, looks whether it
 * still is the same, renews the epoch's record, and settles again where anything was lost
 * (docs/design/nonce-guard.md, rules 4 to 6 and 11). The views of redis_store and the parts of redis_cluster_store have
 * one each. */
#ifndef COUNTERSIGN_EPHEMERAL_REDIS_WATCH_H
#define COUNTERSIGN_EPHEMERAL_REDIS_WATCH_H

#include "base/attributes.h"
#include "base/status.h"
#include "guard/nonce_trouble.h"

#include <stdint.h>

struct redis_settling;
struct redis_view;

/* The view has its store, loop, guard and, where it is one, its part. `greeted`: the server will do. NO_MEMORY; then
 * redis_watch_done all the same. */
MUST_USE enum status redis_watch_init(struct redis_view *view, struct redis_settling *settling,
                                      void (*greeted)(void *context));
/* Before its connection is freed, and after. Of a zeroed view it does nothing. */
void redis_watch_stop(struct redis_view *view);
void redis_watch_done(struct redis_view *view);

/* It is connected: asks for what there is. STORE_DOWN, NO_MEMORY. */
MUST_USE enum status redis_watch_greet(struct redis_view *view);
void redis_watch_lost(struct redis_view *view);
/* The clock is read, the server looked at, the record renewed. */
void redis_watch_look(struct redis_view *view);
/* A reading of the clock that was asked for at asked_ms. */
void redis_watch_set_clock(struct redis_view *view, int64_t asked_ms, int64_t redis_ms);
/* Tells the observer whether our own clock is off. */
void redis_watch_tell_clock(struct redis_view *view);
/* The part is on another server, or may have been: what was settled is not believed any more. */
void redis_watch_break(struct redis_view *view);

/* What keeps this view's nonces from being accepted. */
struct nonce_trouble redis_watch_trouble(struct redis_view *view);

#endif
