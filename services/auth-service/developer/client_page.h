/* client_page: what developers see of their clients: the list, the form, and secrets, this once. */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_PAGE_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_PAGE_H

#include "developer/client_form.h"
#include "developer/own_client.h"

/* The form, and for a client that is there (`client`; NULL: a new one) all else that its owner can do. With a fault of
 * the form the status is 400. */
enum step_result client_page_form(struct request *request, const struct client *client, const struct client_form *form);
/* The visitor's clients. */
enum step_result client_page_list(struct request *request, const struct client_page *clients);

/* What is shown this once; what is absent there is none of. */
struct client_credentials {
    struct slice client_id;
    struct slice client_secret;
    struct slice oauth_token;
    struct slice oauth_token_secret;
};
enum step_result client_page_secret(struct request *request, const struct client_credentials *credentials);

#endif
