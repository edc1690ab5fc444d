#include "durable/arguments.h"
#include "durable/clients.h"

/* ---- reading ---- */

static enum status find_client(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_client_find_blocking(db, arguments->first, (struct client **)ret_result);
}

void credentials_client_find_start(struct db_pool *pool, struct slice client_id, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    db_arguments_start(pool, DB_READ_CURRENT, find_client, arguments, client_free, ticket);
}

static enum status list_clients(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    return credentials_client_list_blocking(db, arguments->first, arguments->page, (struct client_page **)ret_result);
}

void credentials_client_list_start(struct db_pool *pool, struct slice owner, struct page_request page,
                                   struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(owner, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->page = page;
    db_arguments_start(pool, DB_READ, list_clients, arguments, client_page_free, ticket);
}

/* ---- create, update ---- */

static void copy_callbacks(struct db_arguments *arguments, struct client *copied)
{
    struct client_callback *callbacks =
        db_arguments_object(arguments, copied->callbacks, copied->callback_count * sizeof *callbacks);
    for (size_t i = 0; callbacks && i < copied->callback_count; i++)
        callbacks[i].uri = db_arguments_copy(arguments, callbacks[i].uri);
    copied->callbacks = callbacks;
}

static const struct client_secret *copy_secrets(struct db_arguments *arguments, const struct client_secret *from,
                                                size_t count)
{
    struct client_secret *secrets = db_arguments_object(arguments, from, count * sizeof *secrets);
    for (size_t i = 0; secrets && i < count; i++)
        secrets[i].text = db_arguments_copy(arguments, secrets[i].text);
    return secrets;
}

#define COPY_TEXT(member, ...) copied.member = db_arguments_copy(arguments, client->member);

static struct db_arguments *copy_client(const struct client *client)
{
    struct db_arguments *arguments = db_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct client copied = *client;
    copied.client_id = db_arguments_copy(arguments, client->client_id);
    CLIENT_TEXTS(COPY_TEXT);
    copy_callbacks(arguments, &copied);
    copied.secrets = copy_secrets(arguments, client->secrets, client->secret_count);
    copied.keys = copy_secrets(arguments, client->keys, client->key_count);
    (void)db_arguments_object(arguments, &copied, sizeof copied);
    return arguments;
}

static enum status create_client(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    int64_t id = 0;
    (void)ret_result;
    return credentials_client_create_blocking(db, arguments->object, &id);
}

void credentials_client_create_start(struct db_pool *pool, const struct client *client, struct ticket ticket)
{
    db_arguments_start(pool, DB_WRITE, create_client, copy_client(client), NULL, ticket);
}

static enum status update_client(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    (void)ret_result;
    return credentials_client_update_blocking(db, arguments->object);
}

void credentials_client_update_start(struct db_pool *pool, const struct client *client, struct ticket ticket)
{
    db_arguments_start(pool, DB_WRITE, update_client, copy_client(client), NULL, ticket);
}

/* ---- delete, disable, enable ---- */

static void start_named(struct db_pool *pool, db_work_fn work, struct slice client_id, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    db_arguments_start(pool, DB_WRITE, work, arguments, NULL, ticket);
}

static enum status delete_client(struct credentials *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return credentials_client_delete_blocking(db, ((const struct db_arguments *)pointer)->first);
}

void credentials_client_delete_start(struct db_pool *pool, struct slice client_id, struct ticket ticket)
{
    start_named(pool, delete_client, client_id, ticket);
}

static enum status disable_client(struct credentials *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return credentials_client_disable_blocking(db, ((const struct db_arguments *)pointer)->first);
}

void credentials_client_disable_start(struct db_pool *pool, struct slice client_id, struct ticket ticket)
{
    start_named(pool, disable_client, client_id, ticket);
}

static enum status enable_client(struct credentials *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return credentials_client_enable_blocking(db, ((const struct db_arguments *)pointer)->first);
}

void credentials_client_enable_start(struct db_pool *pool, struct slice client_id, struct ticket ticket)
{
    start_named(pool, enable_client, client_id, ticket);
}

/* ---- rotation ---- */

static void start_rotation(struct db_pool *pool, db_work_fn work, struct slice client_id, struct slice text,
                           int64_t overlap_ms, struct ticket ticket)
{
    struct db_arguments *arguments = db_arguments_new(client_id, text, SLICE_ABSENT);
    if (arguments)
        arguments->number = overlap_ms;
    db_arguments_start(pool, DB_WRITE, work, arguments, NULL, ticket);
}

static enum status rotate_secret(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    (void)ret_result;
    return credentials_client_rotate_secret_blocking(db, arguments->first, arguments->second, arguments->number);
}

void credentials_client_rotate_secret_start(struct db_pool *pool, struct slice client_id, struct slice secret,
                                            int64_t overlap_ms, struct ticket ticket)
{
    start_rotation(pool, rotate_secret, client_id, secret, overlap_ms, ticket);
}

static enum status rotate_key(struct credentials *db, void *pointer, void **ret_result)
{
    const struct db_arguments *arguments = pointer;
    (void)ret_result;
    return credentials_client_rotate_key_blocking(db, arguments->first, arguments->second, arguments->number);
}

void credentials_client_rotate_key_start(struct db_pool *pool, struct slice client_id, struct slice pem,
                                         int64_t overlap_ms, struct ticket ticket)
{
    start_rotation(pool, rotate_key, client_id, pem, overlap_ms, ticket);
}
