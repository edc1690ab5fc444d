/* reload: what SIGHUP does: the configuration's files and the certificate are read again, and the log says what became
 * of it.
 *
 * Invariants: it runs on a thread of its own, one at a time, so that no loop waits for it. A signal that comes while
 * one runs is followed by another run: what was written before the signal is read. */
#ifndef COUNTERSIGN_SERVICE_RELOAD_H
#define COUNTERSIGN_SERVICE_RELOAD_H

#include "http/tls.h"
#include "loop/worker_pool.h"
#include "service/service.h"

/* Embedded in whoever serves; the loop's thread alone looks at it while loops run. */
struct reload {
    struct job job; /* first */
    const struct service *service;
    const struct config *config; /* of the start: where each value comes from is what it knows */
    void *stores;                /* of the service's hook */
    struct tls *tls;             /* NULL: none */
    struct worker_pool *worker;
    bool is_running, is_wanted;
};

/* `service` to `tls` are set. NO_MEMORY. */
MUST_USE enum status reload_open(struct reload *reload, struct loop *loop);
/* On the loop's thread. */
void reload_begin(struct reload *reload);
/* No loop runs any more; waits for the one that does. One that was never opened is fine. */
void reload_close_blocking(struct reload *reload);

#endif
