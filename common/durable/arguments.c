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

void durable_arguments_start(struct durable_pool *pool, enum durable_access access, durable_work_fn work,
                             struct durable_arguments *arguments, void (*free_result)(void *result),
                             struct ticket ticket)
{
    if (arguments && arguments->failed) {
        free_arguments(arguments);
        arguments = NULL; /* the pool answers NO_MEMORY then */
    }
    const struct durable_job job = {access, work, arguments, free_arguments, free_result};
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
