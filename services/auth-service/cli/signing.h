/* signing: the client's side: an Authorization header for a request (RFC 5849 §3.5.1). */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/message.h"
#include "oauth/problem.h"

#include <stdbool.h>

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
    int64_t timestamp_s;             /* 0: `now_s` */
    struct slice realm;              /* absent: none */
    const struct signing_pair *more; /* further parameters of the header: oauth_callback, oauth_verifier */
    size_t more_count;
    bool body_hash;
    struct slice breaking; /* what to sign wrongly on purpose; absent: nothing */
};

struct signed_headers {
    struct slice authorization;
    struct slice base_string;
};

/* Signs; the result lives in the arena. STATUS_BAD_INPUT and others that problem_text explains in
 * *problem; STATUS_NO_MEMORY, STATUS_NO_RANDOMNESS. */
MUST_USE enum status signing_sign(const struct signing *signing, int64_t now_s, struct arena *arena,
                                  struct signed_headers *ret_signed, struct problem *problem);

/* What `breaking` may be: names separated by '|'. */
extern const char signing_breakings[];

#endif
