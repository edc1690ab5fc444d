#include "loop/loop.h"

#include "loop/flow.h"
#include "loop/loop_waits.h"

#include <event2/event.h>
#include <event2/util.h>

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    struct event_base *base;
    const struct clock *clock;
    const struct observer *observer;
    struct loop_waits waits; /* flow.c's */

    struct deferred *first_deferred;
    struct deferred **last_deferred;
    struct event *run_deferred;
    bool runs_deferred;
    int64_t deferred_ns; /* when these calls began, once somebody asked; 0 before */
    int64_t deferred_ms; /* the same by the steady clock */

    pthread_mutex_t mailbox_lock;
    struct loop_message *first_message; /* under the lock */
    struct loop_message **last_message;
    int mailbox_fd;
    struct event *mailbox_event;

    atomic_bool stopping;
    atomic_bool owned; /* by the thread that runs it */
    pthread_t thread;
};

/* --- what libevent would print goes to the observer of the loop that it happened on --- */

static _Thread_local struct loop *current;
static pthread_once_t log_once = PTHREAD_ONCE_INIT;

static void on_libevent_log(int severity, const char *text)
{
    if (current && severity >= EVENT_LOG_WARN)
        observer_event(current->observer, "libevent", "warning", text);
}

static void take_over_log(void)
{
    event_set_log_callback(on_libevent_log);
}

/* Calls that are deferred while we run are still of this turn, so they run too. */
static void on_deferred(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct loop *loop = context;
    loop->runs_deferred = true;
    loop->deferred_ns = loop->deferred_ms = 0;
    while (loop->first_deferred) {
        struct deferred *call = loop->first_deferred;
        loop_defer_cancel(loop, call);
        call->run(call->context);
    }
    loop->runs_deferred = false;
}

static struct loop_message *take_mail(struct loop *loop)
{
    pthread_mutex_lock(&loop->mailbox_lock);
    struct loop_message *first = loop->first_message;
    loop->first_message = NULL;
    loop->last_message = &loop->first_message;
    pthread_mutex_unlock(&loop->mailbox_lock);
    return first;
}

/* False: there was none. */
static bool deliver_mail(struct loop *loop)
{
    struct loop_message *message = take_mail(loop);
    bool was_there = message != NULL;
    while (message) {
        struct loop_message *next = message->next;
        message->next = NULL;
        message->deliver(message);
        message = next;
    }
    return was_there;
}

static void on_mailbox(evutil_socket_t fd, short what UNUSED, void *context)
{
    struct loop *loop = context;
    uint64_t posts;
    /* Read before the list is taken: what is posted in between rings again. A failed read (EAGAIN) is a
     * call without a cause, and harmless. */
    if (read(fd, &posts, sizeof posts) != sizeof posts)
        posts = 0;
    (void)deliver_mail(loop);
    if (atomic_exchange(&loop->stopping, false) && event_base_loopexit(loop->base, NULL) != 0)
        event_base_loopbreak(loop->base); /* needs no memory, but leaves ready events to the next run */
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* One thread a base, so no locks. No changelist: it tells epoll of a closed descriptor one turn later, when the
     * number may be another thread's; the events of our connections stay as they are from request to request. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool open_mailbox(struct loop *loop)
{
    loop->mailbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->mailbox_fd < 0)
        return false;
    loop->mailbox_event = event_new(loop->base, loop->mailbox_fd, EV_READ | EV_PERSIST, on_mailbox, loop);
    return loop->mailbox_event && event_add(loop->mailbox_event, NULL) == 0;
}

static void release_loop(struct loop *loop)
{
    if (loop->run_deferred)
        event_free(loop->run_deferred);
    if (loop->mailbox_event)
        event_free(loop->mailbox_event);
    if (loop->mailbox_fd >= 0)
        close(loop->mailbox_fd);
    loop_waits_done(&loop->waits);
    if (loop->base)
        event_base_free(loop->base);
    pthread_mutex_destroy(&loop->mailbox_lock);
    free(loop);
}

struct loop *loop_new(const struct clock *clock, const struct observer *observer)
{
    pthread_once(&log_once, take_over_log);
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->clock = clock;
    loop->observer = observer;
    loop->last_deferred = &loop->first_deferred;
    loop->last_message = &loop->first_message;
    loop->mailbox_fd = -1;
    pthread_mutex_init(&loop->mailbox_lock, NULL);
    loop->base = new_base();
    if (loop->base)
        loop->run_deferred = event_new(loop->base, -1, EV_PERSIST, on_deferred, loop);
    if (!loop->run_deferred || !open_mailbox(loop)) {
        release_loop(loop);
        return NULL;
    }
    return loop;
}

bool loop_settle(struct loop *loop)
{
    bool was_busy = false;
    assert(!atomic_load(&loop->owned));
    while (deliver_mail(loop) || loop->first_deferred) {
        was_busy = true;
        on_deferred(-1, 0, loop);
    }
    return was_busy;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    flow_cut_all(loop);
    (void)loop_settle(loop);
    release_loop(loop);
}

