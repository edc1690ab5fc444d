/* app: what the endpoints of auth-service work with. Made by main, the same for every request. */
#ifndef COUNTERSIGN_AUTH_SERVICE_APP_H
#define COUNTERSIGN_AUTH_SERVICE_APP_H

#include "config/config.h"
#include "http/request.h"
#include "oauth/signature.h"
#include "store/db_pool.h"
#include "store/ephemeral.h"
#include "verify/check.h"

struct worker_pool;

/* What belongs to one loop and never crosses a thread. */
struct app_loop {
    struct ephemeral *ephemeral;
    struct signer signer;
};

struct app {
    const struct config *config;
    struct check_rules rules;
    struct db_pool *db;
    struct worker_pool *passwords; /* hashing: 13 ms and 16 MB each */
    struct app_loop *loops;        /* by request->loop_index */
};

/* How long a store may take; then the answer is 503. */
enum { STORE_TIMEOUT_MS = 200 };

static inline const struct app *app_of(const struct request *request)
{
    return request->app;
}

static inline struct app_loop *app_loop_of(const struct request *request)
{
    return &app_of(request)->loops[request->loop_index];
}

#endif
