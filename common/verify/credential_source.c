#include "verify/credential_source.h"

#include "store/credentials_resource_servers.h"
#include "store/credentials_tokens.h"

static void find_start(struct credential_source *source, const struct credential_key *key, bool fresh,
                       struct ticket ticket)
{
    struct db_pool *db = ((struct credential_store *)source)->db;
    (void)fresh; /* every connection reads what is committed */
    switch (key->kind) {
    case CREDENTIAL_PAIR:
        credentials_pair_find_start(db, key->first, key->second, ticket);
        return;
    case CREDENTIAL_CLIENT:
        credentials_client_find_start(db, key->first, ticket);
        return;
    case CREDENTIAL_RESOURCE_SERVER:
        credentials_resource_server_find_start(db, key->first, ticket);
        return;
    case CREDENTIAL_KINDS:
        break;
    }
    ticket_complete(ticket, STATUS_INTERNAL, NULL, NULL);
}

void credential_store_init(struct credential_store *store, struct db_pool *db)
{
    *store = (struct credential_store){.source = {find_start}, .db = db};
}
