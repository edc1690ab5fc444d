/* bearers: who may call the admin port: the tokens of OAUTH1_ADMIN_TOKEN and OAUTH1_LOGIN_TOKEN, as digests.
 *
 * Any thread may ask, also while other tokens take their place (SIGHUP). */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_BEARERS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_BEARERS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum bearer_role {
    BEARER_MANAGE,
    BEARER_READ,  /* sees no secret, and does nothing */
    BEARER_LOGIN, /* of OAUTH1_LOGIN_TOKEN: for the calls of delegated login alone */
};

struct bearer {
    struct slice name; /* the audit log's "who" */
    enum bearer_role role;
};

struct bearers;

/* Nothing is borrowed from the configuration. NO_MEMORY. */
MUST_USE enum status bearers_read(const struct config *config, struct bearers **ret_bearers);
/* NULL is fine. */
void bearers_free(struct bearers *bearers);
/* 0: the admin port stays closed. */
size_t bearers_count(struct bearers *bearers);
/* Those of `fresh`, which is freed, take the place of the others. */
void bearers_replace(struct bearers *bearers, struct bearers *fresh);
/* Whose token this is; the name is copied into the arena. The time tells neither which it is nor how much of it is
 * right. UNAUTHORIZED; NO_MEMORY. */
MUST_USE enum status bearers_find(struct bearers *bearers, struct slice token, struct arena *arena,
                                  struct bearer *ret_bearer);

#endif
