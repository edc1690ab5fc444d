/* client_form: the form in which a developer describes his client, checked as the command line checks its options, and
 * more: what strangers may write has bounds. */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_FORM_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_FORM_H

#include "http/form.h"
#include "http/request.h"
#include "rules/client_draft.h"

enum { CLIENT_CALLBACKS_MAX = 10 };

struct client_form {
    struct slice name, website, description;
    struct slice callbacks; /* as typed, one a line */
    struct slice methods;   /* ticked, separated by spaces */
    struct slice scopes;    /* likewise */
    const char *fault;      /* a key; NULL: nothing is wrong */
    struct slice fault_value;
    struct client_options options;
    struct client_draft draft;
};

/* Reads the form over `client` (zeroed: a new one), which draft.client then is. STATUS_BAD_INPUT: `fault` says what is
 * wrong; else all is good. Scopes that the client has and its owner could not have asked for stay. */
MUST_USE enum status client_form_read(struct request *request, const struct form *form, const struct client *client,
                                      struct client_form *ret_form);
void client_form_done(struct client_form *form);

/* The form of a client as it is. STATUS_NO_MEMORY. */
MUST_USE enum status client_form_show(struct arena *arena, const struct client *client, struct client_form *ret_form);

/* Ends what an operator said of the client, where it is another one in the eyes of users now: approval (unless
 * registration is open), that it was verified, and that users are not asked again. */
void client_form_judge_change(const struct request *request, const struct client *before, struct client *after);
/* The same, whatever was changed. */
void client_form_end_approval(const struct request *request, struct client *client);

#endif
