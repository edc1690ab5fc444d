/* The `…_start` functions: each copies its arguments, runs the blocking one on the pool, and
 * completes the ticket with its result. */
#include "base/arena.h"
#include "loop/flow.h"
#include "store/credentials_clients.h"
#include "store/credentials_resource_servers.h"
#include "store/credentials_tokens.h"
#include "store/credentials_users.h"
#include "store/db_pool.h"

#include <stdlib.h>

/* What any of them takes; `arena` holds the copies. */
struct arguments {
    struct arena arena;
    struct slice first, second;
    int64_t number;
    struct token_issue issue;
    struct token_use *uses;
    size_t count;
};

static void free_arguments(void *pointer)
{
    struct arguments *arguments = pointer;
    arena_done(&arguments->arena);
    free(arguments);
}

/* NULL: no memory; db_pool_start makes an answer of that. */
static struct arguments *new_arguments(void)
{
    enum { ARGUMENTS_MAX_BYTES = 1 << 20 };
    struct arguments *arguments = calloc(1, sizeof *arguments);
    if (arguments)
        arena_init(&arguments->arena, ARGUMENTS_MAX_BYTES);
    return arguments;
}

/* Copies a text; false: no memory, and the arguments are gone. */
static bool copy(struct arguments **arguments, struct slice from, struct slice *to)
{
    if (!*arguments)
        return false;
    *to = arena_copy(&(*arguments)->arena, from);
    if (!slice_is_absent(*to))
        return true;
    free_arguments(*arguments);
    *arguments = NULL;
    return false;
}

static void start(struct db_pool *pool, enum db_access access, db_work_fn work, struct arguments *arguments,
                  void (*free_result)(void *result), struct ticket ticket)
{
    const struct db_job job = {access, work, arguments, free_arguments, free_result};
    db_pool_start(pool, &job, ticket);
}

static struct arguments *two_texts(struct slice first, struct slice second)
{
    struct arguments *arguments = new_arguments();
    if (copy(&arguments, first, &arguments->first))
        (void)copy(&arguments, second, &arguments->second);
    return arguments;
}

static struct arguments *one_number(int64_t number)
{
    struct arguments *arguments = new_arguments();
    if (arguments)
        arguments->number = number;
    return arguments;
}

/* ---- clients ---- */

static enum status find_client(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    return credentials_client_find_blocking(db, arguments->first, (struct client **)ret_result);
}

void credentials_client_find_start(struct db_pool *pool, struct slice client_id, struct ticket ticket)
{
    start(pool, DB_READ, find_client, two_texts(client_id, SLICE("")), client_free, ticket);
}

/* ---- tokens ---- */

static enum status find_pair(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    return credentials_pair_find_blocking(db, arguments->first, arguments->second,
                                          (struct credential_pair **)ret_result);
}

void credentials_pair_find_start(struct db_pool *pool, struct slice client_id, struct slice oauth_token,
                                 struct ticket ticket)
{
    start(pool, DB_READ, find_pair, two_texts(client_id, oauth_token), credential_pair_free, ticket);
}

static enum status issue_token(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    struct token_issued *issued = calloc(1, sizeof *issued);
    if (!issued)
        return STATUS_NO_MEMORY;
    enum status status = credentials_token_issue_blocking(db, &arguments->issue, &issued->existing, &issued->token);
    if (status != STATUS_OK) {
        token_issued_free(issued);
        return status;
    }
    *ret_result = issued;
    return STATUS_OK;
}

void credentials_token_issue_start(struct db_pool *pool, const struct token_issue *issue, struct ticket ticket)
{
    struct arguments *arguments = new_arguments();
    if (arguments)
        arguments->issue = *issue;
    if (copy(&arguments, issue->temp_token, &arguments->issue.temp_token) &&
        copy(&arguments, issue->client_id, &arguments->issue.client_id) &&
        copy(&arguments, issue->scopes, &arguments->issue.scopes) &&
        copy(&arguments, issue->oauth_token, &arguments->issue.oauth_token))
        (void)copy(&arguments, issue->secret, &arguments->issue.secret);
    start(pool, DB_WRITE, issue_token, arguments, token_issued_free, ticket);
}

static enum status touch_tokens(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    (void)ret_result;
    return credentials_token_touch_blocking(db, arguments->uses, arguments->count);
}

void credentials_token_touch_start(struct db_pool *pool, const struct token_use *uses, size_t count,
                                   struct ticket ticket)
{
    struct arguments *arguments = new_arguments();
    struct slice copied = {0};
    if (copy(&arguments, slice_of(uses, count * sizeof *uses), &copied)) {
        arguments->uses = arena_calloc(&arguments->arena, count, sizeof *uses);
        arguments->count = arguments->uses ? count : 0;
        if (arguments->uses)
            memcpy(arguments->uses, copied.ptr, copied.len);
    }
    start(pool, DB_WRITE, touch_tokens, arguments, NULL, ticket);
}

static enum status covers(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    bool *result = calloc(1, sizeof *result);
    if (!result)
        return STATUS_NO_MEMORY;
    *ret_result = result;
    return credentials_token_covers_blocking(db, arguments->first, arguments->number, arguments->second, result);
}

void credentials_token_covers_start(struct db_pool *pool, struct slice client_id, int64_t user, struct slice scopes,
                                    struct ticket ticket)
{
    struct arguments *arguments = two_texts(client_id, scopes);
    if (arguments)
        arguments->number = user;
    start(pool, DB_READ, covers, arguments, free, ticket);
}

/* ---- users ---- */

static enum status find_user(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    return credentials_user_find_blocking(db, arguments->number, (struct user **)ret_result);
}

void credentials_user_find_start(struct db_pool *pool, int64_t id, struct ticket ticket)
{
    start(pool, DB_READ, find_user, one_number(id), user_free, ticket);
}

static enum status find_user_by_name(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    return credentials_user_find_by_name_blocking(db, arguments->first, (struct user **)ret_result);
}

void credentials_user_find_by_name_start(struct db_pool *pool, struct slice username, struct ticket ticket)
{
    start(pool, DB_READ, find_user_by_name, two_texts(username, SLICE("")), user_free, ticket);
}

/* ---- resource servers ---- */

static enum status find_resource_server(struct credentials *db, void *pointer, void **ret_result)
{
    const struct arguments *arguments = pointer;
    return credentials_resource_server_find_blocking(db, arguments->first, (struct resource_server **)ret_result);
}

void credentials_resource_server_find_start(struct db_pool *pool, struct slice key_digest, struct ticket ticket)
{
    start(pool, DB_READ, find_resource_server, two_texts(key_digest, SLICE("")), resource_server_free, ticket);
}
