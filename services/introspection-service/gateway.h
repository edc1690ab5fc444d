/* gateway: /verify, /verify/auth-request and /verify/ext-authz/…: the check for a gateway that asks by a request of its
 * own and reads status and headers (Traefik ForwardAuth, nginx auth_request, Envoy ext_authz). */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_GATEWAY_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_GATEWAY_H

#include "loop/flow.h"

extern const struct step gateway[];

#endif
