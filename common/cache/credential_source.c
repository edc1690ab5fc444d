#include "cache/credential_source.h"

#include "durable/resource_servers.h"
#include "durable/tokens.h"

static void find_start(struct credential_source *source, const struct credential_key *key, bool current,
                       struct ticket ticket)
{
    struct durable_pool *durable = ((struct credential_store *)source)->durable;
    switch (key->kind) { /* only pairs are ever read from the replica */
    case CREDENTIAL_PAIR:
        if (current)
            durable_pair_find_current_start(durable, key->first, key->second, ticket);
        else
            durable_pair_find_start(durable, key->first, key->second, ticket);
        return;
    case CREDENTIAL_CLIENT:
        durable_client_find_start(durable, key->first, ticket);
        return;
    case CREDENTIAL_RESOURCE_SERVER:
        if (key->first.len)
            durable_resource_server_find_start(durable, key->first, ticket);
        else
            durable_resource_server_find_by_san_start(durable, key->second, ticket);
        return;
    case CREDENTIAL_KINDS:
        break;
    }
    ticket_complete(ticket, STATUS_INTERNAL, NULL, NULL);
}

void credential_store_init(struct credential_store *store, struct durable_pool *durable, bool has_replica)
{
    *store = (struct credential_store){.source = {find_start, has_replica ? CREDENTIAL_REPLICA_LAG_MS : 0},
                                       .durable = durable};
}
