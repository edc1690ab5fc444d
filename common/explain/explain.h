/* explain: why a signature does not match.
 *
 * Judges one described request by given secrets, without a store and without time: timestamps and
 * nonces are looked at for their form alone. After a mismatch it tries one change at a time, at
 * most EXPLAIN_TRIES_MAX of them, and says which would have matched. A hint never shows a secret
 * or the expected signature; PLAINTEXT gets none, since it would tell which half was right. */
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
    struct slice client_base_string;  /* what the client says it signed; absent: unknown */
    struct slice_list origins;        /* scheme://host[:port] of the service, to be tried */
    struct slice_list path_prefixes;  /* "/api", to be tried */
    struct slice_list former_secrets; /* client secrets that were rotated out */
};

struct explanation {
    enum status status; /* STATUS_OK: valid */
    struct problem problem;
    /* absent where they cannot be computed */
    struct slice base_string;
    struct slice normalized_parameters;
    struct slice base_string_uri;
    bool parsed; /* `message` is valid */
    struct message message;
    struct slice hints[EXPLAIN_HINTS_MAX];
    size_t hint_count;
};

/* Everything in *ret_explanation lives in `arena`; `scratch` is used up and may be reset. Errors
 * of the machine (STATUS_NO_MEMORY) are the return value, the verdict is in the explanation. */
MUST_USE enum status explain(const struct described_request *request, const struct explain_options *options,
                             struct signer *signer, struct arena *arena, struct arena *scratch,
                             struct explanation *ret_explanation);

/* Fills in the base string and its parts from explanation->message, for the reader; also of a request
 * that was refused. STATUS_NO_MEMORY. */
MUST_USE enum status explain_show(struct explanation *explanation, struct arena *arena);

/* Fills the hints for a signature that did not match; called by explain, and by whoever judged the
 * request himself: `base_string` is what our side signed. */
MUST_USE enum status explain_mismatch(const struct message *message, const struct explain_options *options,
                                      struct slice base_string, struct signer *signer, struct arena *arena,
                                      struct arena *scratch, struct explanation *explanation);

/* The hint for an oauth_body_hash that is not the body's, where the signature matched: which hash it is. One more is
 * added to the hints. STATUS_NO_MEMORY. */
MUST_USE enum status explain_body_hash(const struct message *message, const struct explain_options *options,
                                       struct signer *signer, struct arena *arena, struct explanation *explanation);

#endif
