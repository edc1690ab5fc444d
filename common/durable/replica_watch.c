#include "durable/replica_watch.h"

#include "base/clock.h"

static const int64_t PATIENCE_NS = 50 * INT64_C(1000000);
static const int64_t BETWEEN_TRIES_NS = 500 * INT64_C(1000000);

void replica_watch_init(struct replica_watch *watch)
{
    *watch = (struct replica_watch){0};
    (void)pthread_mutex_init(&watch->lock, NULL);
}

void replica_watch_done(struct replica_watch *watch)
{
    (void)pthread_mutex_destroy(&watch->lock);
}

static enum replica_state judge_replica(struct replica_watch *watch, int64_t now_ns)
{
    if (watch->asked > 0 && now_ns - watch->since_ns > PATIENCE_NS)
        watch->is_away = true;
    if (!watch->is_away)
        return REPLICA_WELL;
    return watch->is_tried || now_ns < watch->next_ns ? REPLICA_AWAY : REPLICA_TRY;
}

enum replica_state replica_watch_ask(struct replica_watch *watch)
{
    int64_t now_ns = clock_monotonic_ns();
    (void)pthread_mutex_lock(&watch->lock);
    enum replica_state state = judge_replica(watch, now_ns);
    if (state != REPLICA_AWAY && watch->asked++ == 0)
        watch->since_ns = now_ns;
    if (state == REPLICA_TRY) {
        watch->is_tried = true;
        watch->next_ns = now_ns + BETWEEN_TRIES_NS;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return state;
}

void replica_watch_answered(struct replica_watch *watch, bool is_try, bool is_well)
{
    (void)pthread_mutex_lock(&watch->lock);
    watch->asked--;
    watch->since_ns = clock_monotonic_ns();
    if (is_try)
        watch->is_tried = false;
    if (is_try || !is_well) /* an answer that somebody had to wait for says nothing about now */
        watch->is_away = !is_well;
    (void)pthread_mutex_unlock(&watch->lock);
}

void replica_watch_dropped(struct replica_watch *watch, bool is_try)
{
    (void)pthread_mutex_lock(&watch->lock);
    watch->asked--;
    if (is_try)
        watch->is_tried = false;
    (void)pthread_mutex_unlock(&watch->lock);
}
