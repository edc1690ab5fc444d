#include "durable/arguments.h"
#include "durable/grants.h"

static enum status list_grants_of(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    const struct grant_request wanted = {arguments->number, arguments->first, arguments->page.after_id,
                                         arguments->page.limit};
    return durable_grant_list_blocking(db, &wanted, (struct grant_page **)ret_result);
}

/* Current: who has just taken something back does not see it again. */
void durable_grant_list_start(struct durable_pool *pool, const struct grant_request *wanted, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(wanted->jti, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments) {
        arguments->number = wanted->user;
        arguments->page = (struct page_request){wanted->before_id, wanted->limit};
    }
    durable_arguments_start(pool, DURABLE_READ_CURRENT, list_grants_of, arguments, grant_page_free, ticket);
}

static enum status narrow_grant(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_grant_narrow_blocking(db, arguments->number, arguments->first, arguments->second, arguments->third);
}

void durable_grant_narrow_start(struct durable_pool *pool, int64_t user, struct slice jti, struct slice scopes,
                                struct slice kept, const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(jti, scopes, kept);
    if (arguments)
        arguments->number = user;
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, narrow_grant, arguments, NULL, ticket);
}
