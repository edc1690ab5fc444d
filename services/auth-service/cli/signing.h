/* signing: the client's side of RFC 5849 §3: protocol parameters, their signature, and where they go. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "cli/signing_fault.h"
#include "oauth/problem.h"

#include <stdbool.h>

/* RFC 5849 §3.5. */
enum signing_place { SIGN_IN_HEADER, SIGN_IN_QUERY, SIGN_IN_BODY };

struct signing_pair {
    struct slice name;
    struct slice value; /* decoded */
};

struct signing {
    struct slice method;
    struct slice url;
    struct slice content_type; /* absent: none */
    struct slice body;         /* absent: none */
    struct slice client_id, client_secret;
    struct slice token, token_secret; /* absent: two-legged, or none yet */
    struct slice signature_method;
    struct slice rsa_private_key;    /* PEM */
    struct slice nonce;              /* absent: random */
    int64_t timestamp_s;             /* 0: now */
    struct slice realm;              /* absent: none; of the header alone */
    const struct signing_pair *more; /* further protocol parameters: oauth_callback, oauth_verifier */
    size_t more_count;
    bool body_hash; /* adds oauth_body_hash */
    enum signing_place place;
    const struct signing_fault *fault; /* NULL: signs what it sends */
};

/* What is to be sent. */
struct signed_request {
    struct slice url;
    struct slice authorization; /* absent where the parameters are elsewhere */
    struct slice content_type;  /* absent: none */
    struct slice body;          /* absent: none */
    struct slice base_string;
};

/* Signs; the result lives in the arena or borrows from *signing. STATUS_NO_MEMORY, STATUS_NO_RANDOMNESS; any other:
 * problem_text(problem) says what cannot be signed. */
MUST_USE enum status signing_sign(const struct signing *signing, int64_t now_s, struct arena *arena,
                                  struct signed_request *ret_signed, struct problem *problem);

#endif
