/* resolve: where a server is, asked for on a thread of its own, so that a dead resolver (20 s and more) stops
 * neither a loop nor the process's end. One at a time for each connection, and only when one is made. */
#ifndef COUNTERSIGN_REDIS_RESOLVE_H
#define COUNTERSIGN_REDIS_RESOLVE_H

#include "base/attributes.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct redis_resolving;

enum { REDIS_ADDRESSES_MAX = 8, REDIS_HOST_BYTES = 256, REDIS_FAULT_BYTES = 256 };

/* A server by its name. */
struct redis_place {
    char host[REDIS_HOST_BYTES];
    uint16_t port;
};

/* Who knows at which place the server is just now, where that changes. Counted, and not changed by anybody, since the
 * thread that asks may outlive whoever wanted to know. */
struct redis_locator {
    atomic_uint references;
    /* False: nobody knows, and why is in `ret_fault`; or *stop was set, and nobody wants to know any more. */
    bool (*locate_blocking)(struct redis_locator *locator, const atomic_bool *stop, struct redis_place *ret_place,
                            char ret_fault[REDIS_FAULT_BYTES]);
    void (*free)(struct redis_locator *locator);
};

/* NULL is fine. */
void redis_locator_release(struct redis_locator *locator);

struct redis_address {
    struct sockaddr_storage address;
    socklen_t len;
};

struct redis_addresses {
    struct redis_address items[REDIS_ADDRESSES_MAX];
    size_t count;             /* 0: it has none */
    const char *fault;        /* then: why, a static text; NULL: see `why` */
    struct redis_place place; /* whose they are */
    char why[REDIS_FAULT_BYTES];
};

/* Fills *ret_addresses; blocks. What the resolver is; tests hand in one of their own. */
typedef void (*redis_lookup_fn)(const char *host, uint16_t port, struct redis_addresses *ret_addresses);

/* The resolver of the system. */
void redis_lookup_blocking(const char *host, uint16_t port, struct redis_addresses *ret_addresses);
/* Reads an address without asking anybody. False: the text is a name. */
MUST_USE bool redis_lookup_numeric(const char *host, uint16_t port, struct redis_addresses *ret_addresses);

typedef void (*redis_resolved_fn)(void *context, const struct redis_addresses *addresses);

/* What to look up: a place, or who knows it. */
struct redis_question {
    struct redis_place place;
    struct redis_locator *locator; /* NULL: the place is known */
    redis_lookup_fn lookup;
};

/* Calls `done` on the loop, later, once, unless it is cancelled first. NULL: no memory or no thread. */
MUST_USE struct redis_resolving *redis_resolve_start(struct loop *loop, const struct redis_question *question,
                                                     redis_resolved_fn done, void *context);
/* Makes sure that `done` is not called, though the thread may go on. A locator is waited for, since it may use OpenSSL,
 * which ends with the process. Do not call this after `done`. NULL is fine. */
void redis_resolve_cancel(struct redis_resolving *resolving);

#endif
