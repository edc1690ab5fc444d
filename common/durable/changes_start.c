#include "durable/arguments.h"
#include "durable/changes.h"

#include <stdlib.h>

static enum status find_changes_since(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_changes_since_blocking(db, arguments->number, arguments->page.limit,
                                          (struct change_page **)ret_result);
}

void durable_changes_since_start(struct durable_pool *pool, int64_t sequence, size_t limit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments) {
        arguments->number = sequence;
        arguments->page.limit = limit;
    }
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_changes_since, arguments, change_page_free, ticket);
}

static enum status find_endings(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_changes_ended_blocking(db, arguments->number, arguments->page.after_id, arguments->page.limit,
                                          (struct change_page **)ret_result);
}

void durable_changes_ended_start(struct durable_pool *pool, int64_t since_ms, int64_t sequence, size_t limit,
                                 struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments) {
        arguments->number = since_ms;
        arguments->page = (struct page_request){sequence, limit};
    }
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_endings, arguments, change_page_free, ticket);
}

static enum status find_latest_change(struct durable *db, void *pointer, void **ret_result)
{
    int64_t sequence = 0;
    (void)pointer;
    enum status status = durable_changes_latest_blocking(db, &sequence);
    return durable_result_number(status, sequence, ret_result);
}

void durable_changes_latest_start(struct durable_pool *pool, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_latest_change, arguments, free, ticket);
}

static struct durable_arguments *copy_entry(const struct audit_entry *entry)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    const struct audit_entry copied = durable_arguments_entry(arguments, entry);
    (void)durable_arguments_object(arguments, &copied, sizeof copied);
    return arguments;
}

static enum status write_entry(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_audit_write_blocking(db, arguments->object);
}

void durable_audit_write_start(struct durable_pool *pool, const struct audit_entry *entry, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, write_entry, copy_entry(entry), NULL, ticket);
}

static enum status write_failed_login(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_audit_failed_login_blocking(db, arguments->object);
}

void durable_audit_failed_login_start(struct durable_pool *pool, const struct audit_entry *entry, struct ticket ticket)
{
    durable_arguments_start(pool, DURABLE_WRITE, write_failed_login, copy_entry(entry), NULL, ticket);
}
