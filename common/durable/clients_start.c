#include "durable/arguments.h"
#include "durable/clients.h"

/* ---- reading ---- */

static enum status find_client(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_client_find_blocking(db, arguments->first, (struct client **)ret_result);
}

static enum status read_client(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_client_read_blocking(db, arguments->first, (struct client **)ret_result);
}

void durable_client_read_start(struct durable_pool *pool, struct slice client_id, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, read_client, arguments, client_free, ticket);
}

void durable_client_find_start(struct durable_pool *pool, struct slice client_id, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_client, arguments, client_free, ticket);
}

static enum status list_clients(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_client_list_blocking(db, arguments->first, arguments->page, (struct client_page **)ret_result);
}

void durable_client_list_start(struct durable_pool *pool, struct slice owner, struct page_request page,
                               struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(owner, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->page = page;
    durable_arguments_start(pool, DURABLE_READ, list_clients, arguments, client_page_free, ticket);
}

/* ---- create, update ---- */

static void copy_callbacks(struct durable_arguments *arguments, struct client *copied)
{
    struct client_callback *callbacks =
        durable_arguments_object(arguments, copied->callbacks, copied->callback_count * sizeof *callbacks);
    for (size_t i = 0; callbacks && i < copied->callback_count; i++)
        callbacks[i].uri = durable_arguments_copy(arguments, callbacks[i].uri);
    copied->callbacks = callbacks;
}

static const struct client_secret *copy_secrets(struct durable_arguments *arguments, const struct client_secret *from,
                                                size_t count)
{
    struct client_secret *secrets = durable_arguments_object(arguments, from, count * sizeof *secrets);
    for (size_t i = 0; secrets && i < count; i++)
        secrets[i].text = durable_arguments_copy(arguments, secrets[i].text);
    return secrets;
}

#define COPY_TEXT(member, ...) copied.member = durable_arguments_copy(arguments, client->member);

static struct durable_arguments *copy_client(const struct client *client)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct client copied = *client;
    copied.client_id = durable_arguments_copy(arguments, client->client_id);
    CLIENT_TEXTS(COPY_TEXT);
    copy_callbacks(arguments, &copied);
    copied.secrets = copy_secrets(arguments, client->secrets, client->secret_count);
    copied.keys = copy_secrets(arguments, client->keys, client->key_count);
    (void)durable_arguments_object(arguments, &copied, sizeof copied);
    return arguments;
}

static enum status register_client(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_register_blocking(db, arguments->object);
}

void durable_client_register_start(struct durable_pool *pool, const struct client *client,
                                   const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = copy_client(client);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, register_client, arguments, NULL, ticket);
}

static enum status update_client(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_update_blocking(db, arguments->object);
}

void durable_client_update_start(struct durable_pool *pool, const struct client *client,
                                 const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = copy_client(client);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, update_client, arguments, NULL, ticket);
}

/* ---- logos ---- */

static enum status set_logo(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_set_logo_blocking(db, arguments->object, arguments->first);
}

void durable_client_set_logo_start(struct durable_pool *pool, const struct client *client, struct slice png,
                                   const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = copy_client(client);
    if (arguments)
        arguments->first = durable_arguments_copy(arguments, png);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, set_logo, arguments, NULL, ticket);
}

static enum status find_logo(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_logo_find_blocking(db, arguments->number, (struct client_logo **)ret_result);
}

void durable_logo_find_start(struct durable_pool *pool, int64_t number, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->number = number;
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_logo, arguments, client_logo_free, ticket);
}

/* ---- delete, disable, enable ---- */

static void start_named(struct durable_pool *pool, durable_work_fn work, struct slice client_id,
                        const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, work, arguments, NULL, ticket);
}

static enum status delete_client(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_client_delete_blocking(db, ((const struct durable_arguments *)pointer)->first);
}

void durable_client_delete_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                 struct ticket ticket)
{
    start_named(pool, delete_client, client_id, audit, ticket);
}

static enum status switch_off(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_client_switch_off_blocking(db, ((const struct durable_arguments *)pointer)->first);
}

void durable_client_switch_off_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                     struct ticket ticket)
{
    start_named(pool, switch_off, client_id, audit, ticket);
}

static enum status switch_on(struct durable *db, void *pointer, void **ret_result)
{
    (void)ret_result;
    return durable_client_switch_on_blocking(db, ((const struct durable_arguments *)pointer)->first);
}

void durable_client_switch_on_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                    struct ticket ticket)
{
    start_named(pool, switch_on, client_id, audit, ticket);
}

static enum status end_key(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_end_key_blocking(db, arguments->first, arguments->number);
}

void durable_client_end_key_start(struct durable_pool *pool, struct slice client_id, int64_t key,
                                  const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->number = key;
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, end_key, arguments, NULL, ticket);
}

/* ---- rotation ---- */

static void start_rotation(struct durable_pool *pool, durable_work_fn work, struct slice client_id, struct slice text,
                           int64_t overlap_ms, const struct audit_entry *audit, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(client_id, text, SLICE_ABSENT);
    if (arguments)
        arguments->number = overlap_ms;
    durable_arguments_audit(arguments, audit);
    durable_arguments_start(pool, DURABLE_WRITE, work, arguments, NULL, ticket);
}

static enum status rotate_secret(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_rotate_secret_blocking(db, arguments->first, arguments->second, arguments->number);
}

void durable_client_rotate_secret_start(struct durable_pool *pool, struct slice client_id, struct slice secret,
                                        int64_t overlap_ms, const struct audit_entry *audit, struct ticket ticket)
{
    start_rotation(pool, rotate_secret, client_id, secret, overlap_ms, audit, ticket);
}

static enum status rotate_key(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    (void)ret_result;
    return durable_client_rotate_key_blocking(db, arguments->first, arguments->second, arguments->number);
}

void durable_client_rotate_key_start(struct durable_pool *pool, struct slice client_id, struct slice pem,
                                     int64_t overlap_ms, const struct audit_entry *audit, struct ticket ticket)
{
    start_rotation(pool, rotate_key, client_id, pem, overlap_ms, audit, ticket);
}
