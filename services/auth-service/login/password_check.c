#include "login/password_check.h"

#include "base/clock.h"
#include "base/wipe.h"
#include "login/password_time.h"
#include "loop/worker_pool.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

/* A text that is too long is cut to a length that is still too long to match. */
struct typed_password {
    char text[PASSWORD_MAX_BYTES + 1];
    size_t len;
};

struct password_check {
    struct job job; /* first */
    struct ticket ticket;
    int64_t deadline_ns;
    struct typed_password password;
    char hash[PASSWORD_HASH_BYTES];
    size_t hash_len;
    struct password_work works[PASSWORD_KIND_COUNT];
    size_t work_count;
    bool matches;
    enum status hashed; /* of a new one */
    struct password_verdict verdict;
};

static void free_check(struct password_check *check)
{
    wipe_bytes(check, sizeof *check);
    free(check);
}

static void free_verdict(void *verdict)
{
    free_check((struct password_check *)(void *)((char *)verdict - offsetof(struct password_check, verdict)));
}

/* The time begins when the thread does: how long others kept it busy is the same for everybody. */
static void verify_blocking(struct job *job, void *thread_context UNUSED)
{
    struct password_check *check = (struct password_check *)job;
    struct slice password = slice_of(check->password.text, check->password.len);
    struct slice hash = slice_of(check->hash, check->hash_len);
    if (clock_monotonic_ns() >= check->deadline_ns)
        return; /* nobody waits any more */
    int64_t time_ns = password_time_ns_blocking(check->works, check->work_count);
    int64_t begun_ns = clock_monotonic_ns();
    check->verdict.wrong_until_ns = begun_ns + time_ns;
    check->matches = password_verify_blocking(password, hash);
    password_time_note(clock_monotonic_ns() - begun_ns, time_ns);
    if (check->matches && !password_is_ours(hash))
        (void)!password_hash_blocking(password, check->verdict.new_hash); /* where it fails, the next time does it */
}

static void on_password_checked(struct job *job)
{
    struct password_check *check = (struct password_check *)job;
    wipe_bytes(&check->password, sizeof check->password);
    if (job->was_run) {
        ticket_complete(check->ticket, check->matches ? STATUS_OK : STATUS_UNAUTHORIZED, &check->verdict, free_verdict);
        return;
    }
    ticket_complete(check->ticket, STATUS_STORE_DOWN, NULL, NULL);
    free_check(check);
}

/* Copies at most `room` bytes and tells how many. */
static size_t copy_at_most(char *memory, size_t room, struct slice text)
{
    struct slice kept = slice_sub(text, 0, room);
    if (kept.len)
        memcpy(memory, kept.ptr, kept.len);
    return kept.len;
}

/* NULL: there is no memory, or nobody waits; the ticket is completed. */
static struct password_check *new_check(struct slice password, struct slice hash, struct ticket ticket)
{
    struct password_check *check = ticket_is_live(ticket) ? calloc(1, sizeof *check) : NULL;
    if (!check) {
        ticket_complete(ticket, STATUS_NO_MEMORY, NULL, NULL);
        return NULL;
    }
    check->ticket = ticket;
    check->deadline_ns = ticket_deadline_ns(ticket);
    check->password.len = copy_at_most(check->password.text, sizeof check->password.text, password);
    check->hash_len = copy_at_most(check->hash, sizeof check->hash, hash);
    return check;
}

static void submit_check(struct worker_pool *pool, struct password_check *check,
                         void (*run_blocking)(struct job *job, void *thread_context), void (*done)(struct job *job))
{
    if (!check)
        return;
    check->job = (struct job){.run_blocking = run_blocking, .done = done, .loop = check->ticket.loop};
    enum status status = worker_pool_submit(pool, &check->job, STATUS_SLOW_DOWN);
    if (status == STATUS_OK)
        return;
    ticket_complete(check->ticket, status, NULL, NULL); /* completing the ticket resumes the flow later in this turn */
    free_check(check);
}

void password_check_start(struct worker_pool *pool, struct slice password, struct slice hash,
                          const struct password_work *works, size_t work_count, struct ticket ticket)
{
    struct password_check *check = new_check(password, hash, ticket);
    assert(work_count <= PASSWORD_KIND_COUNT);
    for (size_t i = 0; check && i < work_count; i++)
        check->works[check->work_count++] = works[i];
    submit_check(pool, check, verify_blocking, on_password_checked);
}

void password_check_pause(struct flow *flow, const struct password_verdict *verdict)
{
    int64_t left_ns = verdict->wrong_until_ns - clock_monotonic_ns();
    flow_pause(flow, left_ns > 0 ? (unsigned)(left_ns / 1000000) + 1 : 0);
}

/* ---- a new one ---- */

static void hash_blocking(struct job *job, void *thread_context UNUSED)
{
    struct password_check *check = (struct password_check *)job;
    check->hashed = password_hash_blocking(slice_of(check->password.text, check->password.len), check->hash);
}

static void free_hashed(void *hashed)
{
    wipe_bytes(hashed, sizeof(struct password_hashed));
    free(hashed);
}

static void on_password_hashed(struct job *job)
{
    struct password_check *check = (struct password_check *)job;
    enum status status = job->was_run ? check->hashed : STATUS_STORE_DOWN;
    struct password_hashed *hashed = status == STATUS_OK ? calloc(1, sizeof *hashed) : NULL;
    if (hashed)
        memcpy(hashed->hash, check->hash, sizeof hashed->hash);
    else if (status == STATUS_OK)
        status = STATUS_NO_MEMORY;
    ticket_complete(check->ticket, status, hashed, free_hashed);
    free_check(check);
}

void password_hash_start(struct worker_pool *pool, struct slice password, struct ticket ticket)
{
    submit_check(pool, new_check(password, SLICE_ABSENT, ticket), hash_blocking, on_password_hashed);
}
