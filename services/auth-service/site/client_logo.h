/* client_logo: the picture of a client, as its owner gave it and this site serves it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_CLIENT_LOGO_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_CLIENT_LOGO_H

#include "durable/clients.h"
#include "http/request.h"

/* GET /client-logo/{number}: for whoever was shown the number, and kept by browsers for ever. */
extern const struct step client_logo_show[];

/* Where it is fetched, in the request's arena; empty: the client has none. Absent: no memory. */
struct slice client_logo_address(struct request *request, const struct client *client);

#endif
