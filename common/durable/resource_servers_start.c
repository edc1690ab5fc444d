#include "durable/arguments.h"
#include "durable/resource_servers.h"

#include <stdlib.h>

static enum status find_server(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_resource_server_find_blocking(db, arguments->first, (struct resource_server **)ret_result);
}

void durable_resource_server_find_start(struct durable_pool *pool, struct slice key_digest, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(key_digest, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_server, arguments, resource_server_free, ticket);
}

static enum status find_by_san(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_resource_server_find_by_san_blocking(db, arguments->first, (struct resource_server **)ret_result);
}

void durable_resource_server_find_by_san_start(struct durable_pool *pool, struct slice tls_sans, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(tls_sans, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_READ_CURRENT, find_by_san, arguments, resource_server_free, ticket);
}

static enum status list_servers(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    return durable_resource_server_list_blocking(db, arguments->page, (struct resource_server_page **)ret_result);
}

void durable_resource_server_list_start(struct durable_pool *pool, struct page_request page, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    if (arguments)
        arguments->page = page;
    durable_arguments_start(pool, DURABLE_READ, list_servers, arguments, resource_server_page_free, ticket);
}

static enum status create_server(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    int64_t id = 0;
    (void)ret_result;
    return durable_resource_server_create_blocking(db, arguments->object, &id);
}

void durable_resource_server_create_start(struct durable_pool *pool, const struct resource_server *server,
                                          struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(SLICE_ABSENT, SLICE_ABSENT, SLICE_ABSENT);
    struct resource_server copied = *server;
    struct slice *texts[] = {&copied.name, &copied.key_digest, &copied.origins, &copied.tls_sans};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = durable_arguments_copy(arguments, *texts[i]);
    (void)durable_arguments_object(arguments, &copied, sizeof copied);
    durable_arguments_start(pool, DURABLE_WRITE, create_server, arguments, NULL, ticket);
}

static enum status revoke_server(struct durable *db, void *pointer, void **ret_result)
{
    const struct durable_arguments *arguments = pointer;
    int64_t count = 0;
    enum status status = durable_resource_server_revoke_blocking(db, arguments->first, &count);
    return durable_result_number(status, count, ret_result);
}

void durable_resource_server_revoke_start(struct durable_pool *pool, struct slice name, struct ticket ticket)
{
    struct durable_arguments *arguments = durable_arguments_new(name, SLICE_ABSENT, SLICE_ABSENT);
    durable_arguments_start(pool, DURABLE_WRITE, revoke_server, arguments, free, ticket);
}
