/* service: the `serve` that both binaries share: start, loops, ops endpoints, signals, shutdown.
 *
 * Start is all or nothing: what cannot be opened is one line that says what, where and what to do, and
 * an exit code; only then are ports taken. On SIGTERM or SIGINT: /readyz fails, replies close their
 * connections for OAUTH1_SHUTDOWN_DELAY, then the listeners close, what is in flight is finished (at
 * most OAUTH1_SHUTDOWN_TIMEOUT), and the stores are closed; a second signal ends it at once. SIGHUP
 * reads the files of the configuration again (TLS, keys, tokens); what cannot be used stays as it was. */
#ifndef COUNTERSIGN_SERVICE_SERVICE_H
#define COUNTERSIGN_SERVICE_SERVICE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "config/config.h"
#include "http/http_server.h"
#include "loop/flow.h"

#include <stdbool.h>
#include <stddef.h>

enum { READY_CHECKS_MAX = 4 };

/* One thing that must answer for the service to be ready. */
struct ready_check {
    const char *name; /* of the store: "database", "ephemeral" */
    /* The result may be a text for the operator (char *), which /readyz?verbose shows: why it fails, or of one that
     * answers, which part of it does not. */
    void (*start)(void *stores, size_t loop_index, struct ticket ticket);
    /* Where it fails: appends what the service still answers without it, and for whom; then it is ready, and degraded.
     * Writes nothing where it serves nobody. On the first loop. NULL: it never does. */
    void (*write_rest)(void *stores, struct buf *out);
};

/* What `open` is given. */
struct service_start {
    struct config *config;
    const struct clock *clock;
    struct loop *const *loops;
    size_t loop_count;
    const struct observer *observer;
};

/* What `open` makes. */
struct service_parts {
    void *app;    /* of every request */
    void *stores; /* of reload_blocking, the ready checks, write_trouble and measure */
    const struct route *routes;
    size_t route_count;
    const struct route *admin_routes; /* on OAUTH1_ADMIN_LISTEN */
    size_t admin_route_count;         /* 0: that port stays closed */
};

struct service {
    const char *name;
    enum config_service config_service;
    /* Opens stores and makes the routes; the loops do not run yet. On failure a text for the operator is
     * appended to `why` and nothing stays open. */
    enum status (*open_blocking)(const struct service_start *start, struct buf *why, struct service_parts *ret_parts);
    /* SIGHUP: takes over what may change while serving, by copies: `fresh`, the configuration with its files read
     * again, ends with the call. On a thread of its own, so that no loop waits for files and stores. On failure
     * everything stays as it was, and a text is appended to `why`. NULL: nothing but TLS can change. */
    enum status (*reload_blocking)(void *stores, const struct config *fresh, struct buf *why);
    /* The loops have ended, and their flows with them; nothing is asked any more. `clean`: no request had to be given
     * up. */
    void (*close_blocking)(void *app, bool clean);
    struct ready_check ready_checks[READY_CHECKS_MAX];
    size_t ready_check_count;
    /* Appends what keeps the service from its work though its stores answer, and for how long: it is not ready then.
     * Logged at the start, and shown by /readyz?verbose. On the first loop. NULL: there is nothing. */
    void (*write_trouble)(void *stores, struct buf *out);
    /* Appends what the operator should know of a service that works all the same. /readyz?verbose shows it. On the loop
     * of the operations port, so it is of what no other loop changes. NULL: there is nothing. */
    void (*write_note)(void *stores, struct buf *out);
    /* Sets the levels that nobody reads but /metrics (a pool's connections, the clock's skew), each time before they
     * are shown; on the first loop. NULL: there are none. */
    void (*measure)(void *stores);
};

/* Serves until a signal; returns the exit code. */
int service_serve(const struct service *service, struct config *config);

#endif
