/* resource_server: who calls the introspection service, and how it is refused. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H

#include "base/attributes.h"
#include "http/request.h"
#include "oauth/url.h"
#include "store/credentials_resource_servers.h"

#include <stdbool.h>

/* The first two steps of the JSON calls. After them request->state is an inquiry with its caller, and the body is
 * JSON by its media type. */
enum step_result resource_server_authenticate(struct flow *flow); /* may wait: the key */
enum step_result resource_server_identify(struct flow *flow);

/* Whether the URL is on one of the server's origins; one without origins takes every URL. */
bool resource_server_owns(const struct resource_server *server, const struct oauth_url *url);

/* 503 with Retry-After. */
void resource_server_unavailable(struct request *request, enum status status);

#endif
