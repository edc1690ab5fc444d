/* consent: the page that says who asks, for what and for whom (RFC 5849 §2.2), with two buttons. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_CONSENT_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_CONSENT_H

#include "durable/clients.h"
#include "durable/users.h"
#include "ephemeral/ephemeral.h"
#include "http/request.h"

struct consent {
    const struct temp_credential *temp;
    const struct client *client;
    const struct user *user;
    struct slice scopes;      /* what the client asks for, and may still have */
    struct slice csrf_token;  /* the session's */
    struct slice destination; /* where the browser goes with the decision; empty: nowhere, a code is shown */
};

/* Replies with the page. STATUS_NO_MEMORY: there is no reply yet. */
MUST_USE enum status consent_show(struct request *request, const struct consent *consent);

#endif
