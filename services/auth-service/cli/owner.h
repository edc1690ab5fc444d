/* owner: plays the resource owner's browser: log in, allow access, read the verifier (RFC 5849 §2.2).
 *
 * It reads the built-in pages alone; where the operator's own site logs users in, a person has to do it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_OWNER_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_OWNER_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct owner {
    struct slice username;
    struct slice password;
    struct slice ca_file; /* as client_request */
    /* Told of every step: "GET", "POST", "answer"; NULL: nobody asks. */
    void (*tell)(const void *context, const char *label, struct slice text);
    const void *context;
};

/* Opens the authorization page, logs in, allows access. STATUS_BAD_INPUT: *ret_why says at which page it
 * went wrong; STATUS_NO_MEMORY. */
MUST_USE enum status owner_grant_blocking(const struct owner *owner, struct slice authorization_url,
                                          struct arena *arena, struct slice *ret_verifier, const char **ret_why);

/* The verifier in what a person pastes: the code itself, or the whole URL that the browser was sent to.
 * Absent where the URL has none. */
struct slice owner_pasted_verifier(struct slice pasted, struct arena *arena);

#endif
