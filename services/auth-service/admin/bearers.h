/* bearers: who may call the admin port: the tokens of OAUTH1_ADMIN_TOKEN and OAUTH1_LOGIN_TOKEN, as digests. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_BEARERS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_BEARERS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum { BEARER_DIGEST_BYTES = 32 };

struct bearer {
    struct slice name; /* the audit log's "who" */
    bool is_login;     /* of OAUTH1_LOGIN_TOKEN: for the calls of delegated login alone */
    unsigned char digest[BEARER_DIGEST_BYTES];
};

struct bearers {
    const struct bearer *items;
    size_t count; /* 0: the admin port stays closed */
};

/* In the arena; names are the configuration's. NO_MEMORY. */
MUST_USE enum status bearers_read(const struct config *config, struct arena *arena, struct bearers *ret_bearers);
/* Whose token this is. The time tells neither which it is nor how much of it is right. UNAUTHORIZED; NO_MEMORY. */
MUST_USE enum status bearers_find(const struct bearers *bearers, struct slice token, const struct bearer **ret_bearer);

#endif
