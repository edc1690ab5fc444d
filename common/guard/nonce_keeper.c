#include "guard/nonce_keeper.h"

#include "base/buf.h"
#include "base/thread.h"
#include "crypto/random.h"
#include "guard/nonce_decision.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    PERIOD_MS = 1000,      /* how often the ledger is asked without a cause */
    RETRY_MS = 100,        /* after a failure */
    USER_PERIOD_MS = 5000, /* how often the user's row is refreshed */
    WANTED_MAX = 16,
    NAME_BYTES = 64,
};

struct nonce_keeper {
    struct nonce_ledger *ledger;
    const struct clock *clock;
    char name[NAME_BYTES];
    struct nonce_user user;
    bool is_shared;
    bool has_parts;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic uint64_t version;
    /* under the lock */
    struct nonce_standing standing;
    struct nonce_parts parts; /* with has_parts: as they were when the standing's ranges were read */
    bool is_stale;            /* they may be others by now */
    int64_t wanted[WANTED_MAX];
    size_t wanted_count;
    struct second_span away; /* accepted without being in the ranges */
    struct nonce_job *first_job;
    struct nonce_job **last_job;
    struct nonce_job *running_job;
    struct nonce_listener *listeners;
    int64_t clock_offset_ms; /* the store's clock less the steady one */
    bool knows_clock;
    bool is_stopping;
    int64_t refreshed_ms; /* when the user's row was written; 0: it must be */
    int64_t tried_ms;     /* when the ledger was last asked */
    bool has_failed;      /* the last attempt did */
};

/* ---- who and where this process is ---- */

/* 0: it cannot be read. */
static size_t read_file(const char *path, char *memory, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, memory, size);
    (void)close(fd);
    return len > 0 ? (size_t)len : 0;
}

/* The boot, and the namespace that may shift its steady clock. Where one cannot be told the machine is like no other.
 */
static void name_machine(struct nonce_user *user)
{
    char boot[64];
    char space[64];
    size_t boot_len = read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t space_len = readlink("/proc/self/ns/time", space, sizeof space);
    struct slice line = slice_of(boot, boot_len);
    bool has_end = false;
    struct slice id = slice_cut(&line, '\n', &has_end);
    if (id.len == 0)
        id = slice_str(user->id);
    (void)snprintf(user->machine, sizeof user->machine, "%.*s %.*s", (int)(id.len < 40 ? id.len : 40), id.ptr,
                   space_len > 0 ? (int)space_len : 0, space);
}

static enum status name_user(struct nonce_user *user)
{
    unsigned char bytes[(NONCE_EPOCH_ID_BYTES - 1) / 2];
    struct buf text = buf_fixed(user->id, sizeof user->id);
    TRY(random_bytes(bytes, sizeof bytes));
    buf_add_hex(&text, slice_of(bytes, sizeof bytes));
    if (!buf_string(&text))
        return STATUS_NO_MEMORY;
    name_machine(user);
    return STATUS_OK;
}

/* ---- listeners ---- */

static void on_listener_change(struct loop_message *message)
{
    struct nonce_listener *listener =
        (struct nonce_listener *)((char *)message - offsetof(struct nonce_listener, message));
    if (atomic_load(&listener->is_gone)) {
        free(listener);
        return;
    }
    atomic_store(&listener->is_posted, false);
    listener->on_change(listener->context);
}

/* Under the lock. */
static void tell_listeners(struct nonce_keeper *keeper)
{
    atomic_fetch_add(&keeper->version, 1);
    for (struct nonce_listener *listener = keeper->listeners; listener; listener = listener->next)
        if (!atomic_exchange(&listener->is_posted, true))
            loop_post(listener->loop, &listener->message);
}

struct nonce_listener *nonce_keeper_listen(struct nonce_keeper *keeper, struct loop *loop,
                                           void (*on_change)(void *context), void *context)
{
    struct nonce_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return NULL;
    listener->keeper = keeper;
    listener->loop = loop;
    listener->message.deliver = on_listener_change;
    listener->on_change = on_change;
    listener->context = context;
    (void)pthread_mutex_lock(&keeper->lock);
    listener->next = keeper->listeners;
    keeper->listeners = listener;
    (void)pthread_mutex_unlock(&keeper->lock);
    return listener;
}

void nonce_keeper_unlisten(struct nonce_listener *listener)
{
    if (!listener)
        return;
    struct nonce_keeper *keeper = listener->keeper;
    (void)pthread_mutex_lock(&keeper->lock);
    struct nonce_listener **place = &keeper->listeners;
    while (*place != listener)
        place = &(*place)->next;
    *place = listener->next;
    (void)pthread_mutex_unlock(&keeper->lock);
    atomic_store(&listener->is_gone, true);
    if (!atomic_exchange(&listener->is_posted, true)) /* no message is under way that would free it */
        free(listener);
}

