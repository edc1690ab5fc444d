/* message: one signed HTTP request, parsed (RFC 5849 §3.1, §3.2).
 *
 * Slices borrow from the described request or from the arena. */
#ifndef COUNTERSIGN_OAUTH_MESSAGE_H
#define COUNTERSIGN_OAUTH_MESSAGE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/params.h"
#include "oauth/problem.h"
#include "oauth/signature_method.h"
#include "oauth/url.h"

#include <stdbool.h>
#include <stdint.h>

/* A request, described by whoever received it. A slice is absent where the request has no such part. An absent body was
 * not handed over; an empty body is "". */
struct described_request {
    struct slice method;
    struct slice url; /* absolute, as the client sent it */
    struct slice authorization;
    struct slice content_type;
    struct slice body;
};

/* The protocol parameters that the server reads itself; X(identifier, "name"). */
#define PROTOCOL_PARAMETERS(X)                    \
    X(CONSUMER_KEY, "oauth_consumer_key")         \
    X(TOKEN, "oauth_token")                       \
    X(SIGNATURE_METHOD, "oauth_signature_method") \
    X(SIGNATURE, "oauth_signature")               \
    X(TIMESTAMP, "oauth_timestamp")               \
    X(NONCE, "oauth_nonce")                       \
    X(VERSION, "oauth_version")                   \
    X(CALLBACK, "oauth_callback")                 \
    X(VERIFIER, "oauth_verifier")                 \
    X(BODY_HASH, "oauth_body_hash")

enum protocol_parameter {
#define PROTOCOL_ENUM(identifier, name) OAUTH_##identifier,
    PROTOCOL_PARAMETERS(PROTOCOL_ENUM)
#undef PROTOCOL_ENUM
        PROTOCOL_PARAMETER_COUNT
};

/* For masks of required parameters. */
#define OAUTH_BIT(parameter) (1U << (parameter))

struct message {
    struct slice method; /* as sent; the base string has the method in upper case */
    struct oauth_url url;
    struct oauth_params params;
    /* decoded; absent where the client sent none, the first where it sent two */
    struct slice protocol[PROTOCOL_PARAMETER_COUNT];
    struct slice realm; /* as sent in the header; absent where the client sent none */
    struct slice body;
    bool form_body;                                  /* the media type says that the body's parameters are signed */
    const struct signature_method *signature_method; /* NULL: the client named none, or an unknown one */
};

/* Whether the media type is application/x-www-form-urlencoded, in any case, with or without
 * parameters (RFC 5849 §3.4.1.3.1). */
bool message_is_form_type(struct slice content_type);

/* Parses a request. Only what cannot be read at all is refused here. What can be read but is against the rules is
 * refused by message_check, so that a refused request can still be explained. STATUS_MALFORMED: the URL, the method,
 * the header (of any scheme, if it holds a line break) or a percent-encoding is broken, the body of a form holds a raw
 * NUL, or there are more than OAUTH_PARAMS_MAX parameters. STATUS_BODY_ABSENT: the body is a form and was not handed
 * over. STATUS_NO_MEMORY. */
MUST_USE enum status message_parse(const struct described_request *request, struct arena *arena,
                                   struct message *ret_message, struct problem *problem);

/* Checks the rules for which no client need be known, in this order: duplicates, the bytes of protocol parameters,
 * missing parameters, the version. `required` is a mask of OAUTH_BIT. PLAINTEXT needs neither timestamp nor nonce (RFC
 * 5849 §3.4.4). */
MUST_USE enum status message_check(const struct message *message, unsigned required, struct arena *arena,
                                   struct problem *problem);

/* The parameters that every signed request must have (RFC 5849 §3.1). */
#define MESSAGE_REQUIRED                                                                              \
    (OAUTH_BIT(OAUTH_CONSUMER_KEY) | OAUTH_BIT(OAUTH_SIGNATURE_METHOD) | OAUTH_BIT(OAUTH_SIGNATURE) | \
     OAUTH_BIT(OAUTH_TIMESTAMP) | OAUTH_BIT(OAUTH_NONCE))

/* Whether the request has no OAuth parameter at all. The answer is the bare challenge then. */
bool message_is_unsigned(const struct message *message);

/* Reads the timestamp, in seconds. *ret_seconds is 0 where there is none (PLAINTEXT). STATUS_TIMESTAMP_MALFORMED: it is
 * not ^[1-9][0-9]*$ within 63 bits (RFC 5849 §3.3). */
MUST_USE enum status message_timestamp(const struct message *message, int64_t *ret_seconds, struct problem *problem);

/* Returns the decoded value of the first parameter of this name, which must need no encoding; absent if there is none.
 * *ret_count is how often the parameter was sent. */
struct slice message_parameter(const struct message *message, struct slice name, struct arena *arena,
                               size_t *ret_count);

#endif
