/* explain: says why a signature does not match.
 *
 * It judges one described request with given secrets. It asks no store and no clock, and looks only at the form of
 * timestamp and nonce. After a mismatch it tries one change at a time, EXPLAIN_TRIES_MAX at most, and says which change
 * would have matched. A hint never shows a secret or the expected signature. PLAINTEXT gets no hint, because a hint
 * would tell which half of the secret was right. */
#ifndef COUNTERSIGN_EXPLAIN_EXPLAIN_H
#define COUNTERSIGN_EXPLAIN_EXPLAIN_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/message.h"
#include "oauth/signature.h"

#include <stdbool.h>

enum { EXPLAIN_TRIES_MAX = 32, EXPLAIN_HINTS_MAX = 4 };

struct slice_list {
    const struct slice *items;
    size_t count;
};

struct explain_options {
    struct slice client_secret; /* absent: the client has none */
    struct slice token_secret;  /* absent: "" */
    struct slice rsa_public_key;
    unsigned allowed_methods; /* mask of signature methods */
    bool require_https;
    bool body_hash_required;
    struct slice client_base_string;  /* what the client says that it signed; absent: it did not say */
    struct slice_list origins;        /* scheme://host[:port] of the service, to be tried */
    struct slice_list path_prefixes;  /* "/api", to be tried */
    struct slice_list former_secrets; /* client secrets that were rotated out */
};

struct explanation {
    enum status status; /* STATUS_OK: valid */
    struct problem problem;
    /* each is absent if it cannot be computed */
    struct slice base_string;
    struct slice normalized_parameters;
    struct slice base_string_uri;
    bool parsed; /* `message` is valid */
    struct message message;
    struct slice hints[EXPLAIN_HINTS_MAX];
    size_t hint_count;
};

/* Explains one request. Everything in *ret_explanation lives in `arena`; `scratch` may be reset afterwards. The verdict
 * is in the explanation. The return value is STATUS_OK, or an error of the machine (STATUS_NO_MEMORY). */
MUST_USE enum status explain(const struct described_request *request, const struct explain_options *options,
                             struct signer *signer, struct arena *arena, struct arena *scratch,
                             struct explanation *ret_explanation);

/* Fills in the base string and its parts from explanation->message, for a reader. It also does so for a request that
 * was refused. STATUS_NO_MEMORY. */
MUST_USE enum status explain_show(struct explanation *explanation, struct arena *arena);

/* Fills in the hints for a signature that did not match. explain calls this, and so does whoever judged the request
 * without it. `base_string` is the one that the request gives. */
MUST_USE enum status explain_mismatch(const struct message *message, const struct explain_options *options,
                                      struct slice base_string, struct signer *signer, struct arena *arena,
                                      struct arena *scratch, struct explanation *explanation);

/* Adds the hint for an oauth_body_hash that is not the body's, if the signature matched: it says which hash was sent.
 * STATUS_NO_MEMORY. */
MUST_USE enum status explain_body_hash(const struct message *message, const struct explain_options *options,
                                       struct signer *signer, struct arena *arena, struct explanation *explanation);

#endif
