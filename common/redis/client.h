/* client: one connection to Redis on one loop, made again whenever it is lost.
 *
 * hiredis parses the replies; the socket, TLS, the queue of commands and the time-outs are ours, because hiredis's
 * asynchronous half resolves names inside a call, knows no time-out in 0.14, and aborts on a reply that nobody asked
 * for.
 *
 * Invariants:
 * - One thread: the loop's. Callbacks come from the loop, never inside redis_send.
 * - A command that was taken is answered exactly once: by its reply, or by NULL when the connection is lost.
 * - Commands of one turn of the loop leave in one write, in their order.
 * - One timer: a command that is older than the time-out (400 to 600 ms) costs the connection, so that everybody who
 *   waits is answered; so does a connection that is not made and greeted within that time.
 * - A reply is bounded: 1 MB, arrays of 4096, seven within each other. A reply that nobody asked for costs the
 * connection.
 * - A name is looked up anew each time, on a thread of its own. The next attempt follows at once, then after 50, 100,
 *   200 and 400 ms, and all 400 ms from then on.
 * - The loop's observer is told: "connected", "lost", "reconnected", and "unreachable" once for each reason. */
#ifndef COUNTERSIGN_REDIS_CLIENT_H
#define COUNTERSIGN_REDIS_CLIENT_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/reply.h"
#include "redis/resolve.h"
#include "redis/url.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct redis_client;

enum redis_state {
    REDIS_CONNECTING, /* for the first time, or just after a loss: soon there, as it seems */
    REDIS_READY,
    REDIS_DOWN, /* an attempt has failed */
};

/* All but `greet` may be NULL. */
struct redis_hooks {
    void *context;
    /* Connected and logged in: sends what must come first, and then calls redis_client_ready. */
    void (*greet)(void *context);
    /* The connection was lost or could not be made, after everybody who waited was told. */
    void (*lost)(void *context);
    /* Before what this turn sends is written: time to add to it. */
    void (*before_write)(void *context);
    /* A message of a subscription. Without this hook messages are refused. */
    void (*message)(void *context, const struct redisReply *reply);
    /* An error that it answered, before whoever asked is told. */
    void (*refused)(void *context, struct slice error);
    /* How long a command took, to its reply or to the loss of the connection: for a metric. */
    void (*took)(int64_t duration_ns);
};

struct redis_client_options {
    struct loop *loop;
    const struct redis_target *target; /* borrowed */
    struct redis_hooks hooks;
    redis_lookup_fn lookup; /* NULL: the system's resolver */
};

/* Begins to connect in the loop's next turn. NULL: no memory. */
MUST_USE struct redis_client *redis_client_new(const struct redis_client_options *options);
/* Answers everybody who waits with NULL, inside this call. NULL is fine. */
void redis_client_free(struct redis_client *client);

/* The state of the connection, for callers that have to decide whether to wait. */
enum redis_state redis_client_state(const struct redis_client *client);
/* Whether the server's name is being looked up just now. */
bool redis_client_is_looking_up(const struct redis_client *client);
/* The server that it is connected to, or was last. */
const struct redis_place *redis_client_place(const struct redis_client *client);
/* Why the last attempt failed, for an operator; "" if none has. The text is valid until the next attempt. */
const char *redis_client_fault(const struct redis_client *client);

/* Sends a command: `args` are copied. OK: `done` will be called. STORE_DOWN (not connected, or too much under way),
 * NO_MEMORY: it will not. While it is greeted, only the greeting should send. */
MUST_USE enum status redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                                void *context);
/* Says that the greeting is over, so that commands may be sent. */
void redis_client_ready(struct redis_client *client);
/* Says that this server will not do. The connection is given up when the callback returns. The text is copied. */
void redis_client_refuse(struct redis_client *client, struct slice fault);

#endif
