/* gateway_dialect: the request that a gateway asks about, read from the call that the gateway makes.
 *
 * Each path speaks one dialect, and headers of the others are not looked at: a client can send any of them, so
 * whoever guesses verifies a URL of the client's choice. The scheme, host and port are one of OAUTH1_ORIGINS. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_GATEWAY_DIALECT_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_GATEWAY_DIALECT_H

#include "base/arena.h"
#include "base/attributes.h"
#include "call.h"
#include "config/config.h"
#include "http/request.h"
#include "oauth/problem.h"
#include "service_metrics.h"

#define GATEWAY_VERIFY_PATH       "/verify"
#define GATEWAY_AUTH_REQUEST_PATH "/verify/auth-request"
#define GATEWAY_EXT_AUTHZ_PATH    "/verify/ext-authz" /* the original path follows */

/* Reads one of the three gateway dialects:
 *   DIALECT_VERIFY        X-Forwarded-Method, -Proto, -Host, -Uri, -Content-Length
 *   DIALECT_AUTH_REQUEST  X-Original-Method, X-Original-URL, X-Original-Content-Length
 *   DIALECT_EXT_AUTHZ     the call's own method and path, Host, X-Forwarded-Proto, X-Forwarded-Content-Length
 * and in each X-OAuth-Required-Scope, Authorization, Content-Type and the body. A body of the call that is empty was
 * not handed over, unless the length (optional) is `0`: then the client's is empty. One that Envoy cut off (it may
 * have, where CALL_BODY_MAX_BYTES are there) was not handed over either. STATUS_MALFORMED: *problem says which header
 * is missing, empty, there twice or not what it should be, or that the origin is not listed. STATUS_NO_MEMORY. */
MUST_USE enum status gateway_dialect_read(enum dialect dialect, const struct request *request,
                                          const struct config_strings *origins, struct arena *arena,
                                          struct call *ret_call, struct problem *problem);

#endif
