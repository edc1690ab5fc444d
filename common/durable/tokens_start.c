#include "durable/arguments.h"
#include "durable/tokens.h"

#include <stdlib.h>

/* ---- the pair ---- */

static enum status find_pair(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_pair_find_blocking(db, arguments->first, arguments->second,
                                          (struct credential_pair **)ret_result);
}

void credentials_pair_find_start(struct db_pool *pool, struct slice client_id, struct slice oauth_token,
                                 struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, oauth_token, SLICE_ABSENT);
    db_arguments_start(pool, DB_READ, find_pair, arguments, credential_pair_free, ticket);
}

void credentials_pair_find_current_start(struct db_pool *pool, struct slice client_id, struct slice oauth_token,
                                         struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, oauth_token, SLICE_ABSENT);
    db_arguments_start(pool, DB_READ_CURRENT, find_pair, arguments, credential_pair_free, ticket);
}

/* ---- issue ---- */

static enum status issue_token(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    struct token_issued *issued = calloc(1, sizeof *issued);
    if (!issued)
        return STATUS_NO_MEMORY;
    enum status status = credentials_token_issue_blocking(db, arguments->object, &issued->existing, &issued->token);
    if (status != STATUS_OK) {
        token_issued_free(issued);
        return status;
    }
    *ret_result = issued;
    return STATUS_OK;
}

void credentials_token_issue_start(struct db_pool *pool, const struct token_issue *wanted, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct token_issue copied = *wanted;
    struct slice *texts[] = {&copied.temp_token,  &copied.client_id, &copied.scopes,
                             &copied.oauth_token, &copied.secret,    &copied.allowed_scopes};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = db_arguments_copy(arguments, *texts[i]);
    (void)db_arguments_object(arguments, &copied, sizeof copied);
    db_arguments_start(pool, DB_WRITE, issue_token, arguments, token_issued_free, ticket);
}

/* ---- list, revoke ---- */

/* The filter's parts are the three texts. */
static struct token_filter filter_of(const struct db_arguments *arguments)
{
    return (struct token_filter){arguments->first, arguments->second, arguments->third};
}

static enum status list_tokens(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    struct token_filter filter = filter_of(arguments);
    return credentials_token_list_blocking(db, &filter, arguments->page, (struct token_page **)ret_result);
}

void credentials_token_list_start(struct db_pool *pool, const struct token_filter *filter, struct page_request page,
                                  struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(filter->jti, filter->client_id, filter->subject);
    if (arguments)
        arguments->page = page;
    db_arguments_start(pool, DB_READ, list_tokens, arguments, token_page_free, ticket);
}

static enum status revoke_tokens(struct credentials *db, void *pointer, void **ret_result)
{
    struct token_filter filter = filter_of(pointer);
    int64_t count = 0;
    enum status status = credentials_token_revoke_blocking(db, &filter, &count);
    return db_result_number(status, count, ret_result);
}

void credentials_token_revoke_start(struct db_pool *pool, const struct token_filter *filter, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(filter->jti, filter->client_id, filter->subject);
    db_arguments_start(pool, DB_WRITE, revoke_tokens, arguments, free, ticket);
}

/* ---- last used ---- */

static enum status touch_tokens(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    (void)ret_result;
    return credentials_token_touch_blocking(db, arguments->object, (size_t)arguments->number);
}

void credentials_token_touch_start(struct db_pool *pool, const struct token_use *uses, size_t count,
                                   struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (db_arguments_object(arguments, uses, count * sizeof *uses))
        arguments->number = (int64_t)count;
    db_arguments_start(pool, DB_WRITE, touch_tokens, arguments, NULL, ticket);
}

/* ---- does the user's grant cover it ---- */

static enum status check_coverage(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    bool *result = calloc(1, sizeof *result);
    if (!result)
        return STATUS_NO_MEMORY;
    *ret_result = result; /* freed with the ticket, also after a failure */
    return credentials_token_covers_blocking(db, arguments->first, arguments->number, arguments->second, result);
}

void credentials_token_covers_start(struct db_pool *pool, struct slice client_id, int64_t user, struct slice scopes,
                                    struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, scopes, SLICE_ABSENT);
    if (arguments)
        arguments->number = user;
    db_arguments_start(pool, DB_READ_CURRENT, check_coverage, arguments, free, ticket);
}
