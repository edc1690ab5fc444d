/* observer: what happens in the background, told to whoever logs and counts.
 *
 * Libraries do not log. The service hands one of these to its loops, pools and stores; both
 * functions may be NULL, may be called on any thread, and must neither block nor call back. */
#ifndef COUNTERSIGN_LOOP_OBSERVER_H
#define COUNTERSIGN_LOOP_OBSERVER_H

#include <stddef.h>
#include <stdint.h>

struct observer {
    void *context;
    /* A step of a flow is over, its wait included. Both names are literals. Where many flows are on their way in a
     * loop, this is told of one in sixteen. */
    void (*phase)(void *context, const char *handler, const char *step, int64_t duration_ns);
    /* Something happened outside of any request: event("redis", "reconnected", "127.0.0.1:6379").
     * `source` and `what` are literals, `detail` (may be NULL) holds no secret. */
    void (*event)(void *context, const char *source, const char *what, const char *detail);
};

/* Does nothing for a NULL observer. */
static inline void observer_event(const struct observer *observer, const char *source, const char *what,
                                  const char *detail)
{
    if (observer && observer->event)
        observer->event(observer->context, source, what, detail);
}

static inline void observer_phase(const struct observer *observer, const char *handler, const char *step,
                                  int64_t duration_ns)
{
    if (observer && observer->phase)
        observer->phase(observer->context, handler, step, duration_ns);
}

#endif
