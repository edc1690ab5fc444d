#include "http/connections.h"

enum {
    SWEEP_MS = 250,
    LINGER_MS = 1000, /* how long a client's unread bytes are taken after the last reply */
    STALL_MS = 500,   /* a client that has taken nothing of its reply for so long may be cut off, where there is need */
    UNFINISHED_MS = 2000, /* a stranger's request that is not whole after so long may be cut off, where there is need */
    ENDS_A_TURN = 32,     /* for their deadlines */
};

static void on_sweep_timer(void *context)
{
    struct connections *connections = context;
    connections_look_at_clock(connections);
    connections->ops->sweep(connections->transport);
    connections_resume(connections);
}

enum status connections_init(struct connections *connections, const struct transport_config *config,
                             const struct connections_ops *ops, void *transport)
{
    connections->ops = ops;
    connections->transport = transport;
    connections->http_loop = config->http_loop;
    connections->limits = config->limits;
    connections_look_at_clock(connections);
    enum status status =
        loop_timer_init(&connections->sweep_timer, config->http_loop->loop, on_sweep_timer, connections);
    return status == STATUS_OK ? loop_timer_start_periodic(&connections->sweep_timer, SWEEP_MS) : status;
}

void connections_done(struct connections *connections)
{
    loop_timer_done(&connections->sweep_timer);
    connections_stop_listening(connections);
}

/* ---- each of them ---- */

void connections_add(struct connections *connections, struct waiter *waiter, enum wait wait)
{
    connections_wait(connections, waiter, wait, false);
    connections->count++;
    atomic_fetch_add_explicit(&connections->http_loop->connections, 1, memory_order_relaxed);
}

void connections_remove(struct connections *connections, struct waiter *waiter)
{
    waiter_leave(waiter);
    connections->count--;
    atomic_fetch_sub_explicit(&connections->http_loop->connections, 1, memory_order_relaxed);
}

struct waiter *connections_any(const struct connections *connections)
{
    struct waiter *any = NULL;
    for (size_t wait = 0; wait < WAITS && !any; wait++)
        any = connections->waits[wait][0].first ? connections->waits[wait][0].first : connections->waits[wait][1].first;
    return any;
}

size_t connections_waiting(const struct connections *connections, enum wait wait)
{
    return connections->waits[wait][0].count + connections->waits[wait][1].count;
}

static struct waiter *older_waiter(struct waiter *a, struct waiter *b)
{
    return !a || (b && b->since_ms < a->since_ms) ? b : a;
}

struct waiter *connections_choose_victim(const struct connections *connections)
{
    const struct wait_list(*waits)[2] = connections->waits;
    struct waiter *victim = older_waiter(waits[FOR_END][0].first, waits[FOR_END][1].first);
    for (size_t earned = 0; earned < 2 && !victim; earned++) {
        victim = older_waiter(waits[FOR_REQUEST][earned].first, waits[FOR_NEXT][earned].first);
        victim =
            older_waiter(victim, wait_list_first_before(&waits[FOR_READER][earned], connections->now_ms - STALL_MS));
    }
    return victim;
}

/* Ends some of a list that wait for longer than this; returns how many more it may be. */
static size_t end_overdue_of(struct connections *connections, const struct wait_list *list, int64_t limit_ms,
                             enum http_closing why, size_t most)
{
    struct waiter *overdue;
    while (most && (overdue = wait_list_first_before(list, connections->now_ms - limit_ms))) {
        connections->ops->end(overdue, why);
        most--;
    }
    return most;
}

static size_t end_overdue(struct connections *connections, enum wait wait, int64_t limit_ms, enum http_closing why,
                          size_t most)
{
    for (size_t earned = 0; earned < 2; earned++)
        most = end_overdue_of(connections, &connections->waits[wait][earned], limit_ms, why, most);
    return most;
}

bool connections_keep_deadlines(struct connections *connections)
{
    const struct http_limits *limits = connections->limits;
    const struct {
        enum wait wait;
        int64_t limit_ms;
        enum http_closing why;
    } rows[] = {{FOR_REQUEST, limits->request_timeout_ms, HTTP_CLOSED_SLOW},
                {FOR_NEXT, limits->idle_timeout_ms, HTTP_CLOSED_IDLE},
                {FOR_READER, limits->idle_timeout_ms, HTTP_CLOSED_UNREAD},
                {FOR_END, LINGER_MS, HTTP_CLOSED_LINGERED}};
    size_t most = ENDS_A_TURN;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        most = end_overdue(connections, rows[i].wait, rows[i].limit_ms, rows[i].why, most);
    return most > 0;
}

size_t connections_end_stalled(struct connections *connections, size_t most)
{
    most = end_overdue(connections, FOR_READER, STALL_MS, HTTP_CLOSED_UNREAD, most);
    return end_overdue_of(connections, &connections->waits[FOR_REQUEST][0], UNFINISHED_MS, HTTP_CLOSED_SLOW, most);
}

/* ---- new ones ---- */

void connections_listen(struct connections *connections)
{
    connections->is_listening = true;
    connections->is_paused = !connections->ops->take(connections->transport, true);
}

void connections_stop_listening(struct connections *connections)
{
    if (connections->is_listening)
        (void)connections->ops->take(connections->transport, false);
    connections->is_listening = false;
}

void connections_pause(struct connections *connections)
{
    if (!connections->is_listening)
        return;
    connections->is_paused = true;
    (void)connections->ops->take(connections->transport, false);
}

void connections_resume(struct connections *connections)
{
    if (connections->is_paused && connections->is_listening && connections->count <= connections->limits->connections)
        connections->is_paused = !connections->ops->take(connections->transport, true);
}

void connections_note_failed_accept(struct connections *connections, const char *error)
{
    observer_event(loop_observer(connections->http_loop->loop), "http", "accept_failed", error);
    connections_pause(connections);
}
