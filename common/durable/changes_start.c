#include "durable/arguments.h"
#include "durable/changes.h"

#include <stdlib.h>

static enum status find_changes_since(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_changes_since_blocking(db, arguments->number, arguments->page.limit,
                                              (struct change_page **)ret_result);
}

void credentials_changes_since_start(struct db_pool *pool, int64_t sequence, size_t limit, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments) {
        arguments->number = sequence;
        arguments->page.limit = limit;
    }
    db_arguments_start(pool, DB_READ_CURRENT, find_changes_since, arguments, change_page_free, ticket);
}

static enum status find_endings(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_changes_ended_blocking(db, arguments->number, arguments->page.after_id, arguments->page.limit,
                                              (struct change_page **)ret_result);
}

void credentials_changes_ended_start(struct db_pool *pool, int64_t since_ms, int64_t sequence, size_t limit,
                                     struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments) {
        arguments->number = since_ms;
        arguments->page = (struct page_request){sequence, limit};
    }
    db_arguments_start(pool, DB_READ_CURRENT, find_endings, arguments, change_page_free, ticket);
}

static enum status find_latest_change(struct credentials *db, void *pointer, void **ret_result)
{
    int64_t sequence = 0;
    (void)pointer;
    enum status status = credentials_changes_latest_blocking(db, &sequence);
    return db_result_number(status, sequence, ret_result);
}

void credentials_changes_latest_start(struct db_pool *pool, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    db_arguments_start(pool, DB_READ_CURRENT, find_latest_change, arguments, free, ticket);
}

static enum status append_audit(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    (void)ret_result;
    return credentials_audit_append_blocking(db, arguments->first, arguments->second, arguments->third);
}

void credentials_audit_append_start(struct db_pool *pool, struct slice who, struct slice what, struct slice subject,
                                    struct ticket ticket)
{
    db_arguments_start(pool, DB_WRITE, append_audit, db_arguments_new(who, what, subject), NULL, ticket);
}

static enum status list_audit(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_audit_list_blocking(db, arguments->page, (struct audit_page **)ret_result);
}

void credentials_audit_list_start(struct db_pool *pool, struct page_request page, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->page = page;
    db_arguments_start(pool, DB_READ, list_audit, arguments, audit_page_free, ticket);
}
