/* resource_server: who calls the introspection service, and how it is refused. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H

#include "base/attributes.h"
#include "http/request.h"
#include "oauth/url.h"
#include "store/credentials_resource_servers.h"

#include <stdbool.h>

/* The SHA-256 of the key in `Authorization: Bearer …` (RFC 6750 §2.1). STATUS_UNAUTHORIZED: there is
 * none. STATUS_NO_MEMORY. */
MUST_USE enum status resource_server_key_digest(const struct request *request,
                                                unsigned char out[RESOURCE_SERVER_KEY_DIGEST_BYTES]);

/* Whether the URL is on one of the server's origins; one without origins takes every URL. */
bool resource_server_owns(const struct resource_server *server, const struct oauth_url *url);

/* Refuses the call as problem+json; 401 with the challenge of the scheme Bearer. */
enum step_result resource_server_refuse(struct request *request, enum status status);

/* 503 with Retry-After. */
void resource_server_unavailable(struct request *request, enum status status);

#endif
