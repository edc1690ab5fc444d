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

/* A request as somebody who received it describes it. Absent slices: there was none; an absent
 * body was not handed over, an empty one is "". */
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
    struct slice method; /* as sent; the base string has it in upper case */
    struct oauth_url url;
    struct oauth_params params;
    /* decoded; absent where not sent; the first one where sent twice */
    struct slice protocol[PROTOCOL_PARAMETER_COUNT];
    struct slice realm; /* as sent in the header; absent where not sent */
    struct slice body;
    bool form_body;                                  /* the media type says that the body's parameters are signed */
    const struct signature_method *signature_method; /* NULL: none or an unknown one */
};

/* Whether the media type is application/x-www-form-urlencoded, in any case, with or without
 * parameters (RFC 5849 §3.4.1.3.1). */
bool message_is_form_type(struct slice content_type);

/* Parses; what cannot be read at all is refused here, what can be read and is against the rules by
 * message_check, so that a refused request can still be explained. STATUS_MALFORMED: URL, method,
 * header (a line break in any scheme's, too) or a percent-encoding is broken, a form body holds a
 * raw NUL, or there are more than OAUTH_PARAMS_MAX parameters.
 * STATUS_BODY_ABSENT: a form whose body was not handed over. STATUS_NO_MEMORY. */
MUST_USE enum status message_parse(const struct described_request *request, struct arena *arena,
                                   struct message *ret_message, struct problem *problem);

/* The rules that need no client: duplicates, bytes of protocol parameters, missing parameters
 * (`required` is a mask of OAUTH_BIT; timestamp and nonce are optional for PLAINTEXT, RFC 5849 §3.4.4),
 * version. In this order. */
MUST_USE enum status message_check(const struct message *message, unsigned required, struct arena *arena,
                                   struct problem *problem);

/* The parameters that every signed request must have (RFC 5849 §3.1). */
#define MESSAGE_REQUIRED                                                                              \
    (OAUTH_BIT(OAUTH_CONSUMER_KEY) | OAUTH_BIT(OAUTH_SIGNATURE_METHOD) | OAUTH_BIT(OAUTH_SIGNATURE) | \
     OAUTH_BIT(OAUTH_TIMESTAMP) | OAUTH_BIT(OAUTH_NONCE))

/* Whether no OAuth parameter was sent at all: the bare challenge is the answer. */
bool message_is_unsigned(const struct message *message);

/* The timestamp in seconds. STATUS_OK with *ret_seconds 0 where there is none (PLAINTEXT);
 * STATUS_TIMESTAMP_MALFORMED unless ^[1-9][0-9]*$ within 63 bits (RFC 5849 §3.3). */
MUST_USE enum status message_timestamp(const struct message *message, int64_t *ret_seconds, struct problem *problem);

/* The decoded value of the first parameter of this (plain) name; absent where there is none.
 * *ret_count tells how often it was sent. */
struct slice message_parameter(const struct message *message, struct slice name, struct arena *arena,
                               size_t *ret_count);

#endif
