/* authorization_request: what a site asks and says about a browser that was sent to it with a challenge. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_AUTHORIZATION_REQUEST_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_AUTHORIZATION_REQUEST_H

#include "loop/flow.h"

/* GET /admin/v1/authorization-requests/{challenge}; PUT …/accept; PUT …/reject */
extern const struct step authorization_request_show[];
extern const struct step authorization_request_accept[];
extern const struct step authorization_request_reject[];

#endif
