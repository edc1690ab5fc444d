/* resource_server: what a resource server may ask about. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_RESOURCE_SERVER_H

#include "durable/resource_servers.h"
#include "oauth/url.h"

#include <stdbool.h>

/* Whether the URL is on one of the server's origins; one without origins takes every URL. */
bool resource_server_owns(const struct resource_server *server, const struct oauth_url *url);

#endif
