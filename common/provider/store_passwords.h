/* store_passwords: what connections to the stores log in with, as SIGHUP brings it. Only provider.c uses it. */
#ifndef COUNTERSIGN_PROVIDER_STORE_PASSWORDS_H
#define COUNTERSIGN_PROVIDER_STORE_PASSWORDS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"
#include "store/next_password.h"

struct store_passwords {
    struct next_password database;
    struct next_password replica;
    struct next_password redis;
    struct next_password sentinel;
};

/* No password has been read again yet: the stores use those that they were opened with. */
void store_passwords_init(struct store_passwords *passwords);
void store_passwords_done(struct store_passwords *passwords);

/* Takes over the passwords of a configuration that was read again. Nothing else in its URLs counts. BAD_INPUT: the
 * passwords stay as they were, and a text for the operator is appended to `why`. May be called from any thread. */
MUST_USE enum status store_passwords_update(struct store_passwords *passwords, const struct config *fresh,
                                            struct buf *why);

#endif