/* ---- what holds now ---- */

uint64_t nonce_keeper_version(const struct nonce_keeper *keeper)
{
    return atomic_load(&keeper->version);
}

void nonce_keeper_read(struct nonce_keeper *keeper, struct nonce_standing *ret_standing, uint64_t *ret_version)
{
    (void)pthread_mutex_lock(&keeper->lock);
    *ret_standing = keeper->standing;
    *ret_version = atomic_load(&keeper->version);
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_read_parts(struct nonce_keeper *keeper, struct nonce_standing *ret_standing,
                             struct nonce_parts *ret_parts, uint64_t *ret_version)
{
    (void)pthread_mutex_lock(&keeper->lock);
    *ret_standing = keeper->standing;
    *ret_parts = keeper->parts;
    *ret_version = atomic_load(&keeper->version);
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_refresh(struct nonce_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->is_stale = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
}

const char *nonce_keeper_machine(const struct nonce_keeper *keeper)
{
    return keeper->user.machine;
}

static bool is_wanted(const struct nonce_keeper *keeper, int64_t second)
{
    for (size_t i = 0; i < keeper->wanted_count; i++)
        if (keeper->wanted[i] == second)
            return true;
    return keeper->wanted_count == WANTED_MAX; /* a caller that is not served asks again after the next attempt */
}

void nonce_keeper_want(struct nonce_keeper *keeper, int64_t second)
{
    (void)pthread_mutex_lock(&keeper->lock);
    if (!is_wanted(keeper, second)) {
        keeper->wanted[keeper->wanted_count++] = second;
        (void)pthread_cond_signal(&keeper->wake);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_note_away(struct nonce_keeper *keeper, int64_t second)
{
    (void)pthread_mutex_lock(&keeper->lock);
    struct second_span *away = &keeper->away;
    *away = second_span_is_empty(away) ? (struct second_span){second, second}
                                       : (struct second_span){second < away->low ? second : away->low,
                                                              second > away->high ? second : away->high};
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_enter(struct nonce_keeper *keeper, struct slice epoch, const struct accepted_ranges *ranges)
{
    (void)pthread_mutex_lock(&keeper->lock);
    struct nonce_standing *standing = &keeper->standing;
    (void)snprintf(standing->epoch, sizeof standing->epoch, "%.*s", SLICE_ARGS(epoch));
    standing->ranges = *ranges;
    standing->asked_ms = 0;
    keeper->has_failed = false;
    keeper->refreshed_ms = 0;
    tell_listeners(keeper);
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_tell_clock(struct nonce_keeper *keeper, int64_t clock_ms)
{
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->clock_offset_ms = clock_ms - clock_steady_ms(keeper->clock);
    keeper->knows_clock = true;
    (void)pthread_mutex_unlock(&keeper->lock);
}

/* ---- the thread ---- */

/* Under the lock, which is given up meanwhile. */
static void hand_back(struct nonce_keeper *keeper, struct nonce_job *job)
{
    if (job->loop && !job->is_cancelled) {
        loop_post(job->loop, &job->message);
        return;
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    job->done(job);
    (void)pthread_mutex_lock(&keeper->lock);
}

/* Under the lock, which is given up meanwhile. */
static void run_job(struct nonce_keeper *keeper)
{
    struct nonce_job *job = keeper->first_job;
    keeper->first_job = job->next;
    if (!keeper->first_job)
        keeper->last_job = &keeper->first_job;
    keeper->running_job = job;
    (void)pthread_mutex_unlock(&keeper->lock);
    job->run_blocking(job, keeper->ledger);
    job->was_run = true;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->running_job = NULL;
    hand_back(keeper, job);
}

/* What one visit asks of the ledger. These are copies, so that the lock is free meanwhile. */
struct visit {
    char epoch[NONCE_EPOCH_ID_BYTES];
    int64_t wanted[WANTED_MAX];
    size_t wanted_count;
    struct second_span away;
    struct nonce_user user;
    bool refreshes;
    struct accepted_ranges ranges;
};

/* Under the lock. */
static void begin_visit(struct nonce_keeper *keeper, struct visit *visit)
{
    struct nonce_standing *standing = &keeper->standing;
    *visit = (struct visit){.user = keeper->user, .wanted_count = keeper->wanted_count, .away = keeper->away};
    memcpy(visit->epoch, standing->epoch, sizeof visit->epoch);
    memcpy(visit->wanted, keeper->wanted, sizeof visit->wanted);
    visit->user.steady_ms = clock_steady_ms(keeper->clock);
    visit->user.clock_ms = visit->user.steady_ms + keeper->clock_offset_ms;
    keeper->wanted_count = 0;
    keeper->tried_ms = clock_monotonic_ms();
    bool is_due = keeper->tried_ms - keeper->refreshed_ms >= USER_PERIOD_MS;
    /* while an answer is missing the row's time is left alone */
    visit->refreshes = keeper->is_shared && keeper->knows_clock && is_due && !standing->asked_ms;
    if (visit->refreshes && visit->user.clock_ms > standing->floor_clock_ms) /* the row may have either by now */
        standing->floor_clock_ms = visit->user.clock_ms;
    if (!standing->asked_ms)
        standing->asked_ms = keeper->tried_ms;
}

static enum status keep_visit(struct nonce_keeper *keeper, struct visit *visit)
{
    const struct nonce_keep keep = {
        .name = slice_str(keeper->name),
        .epoch = slice_str(visit->epoch),
        .wanted = visit->wanted,
        .wanted_count = visit->wanted_count,
        .away = visit->away,
        .user = visit->refreshes ? &visit->user : NULL,
    };
    return keeper->ledger->keep_blocking(keeper->ledger, &keep, &visit->ranges);
}

/* Under the lock. */
static void take_answer(struct nonce_keeper *keeper, const struct visit *visit)
{
    struct nonce_standing *standing = &keeper->standing;
    standing->ranges = visit->ranges;
    standing->asked_ms = 0;
    if (keeper->away.low == visit->away.low && keeper->away.high == visit->away.high)
        keeper->away = SECOND_SPAN_EMPTY;
    if (!visit->refreshes)
        return;
    keeper->refreshed_ms = keeper->tried_ms;
    standing->noted_steady_ms = visit->user.steady_ms;
    standing->noted_clock_ms = standing->floor_clock_ms = visit->user.clock_ms;
}

/* Under the lock. */
static void end_visit(struct nonce_keeper *keeper, const struct visit *visit, enum status status)
{
    bool is_of_now = strcmp(keeper->standing.epoch, visit->epoch) == 0;
    keeper->has_failed = status != STATUS_OK && status != STATUS_CONFLICT;
    if (is_of_now && status == STATUS_OK)
        take_answer(keeper, visit);
    else if (is_of_now && status == STATUS_CONFLICT && keeper->has_parts) {
        keeper->is_stale = true; /* what was read before still bounds what may be accepted */
        keeper->standing.asked_ms = 0;
    } else if (is_of_now && status == STATUS_CONFLICT) { /* another epoch is in force */
        keeper->standing.epoch[0] = '\0';
        keeper->standing.asked_ms = 0;
    }
    tell_listeners(keeper);
}

/* Under the lock, which is given up meanwhile. */
static void keep_row(struct nonce_keeper *keeper)
{
    struct visit visit;
    begin_visit(keeper, &visit);
    (void)pthread_mutex_unlock(&keeper->lock);
    enum status status = keep_visit(keeper, &visit);
    (void)pthread_mutex_lock(&keeper->lock);
    end_visit(keeper, &visit, status);
}

/* Under the lock. Ranges and parts are of one moment. Where another store has taken the row, nothing may be raised in
 * its name, and no part is in force. */
static void take_parts(struct nonce_keeper *keeper, const struct nonce_row *whole, const struct nonce_parts *parts)
{
    struct nonce_standing *standing = &keeper->standing;
    bool is_ours = nonce_row_has_parts(whole);
    (void)snprintf(standing->epoch, sizeof standing->epoch, "%s", is_ours ? whole->epoch : "");
    standing->ranges = whole->ranges;
    standing->asked_ms = 0;
    keeper->parts = is_ours ? *parts : (struct nonce_parts){0};
}

/* Under the lock, which is given up meanwhile. */
static void read_parts(struct nonce_keeper *keeper)
{
    struct nonce_row whole;
    struct nonce_parts parts;
    keeper->is_stale = false;
    keeper->tried_ms = clock_monotonic_ms();
    if (!keeper->standing.asked_ms)
        keeper->standing.asked_ms = keeper->tried_ms;
    (void)pthread_mutex_unlock(&keeper->lock);
    enum status status = keeper->ledger->read_parts_blocking(keeper->ledger, slice_str(keeper->name), &whole, &parts);
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->has_failed = status != STATUS_OK;
    if (status == STATUS_OK && whole.exists)
        take_parts(keeper, &whole, &parts);
    else
        keeper->is_stale = keeper->is_stale || status != STATUS_OK;
    tell_listeners(keeper);
}

/* Under the lock: how long there is nothing to do; 0 or less: now. */
static int64_t idle_ms(const struct nonce_keeper *keeper)
{
    if (keeper->first_job || (keeper->is_stale && !keeper->has_failed))
        return 0;
    if (keeper->standing.epoch[0] == '\0' && !keeper->is_stale)
        return PERIOD_MS;
    bool is_due = keeper->wanted_count || (keeper->is_shared && keeper->knows_clock && !keeper->refreshed_ms);
    int64_t period_ms = keeper->has_failed ? RETRY_MS : is_due ? 0 : PERIOD_MS;
    return keeper->tried_ms + period_ms - clock_monotonic_ms();
}

static void wait_for(struct nonce_keeper *keeper, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
}

static void *run_keeper(void *context)
{
    struct nonce_keeper *keeper = context;
    (void)pthread_setname_np(pthread_self(), "nonce-keeper");
    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_stopping) {
        int64_t ms = idle_ms(keeper);
        if (ms > 0)
            wait_for(keeper, ms);
        else if (keeper->first_job)
            run_job(keeper);
        else if (keeper->is_stale)
            read_parts(keeper);
        else
            keep_row(keeper);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void on_job_ran(struct loop_message *message)
{
    struct nonce_job *job = (struct nonce_job *)((char *)message - offsetof(struct nonce_job, message));
    job->done(job);
}

void nonce_keeper_start(struct nonce_keeper *keeper, struct nonce_job *job)
{
    job->message.deliver = on_job_ran;
    (void)pthread_mutex_lock(&keeper->lock);
    struct nonce_job **place = job->goes_first ? &keeper->first_job : keeper->last_job;
    job->next = *place;
    job->was_run = false;
    if (place == keeper->last_job)
        keeper->last_job = &job->next;
    *place = job;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
}

void nonce_keeper_cancel(struct nonce_keeper *keeper, struct nonce_job *job)
{
    (void)pthread_mutex_lock(&keeper->lock);
    struct nonce_job **place = &keeper->first_job;
    while (*place && *place != job)
        place = &(*place)->next;
    bool is_queued = *place == job;
    if (is_queued) {
        *place = job->next;
        if (!*place)
            keeper->last_job = place;
    }
    if (is_queued || keeper->running_job == job)
        job->is_cancelled = true;
    if (is_queued)
        hand_back(keeper, job);
    (void)pthread_mutex_unlock(&keeper->lock);
}

/* ---- the whole ---- */

static void init_wake(struct nonce_keeper *keeper)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&keeper->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void release_keeper(struct nonce_keeper *keeper)
{
    (void)pthread_cond_destroy(&keeper->wake);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

enum status nonce_keeper_new(const struct nonce_keeper_options *options, struct nonce_keeper **ret_keeper)
{
    struct nonce_keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return STATUS_NO_MEMORY;
    keeper->ledger = options->ledger;
    keeper->clock = options->clock;
    keeper->is_shared = options->is_shared;
    keeper->has_parts = options->has_parts;
    keeper->last_job = &keeper->first_job;
    keeper->away = SECOND_SPAN_EMPTY;
    (void)snprintf(keeper->name, sizeof keeper->name, "%.*s", SLICE_ARGS(options->name));
    (void)pthread_mutex_init(&keeper->lock, NULL);
    init_wake(keeper);
    enum status status = name_user(&keeper->user);
    if (status == STATUS_OK && !thread_start(&keeper->thread, NULL, run_keeper, keeper))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        release_keeper(keeper);
        return status;
    }
    *ret_keeper = keeper;
    return STATUS_OK;
}

/* What rule 8 let in goes into the ranges first. If that fails, this process's row must stay. */
static void leave_ledger(struct nonce_keeper *keeper)
{
    struct visit visit;
    if (!keeper->standing.noted_steady_ms)
        return;
    begin_visit(keeper, &visit);
    visit.refreshes = false;
    enum status status = second_span_is_empty(&visit.away) ? STATUS_OK : keep_visit(keeper, &visit);
    if (status == STATUS_OK)
        (void)!keeper->ledger->leave_blocking(keeper->ledger, slice_str(keeper->name), slice_str(keeper->user.id));
}

void nonce_keeper_stop(struct nonce_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    bool is_stopped = keeper->is_stopping;
    keeper->is_stopping = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    if (is_stopped)
        return;
    (void)pthread_join(keeper->thread, NULL);
    (void)pthread_mutex_lock(&keeper->lock);
    while (keeper->first_job) {
        struct nonce_job *job = keeper->first_job;
        keeper->first_job = job->next;
        hand_back(keeper, job);
    }
    keeper->last_job = &keeper->first_job;
    (void)pthread_mutex_unlock(&keeper->lock);
    leave_ledger(keeper);
}

void nonce_keeper_free(struct nonce_keeper *keeper)
{
    if (!keeper)
        return;
    nonce_keeper_stop(keeper);
    release_keeper(keeper);
}
