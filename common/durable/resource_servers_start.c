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
