/* grants: what a user has authorized and not taken back: his live tokens, with what he is told of their clients.
 * Another user's token is NOT_FOUND everywhere here. */
#ifndef COUNTERSIGN_DURABLE_GRANTS_H
#define COUNTERSIGN_DURABLE_GRANTS_H

#include "durable/clients.h"
#include "durable/tokens.h"

struct grant {
    int64_t id;
    struct slice jti;
    struct slice scopes;
    int64_t created_ms;
    int64_t last_used_ms; /* coarse; 0: never */
    int64_t expires_ms;   /* 0: never */
    struct slice client_id;
    struct slice client_name;
    struct slice client_website;
    bool client_verified;
};

struct grant_page {
    struct arena arena;
    struct grant *grants; /* newest first */
    size_t count;
    bool has_more;
};

void grant_page_free(void *page);

/* The user's grants below an id (0: from the newest). With a jti that is not empty only that one, or none. `limit`: at
 * most PAGE_MAX_ROWS - 1. */
struct grant_request {
    int64_t user;
    struct slice jti;
    int64_t before_id;
    size_t limit;
};
MUST_USE enum status durable_grant_list_blocking(struct durable *db, const struct grant_request *wanted,
                                                 struct grant_page **ret_page);
/* Completes with a struct grant_page. */
void durable_grant_list_start(struct durable_pool *pool, const struct grant_request *wanted, struct ticket ticket);

/* Leaves a grant these scopes instead of the ones that it had as far as the caller knows. `kept` is the caller's
 * selection of them. NOT_FOUND: it is another user's, is over, or has other scopes by now. */
MUST_USE enum status durable_grant_narrow_blocking(struct durable *db, int64_t user, struct slice jti,
                                                   struct slice scopes, struct slice kept);
/* Completes with nothing but the status. */
void durable_grant_narrow_start(struct durable_pool *pool, int64_t user, struct slice jti, struct slice scopes,
                                struct slice kept, const struct audit_entry *audit, struct ticket ticket);

#endif
