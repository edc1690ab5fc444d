#include "durable/arguments.h"
#include "durable/tokens.h"

#include <stdlib.h>

/* ---- the pair ---- */

static enum status find_pair(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_pair_find_blocking(db, arguments->first, arguments->second, (struct credential_pair **)ret_result);
}

void durable_pair_find_start(struct durable_pool *pool, struct slice client_id, struct slice oauth_token,
                             struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, oauth_token, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ, find_pair, arguments, credential_pair_free, ticket);
}

void durable_pair_find_current_start(struct durable_pool *pool, struct slice client_id, struct slice oauth_token,
                                     struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, oauth_token, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_pair, arguments, credential_pair_free, ticket);
}

/* ---- issue ---- */

static enum status issue_token(struct durable *db, void *pointer, void **ret_result)
{
    struct durable_arguments *arguments = pointer;
    struct token_issued *issued = calloc(1, sizeof *issued);
    if (!issued)
        return STATUS_NO_MEMORY;
    enum status status = durable_token_issue_blocking(db, arguments->object, &issued->existing, &issued->token);
    if (status != STATUS_OK) {
        token_issued_free(issued);
        return status;
    }
    arguments->audit.subject = issued->token->jti; /* which the result keeps for as long as it is needed */
    *ret_result = issued;
    return STATUS_OK;
}

void durable_token_issue_start(struct durable_pool *pool, const struct token_issue *wanted,
                               const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct token_issue copied = *wanted;
    struct slice *texts[] = {&copied.temp_token,  &copied.client_id, &copied.scopes,
                             &copied.oauth_token, &copied.secret,    &copied.allowed_scopes};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = durable_arguments_copy(arguments, *texts[i]);
    (void)durable_arguments_object(arguments, &copied, sizeof copied);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, issue_token, arguments, token_issued_free, ticket);
}

/* ---- list, revoke ---- */

/* The filter's parts are the three texts. */
static struct token_filter filter_of(const struct durable_arguments *arguments)
{
    return (struct token_filter){arguments->first, arguments->second, arguments->third};
}

static enum status revoke_tokens(struct durable *db, void *pointer, void **ret_result)
{
    struct token_filter filter = filter_of(pointer);
    int64_t count = 0;
    enum status status = durable_token_revoke_blocking(db, &filter, &count);
    return durable_result_number(status, count, ret_result);
}

void durable_token_revoke_start(struct durable_pool *pool, const struct token_filter *filter,
                                const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(filter->jti, filter->client_id, filter->subject);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, revoke_tokens, arguments, free, ticket);
}

/* ---- last used ---- */

struct touched {
    int64_t used_ms;
    size_t count;
    int64_t *ids;
};

static enum status touch_tokens(struct durable *db, void *pointer, void **ret_result)
{
    const struct touched *touched = ((struct durable_arguments *)pointer)->object;
    (void)ret_result;
    return durable_token_touch_blocking(db, touched->used_ms, touched->ids, touched->count);
}

void durable_token_touch_start(struct durable_pool *pool, int64_t used_ms, const int64_t *ids, size_t count,
                               struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct touched touched = {used_ms, count, durable_arguments_object(arguments, ids, count * sizeof *ids)};
    (void)durable_arguments_object(arguments, &touched, sizeof touched);
    durable_arguments_start(pool, DURABLE_WRITE, touch_tokens, arguments, NULL, ticket);
}

/* ---- does the user's grant cover it ---- */

static enum status check_coverage(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    bool *result = calloc(1, sizeof *result);
    if (!result)
        return STATUS_NO_MEMORY;
    *ret_result = result; /* freed with the ticket, also after a failure */
    return durable_token_covers_blocking(db, arguments->first, arguments->number, arguments->second, result);
}

void durable_token_covers_start(struct durable_pool *pool, struct slice client_id, int64_t user, struct slice scopes,
                                struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, scopes, SLICE_ABSENT);
    if (arguments)
        arguments->number = user;
    durable_arguments_start(pool, DURABLE_READ_CURRENT, check_coverage, arguments, free, ticket);
}
