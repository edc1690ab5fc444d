#include "durable/arguments.h"
#include "durable/passwords.h"

static enum status list_works(struct durable *db, void *unused, void **ret_result)
{
    (void)unused;
    return durable_password_works_blocking(db, (struct password_works **)ret_result);
}

void durable_password_works_start(struct durable_pool *pool, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, list_works, arguments, password_works_free, ticket);
}

static enum status rehash_password(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_password_rehash_blocking(db, arguments->number, arguments->first, arguments->second);
}

static void start_replacing(struct durable_pool *pool, durable_work_fn work, int64_t user, struct slice old_hash,
                            struct slice new_hash, const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(old_hash, new_hash, SLICE_ABSENT);
    if (arguments)
        arguments->number = user;
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, work, arguments, NULL, ticket);
}

void durable_password_rehash_start(struct durable_pool *pool, int64_t user, struct slice old_hash,
                                   struct slice new_hash, struct ticket ticket)
{
    start_replacing(pool, rehash_password, user, old_hash, new_hash, NULL, ticket);
}

static enum status change_password(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_password_change_blocking(db, arguments->number, arguments->first, arguments->second);
}

void durable_password_change_start(struct durable_pool *pool, int64_t user, struct slice old_hash,
                                   struct slice new_hash, const struct audit_entry *audit, struct ticket ticket)
{
    start_replacing(pool, change_password, user, old_hash, new_hash, audit, ticket);
}
