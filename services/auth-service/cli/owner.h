/* owner: plays the resource owner's browser: log in, consent, and read the verifier. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_OWNER_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_OWNER_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct owner {
    struct slice base_url; /* of the service */
    struct slice authorize_path;
    struct slice username;
    struct slice password;
};

/* Opens the authorization page, logs in, allows access. STATUS_BAD_INPUT: *ret_why says at which page it
 * went wrong; STATUS_NO_MEMORY. */
MUST_USE enum status owner_grant(const struct owner *owner, struct slice authorization_url, struct arena *arena,
                                 struct slice *ret_verifier, const char **ret_why);

#endif
