/* status: the one list of results.
 *
 * Every row has the HTTP status, Authlib's `error` word and the Problem Reporting extension's
 * `oauth_problem` word that a client sees (design: three kinds, never mixed):
 *   refusals        4xx: the request is at fault;
 *   infrastructure  5xx: a store, the machine or randomness is at fault; logged once, at the reply;
 *   bugs            never a status: assert. */
#ifndef COUNTERSIGN_BASE_STATUS_H
#define COUNTERSIGN_BASE_STATUS_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

/* X(name, http status, error, oauth_problem, sentence for a reader) */
#define STATUS_LIST(X)                                                                                                 \
    X(OK, 200, "", "", "done")                                                                                         \
    /* RFC 5849 refusals */                                                                                            \
    X(INSECURE_TRANSPORT, 400, "insecure_transport", "transport_insecure", "this request needs https")                 \
    X(DUPLICATED_PARAMETER, 400, "duplicated_oauth_protocol_parameter", "parameter_rejected",                          \
      "an OAuth protocol parameter was sent more than once")                                                           \
    X(PARAMETER_ABSENT, 400, "missing_required_parameter", "parameter_absent", "a required parameter is missing")      \
    X(UNSIGNED, 401, "missing_required_parameter", "parameter_absent", "the request has no OAuth parameters")          \
    X(MALFORMED, 400, "invalid_request", "parameter_rejected", "the request is malformed")                             \
    X(VERSION_REJECTED, 400, "invalid_request", "version_rejected", "oauth_version must be 1.0 or left out")           \
    X(CALLBACK_REJECTED, 400, "invalid_request", "parameter_rejected",                                                 \
      "oauth_callback is not one that this client registered")                                                         \
    X(CLIENT_UNKNOWN, 401, "invalid_client", "consumer_key_unknown", "no client has this oauth_consumer_key")          \
    X(CLIENT_DISABLED, 401, "invalid_client", "consumer_key_rejected", "the client is disabled")                       \
    X(METHOD_REJECTED, 400, "unsupported_signature_method", "signature_method_rejected",                               \
      "this oauth_signature_method is unknown or not allowed for the client")                                          \
    X(TIMESTAMP_MALFORMED, 400, "invalid_request", "parameter_rejected", "oauth_timestamp must be a positive integer") \
    X(TIMESTAMP_REFUSED, 401, "invalid_request", "timestamp_refused", "oauth_timestamp is too old or too far ahead")   \
    X(NONCE_USED, 401, "invalid_nonce", "nonce_used", "this oauth_nonce was used before with the same timestamp")      \
    X(SIGNATURE_INVALID, 401, "invalid_signature", "signature_invalid", "oauth_signature does not match the request")  \
    X(TOKEN_REJECTED, 401, "invalid_token", "token_rejected", "oauth_token is unknown or belongs to another client")   \
    X(TOKEN_EXPIRED, 401, "invalid_token", "token_expired", "oauth_token has expired")                                 \
    X(TOKEN_REVOKED, 401, "invalid_token", "token_revoked", "oauth_token was revoked")                                 \
    X(TOKEN_USED, 401, "invalid_token", "token_used", "this temporary credential was already exchanged")               \
    X(PERMISSION_UNKNOWN, 401, "invalid_request", "permission_unknown", "the resource owner has not decided yet")      \
    X(VERIFIER_INVALID, 401, "invalid_request", "verifier_invalid", "oauth_verifier is wrong")                         \
    X(PERMISSION_DENIED, 401, "invalid_token", "permission_denied", "the resource owner refused")                      \
    X(SCOPE_REJECTED, 400, "invalid_scope", "parameter_rejected", "the scope is unknown or not open to this client")   \
    X(SCOPE_INSUFFICIENT, 403, "insufficient_scope", "permission_denied",                                              \
      "the token does not cover the scope that is needed here")                                                        \
    X(BODY_HASH_MISMATCH, 401, "invalid_signature", "signature_invalid", "oauth_body_hash does not match the body")    \
    X(BODY_HASH_ABSENT, 400, "invalid_request", "parameter_absent", "oauth_body_hash is required for this client")     \
    X(BODY_HASH_FORBIDDEN, 400, "invalid_request", "parameter_rejected",                                               \
      "oauth_body_hash must not be sent with a form body")                                                             \
    X(BODY_ABSENT, 400, "missing_required_parameter", "parameter_absent",                                              \
      "a form body is part of the signature but was not handed over")                                                  \
    X(SLOW_DOWN, 429, "slow_down", "consumer_key_refused", "too many requests")                                        \
    /* refusals that are not the protocol's */                                                                         \
    X(BAD_INPUT, 400, "invalid_request", "", "the input is not acceptable")                                            \
    X(UNAUTHORIZED, 401, "unauthorized", "", "credentials are needed")                                                 \
    X(FORBIDDEN, 403, "forbidden", "", "not allowed")                                                                  \
    X(NOT_FOUND, 404, "not_found", "", "there is no such thing")                                                       \
    X(METHOD_NOT_ALLOWED, 405, "method_not_allowed", "", "this method is not allowed here")                            \
    X(CONFLICT, 409, "conflict", "", "it exists already")                                                              \
    X(TOO_LARGE, 413, "too_large", "", "the input is larger than allowed")                                             \
    X(UNSUPPORTED_TYPE, 415, "unsupported_media_type", "", "this media type is not taken here")                        \
    /* infrastructure */                                                                                               \
    X(NO_MEMORY, 503, "temporarily_unavailable", "", "out of memory")                                                  \
    X(NO_RANDOMNESS, 503, "temporarily_unavailable", "", "the system gave no random bytes")                            \
    X(STORE_DOWN, 503, "temporarily_unavailable", "", "a store does not answer")                                       \
    X(STORE_CORRUPT, 503, "temporarily_unavailable", "",                                                               \
      "a store answered something impossible; the log of the service says what")                                       \
    X(INTERNAL, 500, "server_error", "", "an internal error")

enum status {
#define STATUS_ENUM(name, http, error, problem, text) STATUS_##name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

/* "SIGNATURE_INVALID": for logs. */
const char *status_name(enum status status);
/* The HTTP status that a client gets. */
int status_http(enum status status);
/* Authlib's word (`error=`); "" for OK. */
const char *status_error(enum status status);
/* The Problem Reporting word (`oauth_problem=`); "" where there is none. */
const char *status_problem(enum status status);
/* One sentence for a reader, without a full stop. */
const char *status_text(enum status status);
/* Whether it is infrastructure: to be logged, and answered with Retry-After. */
bool status_is_infrastructure(enum status status);

/* Returns from the calling function, which returns enum status too, unless `call` went well. */
#define TRY(call)                        \
    do {                                 \
        enum status try_status = (call); \
        if (try_status != STATUS_OK)     \
            return try_status;           \
    } while (0)

#endif
