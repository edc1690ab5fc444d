#include "login/password_check.h"

#include "base/wipe.h"
#include "crypto/password.h"
#include "loop/worker_pool.h"

#include <stdlib.h>

/* A text that is too long is cut to a length that is still too long to match. */
struct password_check {
    struct job job; /* first */
    struct ticket ticket;
    char password[PASSWORD_MAX_BYTES + 1];
    size_t password_len;
    char hash[PASSWORD_HASH_BYTES];
    size_t hash_len;
    bool matches;
    enum status hashed; /* of a new one */
};

static void free_check(struct password_check *check)
{
    wipe_bytes(check, sizeof *check);
    free(check);
}

static void verify_blocking(struct job *job, void *thread_context UNUSED)
{
    struct password_check *check = (struct password_check *)job;
    check->matches = password_verify_blocking(slice_of(check->password, check->password_len),
                                              slice_of(check->hash, check->hash_len));
}

static void on_password_checked(struct job *job)
{
    struct password_check *check = (struct password_check *)job;
    enum status status = check->matches ? STATUS_OK : STATUS_UNAUTHORIZED;
    ticket_complete(check->ticket, job->was_run ? status : STATUS_STORE_DOWN, NULL, NULL);
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

static void start_job(struct worker_pool *pool, const struct job *job, struct slice password, struct slice hash,
                      struct ticket ticket)
{
    struct password_check *check = ticket_is_live(ticket) ? calloc(1, sizeof *check) : NULL;
    if (!check) {
        ticket_complete(ticket, STATUS_NO_MEMORY, NULL, NULL);
        return;
    }
    check->job = *job;
    check->ticket = ticket;
    check->password_len = copy_at_most(check->password, sizeof check->password, password);
    check->hash_len = copy_at_most(check->hash, sizeof check->hash, hash);
    enum status status = worker_pool_submit(pool, &check->job, STATUS_SLOW_DOWN);
    if (status == STATUS_OK)
        return;
    ticket_complete(ticket, status, NULL, NULL); /* completing the ticket resumes the flow later in this turn */
    free_check(check);
}

void password_check_start(struct worker_pool *pool, struct slice password, struct slice hash, struct ticket ticket)
{
    const struct job job = {.run_blocking = verify_blocking, .done = on_password_checked, .loop = ticket.loop};
    start_job(pool, &job, password, hash, ticket);
}

/* ---- a new one ---- */

static void hash_blocking(struct job *job, void *thread_context UNUSED)
{
    struct password_check *check = (struct password_check *)job;
    check->hashed = password_hash_blocking(slice_of(check->password, check->password_len), check->hash);
}

static void free_hashed(void *hashed)
{
    if (hashed)
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
    const struct job job = {.run_blocking = hash_blocking, .done = on_password_hashed, .loop = ticket.loop};
    start_job(pool, &job, password, SLICE_ABSENT, ticket);
}