void loop_run(struct loop *loop)
{
    loop->thread = pthread_self();
    atomic_store(&loop->owned, true);
    current = loop;
    event_base_dispatch(loop->base);
    current = NULL;
    atomic_store(&loop->owned, false);
}

static void ring_mailbox(struct loop *loop)
{
    const uint64_t one = 1;
    /* It fails only where the counter is full: then it rings already. */
    if (write(loop->mailbox_fd, &one, sizeof one) < 0)
        return;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    ring_mailbox(loop);
}

int64_t loop_turn_ns(struct loop *loop)
{
    if (!loop->runs_deferred)
        return clock_monotonic_ns();
    if (loop->deferred_ns == 0)
        loop->deferred_ns = clock_monotonic_ns();
    return loop->deferred_ns;
}

int64_t loop_turn_ms(struct loop *loop)
{
    if (!loop->runs_deferred)
        return loop_now_ms(loop);
    if (loop->deferred_ms == 0)
        loop->deferred_ms = loop_now_ms(loop);
    return loop->deferred_ms;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

bool loop_add_timeout(struct loop *loop, struct event *event, const struct timeval *timeout)
{
    event_base_update_cache_time(loop->base);
    return event_add(event, timeout) == 0;
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

const struct observer *loop_observer(const struct loop *loop)
{
    return loop->observer;
}

struct loop_waits *loop_waits(struct loop *loop)
{
    return &loop->waits;
}

bool loop_is_current(const struct loop *loop)
{
    return !atomic_load(&loop->owned) || pthread_equal(loop->thread, pthread_self());
}

void loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(void *context), void *context)
{
    if (deferred->prev)
        return;
    if (!loop->first_deferred && !loop->runs_deferred)
        event_active(loop->run_deferred, 0, 0);
    deferred->run = run;
    deferred->context = context;
    deferred->next = NULL;
    deferred->prev = loop->last_deferred;
    *loop->last_deferred = deferred;
    loop->last_deferred = &deferred->next;
}

void loop_defer_cancel(struct loop *loop, struct deferred *deferred)
{
    if (!deferred->prev)
        return;
    *deferred->prev = deferred->next;
    if (deferred->next)
        deferred->next->prev = deferred->prev;
    else
        loop->last_deferred = deferred->prev;
    deferred->prev = NULL;
    deferred->next = NULL;
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    message->next = NULL;
    pthread_mutex_lock(&loop->mailbox_lock);
    bool was_empty = loop->first_message == NULL;
    *loop->last_message = message;
    loop->last_message = &message->next;
    pthread_mutex_unlock(&loop->mailbox_lock);
    if (was_empty)
        ring_mailbox(loop);
}

static struct timeval timeval_of(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct loop_timer *timer = context;
    if (timer->period_ms) {
        struct timeval period = timeval_of(timer->period_ms);
        /* Cannot fail: the place in the heap of timeouts that it just left is still there. */
        event_add(timer->event, &period);
    }
    timer->fire(timer->context); /* may stop it, start it, free it */
}

enum status loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*fire_fn)(void *context), void *context)
{
    struct event *event = event_new(loop->base, -1, 0, on_timer, timer);
    if (!event)
        return STATUS_NO_MEMORY;
    *timer = (struct loop_timer){.event = event, .loop = loop, .fire = fire_fn, .context = context};
    return STATUS_OK;
}

void loop_timer_done(struct loop_timer *timer)
{
    if (timer->event)
        event_free(timer->event);
    timer->event = NULL;
}

static enum status start_timer(struct loop_timer *timer, unsigned delay_ms, unsigned period_ms)
{
    struct timeval delay = timeval_of(delay_ms);
    timer->period_ms = period_ms;
    return loop_add_timeout(timer->loop, timer->event, &delay) ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status loop_timer_start(struct loop_timer *timer, unsigned delay_ms)
{
    return start_timer(timer, delay_ms, 0);
}

enum status loop_timer_start_periodic(struct loop_timer *timer, unsigned period_ms)
{
    assert(period_ms > 0);
    return start_timer(timer, period_ms, period_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->event)
        event_del(timer->event);
}

static void on_signal(evutil_socket_t number UNUSED, short what UNUSED, void *context)
{
    struct loop_signal *signal = context;
    signal->fire(signal->context);
}

enum status loop_signal_init(struct loop_signal *signal, struct loop *loop, int number, void (*fire_fn)(void *context),
                             void *context)
{
    struct event *event = evsignal_new(loop->base, number, on_signal, signal);
    if (!event)
        return STATUS_NO_MEMORY;
    if (event_add(event, NULL) != 0) {
        event_free(event);
        return STATUS_NO_MEMORY;
    }
    *signal = (struct loop_signal){event, fire_fn, context};
    return STATUS_OK;
}

void loop_signal_done(struct loop_signal *signal)
{
    if (signal->event)
        event_free(signal->event);
    signal->event = NULL;
}
