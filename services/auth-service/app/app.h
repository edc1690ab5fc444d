/* app: what the endpoints of auth-service work with. Made by main, the same for every request. */
#ifndef COUNTERSIGN_AUTH_SERVICE_APP_APP_H
#define COUNTERSIGN_AUTH_SERVICE_APP_APP_H

#include "config/config.h"
#include "http/request.h"
#include "provider/provider.h"

struct bearers;
struct look_holder;
struct worker_pool;

struct app {
    struct config *config;
    struct check_rules rules;
    struct durable_pool *durable;
    struct worker_pool *passwords; /* hashing: 13 ms and 16 MB each, or what other systems' cost */
    struct look_holder *look;      /* of the pages */
    struct provider_loop *loops;   /* by request->loop_index */
    struct shared_keys *keys;      /* what cookies are sealed with */
    struct bearers *bearers;       /* of the admin port */
};

static inline const struct app *app_of(const struct request *request)
{
    return request->app;
}

static inline struct provider_loop *app_loop_of(const struct request *request)
{
    return &app_of(request)->loops[request->loop_index];
}

#endif
