/* own_client: what the pages of a developer's own clients share. Each begins with login/visitor.h's steps; a page of
 * one client goes on so:
 *
 *     {"load", own_client_load}, // waits: the client that the path names
 *     …                          // own_client_take first: 404 for a client that is not the visitor's own
 */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_OWN_CLIENT_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_OWN_CLIENT_H

#include "durable/clients.h"
#include "login/visitor.h"

#define OWN_CLIENTS_PATH "/developer/applications"

/* Begins request->state of each of these pages. */
struct own_client {
    struct visitor visitor;      /* first */
    const struct client *client; /* as own_client_take left it */
    bool is_saved;               /* the page is shown after a change, and says so */
};

static inline struct own_client *own_client_of(struct flow *flow)
{
    return request_of(flow)->state;
}

/* A step that begins, of a page with {id} in its path; `state_size`: of what begins with a struct own_client. */
enum step_result own_client_begin(struct flow *flow, size_t state_size);
enum step_result own_client_load(struct flow *flow);
/* STEP_NEXT: the client is there and his. */
enum step_result own_client_take(struct flow *flow);

/* The answer to a change that went wrong. */
enum step_result own_client_refuse(struct flow *flow, enum status status);

/* "/developer/applications/ID" behind the site's prefix, in the request's arena; absent: no memory. */
struct slice own_client_address(struct request *request, struct slice client_id);
/* A step behind one that changed something: refuses what went wrong; back to the client's page, which says that it was
 * saved. */
enum step_result own_client_return(struct flow *flow);

#endif
