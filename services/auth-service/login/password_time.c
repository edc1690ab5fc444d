#include "login/password_time.h"

#include "base/clock.h"

#include <pthread.h>
#include <time.h>

static const int64_t margin_ns = 10 * 1000 * 1000;
static const int64_t busy_max_ns = 10LL * 1000 * 1000 * 1000;
static const int64_t busy_for_ns = 600LL * 1000 * 1000 * 1000;

/* What one hash took, for each kind. */
static struct {
    int64_t amount; /* 0: not measured */
    int64_t ns;
} measured[PASSWORD_KIND_COUNT];
static int64_t busy_ns; /* the time while the machine is too busy for what was measured */
static int64_t busy_until_ns;
static pthread_mutex_t measuring = PTHREAD_MUTEX_INITIALIZER;

/* Of this thread alone: what else the machine does at the time is not part of it. */
static int64_t thread_cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t measure_work(struct password_work work)
{
    if (measured[work.kind].amount == work.amount)
        return measured[work.kind].ns;
    int64_t begun = thread_cpu_ns();
    password_kind_work_blocking(work);
    measured[work.kind].ns = thread_cpu_ns() - begun;
    measured[work.kind].amount = work.amount;
    return measured[work.kind].ns;
}

/* Twice as long as it takes: a thread does not have its core for itself. */
int64_t password_time_ns_blocking(const struct password_work *works, size_t count)
{
    static const struct password_work own = {PASSWORD_OWN, 1};
    pthread_mutex_lock(&measuring);
    int64_t dearest = measure_work(own);
    for (size_t i = 0; i < count; i++) {
        int64_t ns = measure_work(works[i]);
        dearest = ns > dearest ? ns : dearest;
    }
    int64_t busy = clock_monotonic_ns() < busy_until_ns ? busy_ns : 0;
    pthread_mutex_unlock(&measuring);
    int64_t usual = 2 * dearest + margin_ns;
    return usual > busy ? usual : busy;
}

void password_time_note(int64_t took_ns, int64_t time_ns)
{
    if (took_ns <= time_ns)
        return;
    pthread_mutex_lock(&measuring);
    busy_ns = took_ns + took_ns / 4 < busy_max_ns ? took_ns + took_ns / 4 : busy_max_ns;
    busy_until_ns = clock_monotonic_ns() + busy_for_ns;
    pthread_mutex_unlock(&measuring);
}
