/* connections: what every transport keeps of those that it has: how many there are, what each waits for, and whether
 * new ones are taken. It looks at the clock four times a second, and ends those whose time is over.
 *
 * A connection waits in lists, one for each kind of deadline, in the order in which it began to. At the bound the one
 * that waits longest can be chosen to go.
 *
 * Invariants: each connection is in one list; a time is that of the last look at the clock, which is exact enough for
 * deadlines of seconds and does not go back. One loop's thread alone. */
#ifndef COUNTERSIGN_HTTP_CONNECTIONS_H
#define COUNTERSIGN_HTTP_CONNECTIONS_H

#include "base/clock.h"
#include "http/transport.h"
#include "http/wait_list.h"

/* What a connection waits for. */
enum wait {
    FOR_REQUEST, /* the handshake, or the rest of a request */
    FOR_NEXT,    /* answered, and nothing of the next request has arrived */
    FOR_READER,  /* the client takes its reply */
    FOR_END,     /* the client closes */
    FOR_ANSWER,  /* the endpoint: no deadline of ours */
    WAITS,
};

/* What the transport does for it. */
struct connections_ops {
    /* Begins to take connections, or stops. False: it cannot begin now, and the next sweep tries again. */
    bool (*take)(void *transport, bool takes);
    /* Ends one that has waited too long. It leaves its list, or waits anew. */
    void (*end)(struct waiter *waiter, enum http_closing why);
    /* What else is to be done four times a second; keeping the deadlines is part of it. */
    void (*sweep)(void *transport);
};

struct connections {
    const struct connections_ops *ops;
    void *transport;
    struct http_loop *http_loop;
    const struct http_limits *limits;
    struct wait_list waits[WAITS][2]; /* [1]: those that a request has earned */
    size_t count;
    int64_t now_ms; /* of the last look at the clock */
    struct loop_timer sweep_timer;
    bool is_listening;
    bool is_paused; /* takes none for now */
};

/* In zeroed memory. The transport outlives it. On failure only connections_done may be called. */
MUST_USE enum status connections_init(struct connections *connections, const struct transport_config *config,
                                      const struct connections_ops *ops, void *transport);
/* Stops listening and sweeping; the transport ends each connection that connections_any still finds. */
void connections_done(struct connections *connections);

/* ---- each of them ---- */

/* Counts a new one, which nothing has earned. */
void connections_add(struct connections *connections, struct waiter *waiter, enum wait wait);
/* Forgets a connection that is gone. */
void connections_remove(struct connections *connections, struct waiter *waiter);
/* Its wait begins anew. */
static inline void connections_wait(struct connections *connections, struct waiter *waiter, enum wait wait,
                                    bool is_earned)
{
    wait_list_add(&connections->waits[wait][is_earned], waiter, connections->now_ms);
}

static inline void connections_look_at_clock(struct connections *connections)
{
    connections->now_ms = clock_monotonic_ms();
}

/* NULL: there is none. */
struct waiter *connections_any(const struct connections *connections);
/* How many wait for this. */
size_t connections_waiting(const struct connections *connections, enum wait wait);
/* Whoever waits longest: first those to whom all is said, then those that never earned their place. Who is answered, or
 * takes an answer, stays. NULL: all are. */
struct waiter *connections_choose_victim(const struct connections *connections);

/* Ends some of those whose time is over. False: there are more than a turn of the loop has time for. */
bool connections_keep_deadlines(struct connections *connections);
/* For a stop: ends those that take nothing of their replies, and strangers whose requests do not get whole; `most` of
 * them at most. Returns how many more it may be. */
size_t connections_end_stalled(struct connections *connections, size_t most);

/* ---- new ones ---- */

static inline bool connections_are_full(const struct connections *connections)
{
    return connections->count >= connections->limits->connections;
}

/* Takes connections from now on. */
void connections_listen(struct connections *connections);
/* Takes none any more, whatever is resumed. */
void connections_stop_listening(struct connections *connections);
/* None is taken until there is room, or until the next sweep. Until then the backlog holds them. */
void connections_pause(struct connections *connections);
/* Call this where there may be room again. */
void connections_resume(struct connections *connections);
/* Tells the observer why none could be taken (no descriptors, most likely), and pauses. */
void connections_note_failed_accept(struct connections *connections, const char *error);

#endif
