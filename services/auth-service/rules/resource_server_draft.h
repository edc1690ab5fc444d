/* resource_server_draft: a resource server put together from what was given, every part checked: the one judge of
 * `resource-server create` and of the admin API. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_RESOURCE_SERVER_DRAFT_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_RESOURCE_SERVER_DRAFT_H

#include "base/buf.h"
#include "durable/resource_servers.h"

enum { RESOURCE_SERVER_KEY_BYTES = 43 };

/* Zeroed before its first use. What is given is borrowed until the row was written. */
struct resource_server_draft {
    struct resource_server server;
    char key[RESOURCE_SERVER_KEY_BYTES];
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct buf origins, sans;
    struct buf why; /* what is wrong: "origin x: it must be a URL" */
};

struct resource_server_parts {
    struct slice name;
    const struct slice *origins, *tls_sans;
    size_t origin_count, tls_san_count;
    bool allow_explain;
};

/* False: `why`. */
MUST_USE bool resource_server_draft_take(struct resource_server_draft *draft,
                                         const struct resource_server_parts *parts);
/* A new key, which is shown once. */
MUST_USE enum status resource_server_draft_key(struct resource_server_draft *draft);
void resource_server_draft_done(struct resource_server_draft *draft);

#endif
