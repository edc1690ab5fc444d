#include "developer/clients.h"

#include "crypto/random.h"
#include "crypto/rsa.h"
#include "developer/client_page.h"
#include "rules/client_draft.h"
#include "site/site.h"

enum { CLIENT_ID_BYTES = 24 };

static enum step_result refuse_all(struct flow *flow)
{
    return site_refuse(request_of(flow), STATUS_NOT_FOUND, "client_refused.off");
}

const struct step clients_off[] = {{"off", refuse_all}, {NULL, NULL}};

/* ---- GET /developer/applications ---- */

static enum step_result begin_list(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct own_client), SLICE(OWN_CLIENTS_PATH));
}

static enum step_result load_clients(struct flow *flow)
{
    durable_client_list_start(app_of(request_of(flow))->durable, own_client_of(flow)->visitor.user->subject,
                              (struct page_request){0}, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_clients(struct flow *flow)
{
    void *clients = NULL;
    enum status status = flow_outcome(flow, &clients);
    return status == STATUS_OK ? client_page_list(request_of(flow), clients)
                               : site_refuse(request_of(flow), status, NULL);
}

const struct step clients_show[] = {
    {"visitor", begin_list},                          /* waits: the session */
    {"user", visitor_load},                           /* waits: the user */
    {"enter", visitor_enter}, {"load", load_clients}, /* waits: the clients */
    {"show", show_clients},   {NULL, NULL},
};

/* ---- GET /developer/applications/new ---- */

struct registration {
    struct own_client own; /* first */
    char id[CLIENT_ID_BYTES];
    char secret[CLIENT_SECRET_BYTES];
    bool has_secret;
};

static enum step_result begin_new(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct registration), SLICE(OWN_CLIENTS_PATH "/new"));
}

static enum step_result show_new(struct flow *flow)
{
    const struct client nothing = {0};
    struct client_form form;
    enum status status = client_form_show(&request_of(flow)->arena, &nothing, &form);
    return status == STATUS_OK ? client_page_form(request_of(flow), NULL, &form)
                               : site_refuse(request_of(flow), status, NULL);
}

const struct step client_new_show[] = {
    {"visitor", begin_new},                              /* waits: the session */
    {"user", visitor_load},                              /* waits: the user */
    {"enter", visitor_enter}, {"recent", visitor_prove}, /* for the secret that the form yields */
    {"show", show_new},       {NULL, NULL},
};

/* ---- POST /developer/applications/new ---- */

/* A client that signs with its RSA key has no secret. */
static enum status make_credentials(struct flow *flow, struct registration *it, struct client_form *form)
{
    const char *why = NULL;
    struct slice key = form_get(&it->own.visitor.form, "rsa_public_key", NULL);
    it->has_secret = slice_trim(key).len == 0;
    if (!it->has_secret && rsa_check_public_key(key, &why) != STATUS_OK) {
        form->fault = "client_refused.bad_key";
        return STATUS_BAD_INPUT;
    }
    TRY(random_text(it->id, sizeof it->id));
    TRY(random_text(it->secret, sizeof it->secret));
    form->draft.client.client_id = slice_of(it->id, sizeof it->id);
    form->draft.client.owner = it->own.visitor.user->subject;
    client_form_end_approval(request_of(flow), &form->draft.client);
    client_draft_credentials(&form->draft, it->has_secret ? slice_of(it->secret, sizeof it->secret) : SLICE_ABSENT,
                             it->has_secret ? SLICE_ABSENT : key);
    if (client_draft_can_sign(&form->draft))
        return STATUS_OK;
    form->fault = "client_refused.bad_method";
    return STATUS_BAD_INPUT;
}

static enum step_result take_registration(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct registration *it = request->state;
    const struct client nothing = {0};
    struct client_form form;
    enum status status = client_form_read(request, &it->own.visitor.form, &nothing, &form);
    enum step_result result = STEP_WAIT;
    if (status == STATUS_OK)
        status = make_credentials(flow, it, &form);
    const struct audit_entry audit = visitor_entry(flow, "client.register", slice_of(it->id, sizeof it->id));
    if (status == STATUS_OK)
        durable_client_register_start(app_of(request)->durable, &form.draft.client, &audit,
                                      flow_wait(flow, STORE_TIMEOUT_MS)); /* it may be sent again, and is not counted */
    else if (status == STATUS_BAD_INPUT)
        result = client_page_form(request, NULL, &form);
    else
        result = site_refuse(request, status, NULL);
    client_form_done(&form);
    return result;
}

static enum step_result show_registered(struct flow *flow)
{
    const struct registration *it = request_of(flow)->state;
    const struct client_credentials credentials = {
        .client_id = slice_of(it->id, sizeof it->id),
        .client_secret = it->has_secret ? slice_of(it->secret, sizeof it->secret) : SLICE_ABSENT,
    };
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_FORBIDDEN)
        return site_refuse(request_of(flow), status, "client.too_many");
    return status == STATUS_OK ? client_page_secret(request_of(flow), &credentials) : own_client_refuse(flow, status);
}

const struct step client_new_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_new},      /* waits: the session */
    {"user", visitor_load},      /* waits: the user */
    {"enter", visitor_enter},
    {"recent", visitor_prove},
    {"register", take_registration}, /* the form; waits: the client, and who registered it */
    {"show", show_registered},       /* its secret */
    {NULL, NULL},
};
