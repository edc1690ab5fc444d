#include "durable/arguments.h"
#include "durable/users.h"

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

static enum status list_users(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_user_list_blocking(db, arguments->page, (struct user_page **)ret_result);
}

void durable_user_list_start(struct durable_pool *pool, struct page_request page, struct ticket ticket)
{
    struct durable_arguments *arguments = arguments_of_id(0);
    if (arguments)
        arguments->page = page;
    durable_arguments_start(pool, DURABLE_READ, list_users, arguments, user_page_free, ticket);
}

/* ---- create ---- */

static enum status create_user(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    int64_t id = 0;
    (void)ret_result;
    return durable_user_create_blocking(db, arguments->object, &id);
}

#define COPY_TEXT(member, ...) copied.member = durable_arguments_copy(arguments, user->member);

void durable_user_create_start(struct durable_pool *pool, const struct user *user, struct ticket ticket)
{
    struct durable_arguments *arguments = arguments_of_id(0);
    struct user copied = *user;
    USER_TEXTS(COPY_TEXT);
    (void)durable_arguments_object(arguments, &copied, sizeof copied);
    durable_arguments_start(pool, DURABLE_WRITE, create_user, arguments, NULL, ticket);
}

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

void durable_user_end_sessions_start(struct durable_pool *pool, int64_t id, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, end_sessions, arguments_of_id(id), NULL, ticket);
}

static enum status disable_user(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_user_disable_blocking(db, ((const struct durable_arguments *)pointer)->number);
}

void durable_user_disable_start(struct durable_pool *pool, int64_t id, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, disable_user, arguments_of_id(id), NULL, ticket);
}

static enum status enable_user(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_user_enable_blocking(db, ((const struct durable_arguments *)pointer)->number);
}

void durable_user_enable_start(struct durable_pool *pool, int64_t id, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, enable_user, arguments_of_id(id), NULL, ticket);
}

static enum status delete_user(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_user_delete_blocking(db, ((const struct durable_arguments *)pointer)->number);
}

void durable_user_delete_start(struct durable_pool *pool, int64_t id, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, delete_user, arguments_of_id(id), NULL, ticket);
}
