/* adapter: one socket to Redis on a loop, non-blocking, with one persistent read event, with TLS or without.
 *
 * Invariants: it calls back from the loop alone, never inside a call of its owner. Closing it from within a callback is
 * fine: nothing is called after that. */
#ifndef COUNTERSIGN_REDIS_ADAPTER_H
#define COUNTERSIGN_REDIS_ADAPTER_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/resolve.h"
#include "redis/tls.h"

#include <event2/event_struct.h>

#include <stdbool.h>
#include <stddef.h>

struct loop;

struct redis_adapter_hooks {
    void (*connected)(void *context); /* or failed */
    void (*received)(void *context, struct slice bytes);
    void (*writable)(void *context); /* after a write that took not everything */
    void (*failed)(void *context, const char *fault);
    void *context;
};

/* Where to connect. The pointers are borrowed until the connection is closed. */
struct redis_adapter_peer {
    const struct redis_address *address;
    struct redis_tls *tls; /* NULL: none */
    const char *host;      /* that the certificate must bear */
};

enum redis_adapter_phase { ADAPTER_CLOSED, ADAPTER_CONNECTING, ADAPTER_SHAKING_HANDS, ADAPTER_OPEN };

/* Embedded; zeroed before the first open. */
struct redis_adapter {
    struct redis_adapter_hooks hooks;
    struct redis_adapter_peer peer;
    struct redis_tls_session *session;
    enum redis_adapter_phase phase;
    bool write_waits; /* for the socket, of whichever direction TLS needs */
    int fd;
    struct event readable;
    struct event writable;
};

/* Begins to connect; `connected` or `failed` follows. On failure *ret_fault says why, and the socket is closed. */
MUST_USE enum status redis_adapter_open(struct redis_adapter *adapter, struct loop *loop,
                                        const struct redis_adapter_peer *peer, const struct redis_adapter_hooks *hooks,
                                        const char **ret_fault);
/* Closes the socket. One that is closed or zeroed is fine. */
void redis_adapter_close(struct redis_adapter *adapter);

/* Writes what the socket takes now and tells how much that was; if it was not all, `writable` follows.
 * STORE_DOWN: *ret_fault says why; the owner closes. */
MUST_USE enum status redis_adapter_write(struct redis_adapter *adapter, struct slice bytes, size_t *ret_written,
                                         const char **ret_fault);

#endif
