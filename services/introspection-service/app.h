/* app: what the endpoints of introspection-service work with. Made by main, the same for every request. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_APP_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_APP_H

#include "config/config.h"
#include "explain/explain.h"
#include "http/request.h"
#include "provider/provider.h"

struct app {
    const struct config *config;
    struct check_rules rules;
    struct durable_pool *durable;
    struct provider_loop *loops;      /* by request->loop_index */
    struct usage **usage;             /* likewise */
    struct slice_list known_origins;  /* of the service and its gateways: for hints */
    struct slice_list known_prefixes; /* path prefixes, likewise */
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
