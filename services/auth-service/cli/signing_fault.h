/* signing_fault: signing something else than is sent, on purpose, so that one can see what a provider says to it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_FAULT_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_SIGNING_FAULT_H

#include "base/arena.h"
#include "base/slice.h"
#include "oauth/message.h"

#include <stdbool.h>

/* What the signature is made of, about to be spoilt. */
struct signing_input {
    struct message *message;
    struct slice client_secret;
    struct slice token_secret;
    bool in_order_sent; /* the parameters are not sorted */
    struct arena *arena;
};

struct signing_fault {
    const char *name;
    /* NULL: the fault is not in what is signed, see the two below. False: this request has nothing of the kind
     * (no query to leave out), so it would be signed rightly. */
    bool (*spoil)(struct signing_input *input);
    int64_t timestamp_shift_s; /* of the timestamp that is sent, and signed */
    bool changes_signature;    /* after it was made */
};

/* NULL: there is none of this name. */
const struct signing_fault *signing_fault_find(struct slice name);

/* X(name, what it does, spoil, timestamp_shift_s, changes_signature) */
#define SIGNING_FAULTS(X)                                                                \
    X("scheme", "http instead of https, or the other way round", spoil_scheme, 0, false) \
    X("host", "another host", spoil_host, 0, false)                                      \
    X("port", "the port left out, or the default port written", spoil_port, 0, false)    \
    X("method", "POST instead of GET, GET instead of any other", spoil_method, 0, false) \
    X("path", "a slash at its end added, or dropped", spoil_path, 0, false)              \
    X("query", "the query left out", spoil_query, 0, false)                              \
    X("body", "the form body left out", spoil_body, 0, false)                            \
    X("order", "the parameters in the order sent", spoil_order, 0, false)                \
    X("encoding", "a value encoded twice", spoil_encoding, 0, false)                     \
    X("callback", "oauth_callback not encoded", spoil_callback, 0, false)                \
    X("secret", "client secret and token secret swapped", spoil_secret, 0, false)        \
    X("token-secret", "the token secret left out", spoil_token_secret, 0, false)         \
    X("nonce", "another nonce than is sent", spoil_nonce, 0, false)                      \
    X("timestamp", "signed rightly, but an hour ago", NULL, -3600, false)                \
    X("signature", "one letter of the signature changed", NULL, 0, true)

/* A line for each, for a command's help. */
#define SIGNING_FAULT_HELP(name, help, spoil, shift, changes) "  " name ": " help "\n"
#define SIGNING_FAULTS_HELP                                   SIGNING_FAULTS(SIGNING_FAULT_HELP)

#endif
