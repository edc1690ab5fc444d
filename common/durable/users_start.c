#include "durable/arguments.h"
#include "durable/users.h"

#include <stdlib.h>

/* ---- reading ---- */

static struct durable_arguments *arguments_of_id(int64_t id)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->number = id;
    return arguments;
}

static enum status find_user(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_user_find_blocking(db, arguments->number, (struct user **)ret_result);
}

void durable_user_find_start(struct durable_pool *pool, int64_t id, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_user, arguments_of_id(id), user_free, ticket);
}

static enum status find_by_login(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_user_find_by_login_blocking(db, arguments->first, (struct user **)ret_result);
}

void durable_user_find_by_login_start(struct durable_pool *pool, struct slice text, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(text, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_by_login, arguments, user_free, ticket);
}

static enum status find_by_subject(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_user_find_by_subject_blocking(db, arguments->first, (struct user **)ret_result);
}

void durable_user_find_by_subject_start(struct durable_pool *pool, struct slice subject, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(subject, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_by_subject, arguments, user_free, ticket);
}

/* ---- create ---- */

#define COPY_TEXT(member, ...) copied.member = durable_arguments_copy(arguments, user->member);

static enum status ensure_user(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_user_ensure_blocking(db, arguments->first, arguments->second, (struct user **)ret_result);
}

void durable_user_ensure_start(struct durable_pool *pool, struct slice subject, struct slice username,
                               struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(subject, username, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_WRITE, ensure_user, arguments, user_free, ticket);
}

/* ---- change, delete ---- */

static enum status end_sessions(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_user_end_sessions_blocking(db, ((const struct durable_arguments *)pointer)->number);
}

void durable_user_end_sessions_start(struct durable_pool *pool, int64_t id, const struct audit_entry *audit,
                                     struct ticket ticket)
{
    struct durable_arguments *arguments = arguments_of_id(id);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, end_sessions, arguments, NULL, ticket);
}

static enum status end_other_sessions(struct durable *db, void *pointer, void **ret_result)
{
    int64_t version = 0;
    enum status status =
        durable_user_end_other_sessions_blocking(db, ((const struct durable_arguments *)pointer)->number, &version);
    return durable_result_number(status, version, ret_result);
}

void durable_user_end_other_sessions_start(struct durable_pool *pool, int64_t id, const struct audit_entry *audit,
                                           struct ticket ticket)
{
    struct durable_arguments *arguments = arguments_of_id(id);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, end_other_sessions, arguments, free, ticket);
}
