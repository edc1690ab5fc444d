/* arguments: the copies that a `…_start` function makes of what it was given. Only the …_start.c files include
 * it.
 *
 * Invariants: the arena holds every copy and is wiped at the end, for some are secrets. A copy that failed is
 * remembered, so that a function fills everything in and durable_arguments_start looks once: the ticket then completes
 * with NO_MEMORY. */
#ifndef COUNTERSIGN_DURABLE_ARGUMENTS_H
#define COUNTERSIGN_DURABLE_ARGUMENTS_H

#include "base/arena.h"
#include "durable/changes.h"
#include "durable/durable.h"
#include "durable/pool.h"
#include "loop/flow.h"

#include <stdbool.h>

struct durable_arguments {
    struct arena arena;
    bool failed;
    struct slice first, second, third;
    int64_t number;
    struct page_request page;
    void *object;             /* in the arena: whatever else a function takes */
    struct audit_entry audit; /* `what` is empty: the work has no row of the audit log */
    durable_work_fn work;     /* of durable_arguments_start, as is: */
    void (*free_result)(void *result);
};

/* With up to three texts copied; NULL: no memory, which the functions below take. */
struct durable_arguments *durable_arguments_new(struct slice first, struct slice second, struct slice third);
/* A copy; absent stays absent. */
struct slice durable_arguments_copy(struct durable_arguments *arguments, struct slice text);
/* A copy of an object (an array) as it is, in arguments->object; NULL: no memory. */
void *durable_arguments_object(struct durable_arguments *arguments, const void *object, size_t size);

/* A copy of an entry, every text of it; where its `who` is absent, that counts as no memory. */
struct audit_entry durable_arguments_entry(struct durable_arguments *arguments, const struct audit_entry *entry);
/* The row of the audit log that is written in the transaction of the work; NULL: none. The work may fill in what it
 * finds out. */
void durable_arguments_audit(struct durable_arguments *arguments, const struct audit_entry *audit);

/* Hands the arguments to the pool. */
void durable_arguments_start(struct durable_pool *pool, enum durable_access access, durable_work_fn work,
                             struct durable_arguments *arguments, void (*free_result)(void *result),
                             struct ticket ticket);

/* For results that are one number: a malloc'ed copy. */
MUST_USE enum status durable_result_number(enum status status, int64_t number, void **ret_result);

#endif
