#include "durable/arguments.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX_BYTES = 4 << 20 };

static void free_arguments(void *pointer)
{
    struct durable_arguments *arguments = pointer;
    if (!arguments)
        return;
    arena_done(&arguments->arena);
    free(arguments);
}

struct slice durable_arguments_copy(struct durable_arguments *arguments, struct slice text)
{
    if (!arguments || slice_is_absent(text))
        return SLICE_ABSENT;
    struct slice copied = arena_copy(&arguments->arena, text);
    arguments->failed = arguments->failed || slice_is_absent(copied);
    return copied;
}

struct durable_arguments *durable_arguments_new(struct slice first, struct slice second, struct slice third)
{
    struct durable_arguments *arguments = calloc(1, sizeof *arguments);
    if (!arguments)
        return NULL;
    arena_init(&arguments->arena, ARGUMENTS_MAX_BYTES);
    arguments->first = durable_arguments_copy(arguments, first);
    arguments->second = durable_arguments_copy(arguments, second);
    arguments->third = durable_arguments_copy(arguments, third);
    return arguments;
}

void *durable_arguments_object(struct durable_arguments *arguments, const void *object, size_t size)
{
    void *copied = arguments ? arena_alloc(&arguments->arena, size) : NULL;
    if (!copied) {
        if (arguments)
            arguments->failed = true;
        return NULL;
    }
    if (size)
        memcpy(copied, object, size);
    arguments->object = copied;
    return copied;
}

struct audit_entry durable_arguments_entry(struct durable_arguments *arguments, const struct audit_entry *entry)
{
    struct audit_entry copied = *entry;
    struct slice *texts[] = {&copied.who, &copied.what, &copied.subject, &copied.client, &copied.user, &copied.request};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = durable_arguments_copy(arguments, *texts[i]);
    if (arguments && slice_is_absent(copied.who)) /* there was no memory for it where it was made */
        arguments->failed = true;
    return copied;
}

void durable_arguments_audit(struct durable_arguments *arguments, const struct audit_entry *audit)
{
    if (arguments && audit)
        arguments->audit = durable_arguments_entry(arguments, audit);
}

/* ---- work with a row of the audit log ---- */

struct audited_work {
    struct durable_arguments *arguments;
    void *result;
};

static void drop_result(struct audited_work *it)
{
    if (it->result)
        it->arguments->free_result(it->result);
    it->result = NULL;
}

static enum status do_work(struct durable *db, void *context)
{
    struct audited_work *it = context;
    drop_result(it); /* of the time before, which the database has undone */
    return it->arguments->work(db, it->arguments, &it->result);
}

static enum status do_audited(struct durable *db, void *pointer, void **ret_result)
{
    struct audited_work it = {.arguments = pointer};
    enum status status = durable_audited_blocking(db, &it.arguments->audit, do_work, &it);
    if (status != STATUS_OK)
        drop_result(&it);
    *ret_result = it.result;
    return status;
}

void durable_arguments_start(struct durable_pool *pool, enum durable_access access, durable_work_fn work,
                             struct durable_arguments *arguments, void (*free_result)(void *result),
                             struct ticket ticket)
{
    if (arguments && arguments->failed) {
        free_arguments(arguments);
        arguments = NULL; /* the pool answers NO_MEMORY then */
    }
    bool is_audited = arguments && arguments->audit.what.len;
    if (arguments) {
        arguments->work = work;
        arguments->free_result = free_result;
    }
    const struct durable_job job = {access, is_audited ? do_audited : work, arguments, free_arguments, free_result};
    durable_pool_start(pool, &job, ticket);
}

enum status durable_result_number(enum status status, int64_t number, void **ret_result)
{
    if (status != STATUS_OK)
        return status;
    int64_t *result = malloc(sizeof *result);
    if (!result)
        return STATUS_NO_MEMORY;
    *result = number;
    *ret_result = result;
    return STATUS_OK;
}
