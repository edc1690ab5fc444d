#include "developer/client_actions.h"

#include "crypto/random.h"
#include "crypto/rsa.h"
#include "developer/client_page.h"
#include "durable/tokens.h"
#include "look/picture.h"
#include "rules/client_draft.h"
#include "rules/overlap.h"
#include "site/site.h"
#include "verify/quota.h"

#define DAY_MS INT64_C(86400000)

enum { OVERLAP_MAX_DAYS = 30, KEY_MAX_BYTES = 8192, CREDENTIALS_A_MINUTE = 10 };

/* What the actions keep, beside what every page of a client has. */
struct client_action {
    struct own_client own; /* first */
    char secret[CLIENT_SECRET_BYTES];
    char token[TOKEN_TEXT_BYTES];
    char token_secret[TOKEN_TEXT_BYTES];
};

static struct client_action *action_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static struct durable_pool *pool_of(struct flow *flow)
{
    return app_of(request_of(flow))->durable;
}

static struct slice id_of(struct flow *flow)
{
    return own_client_of(flow)->client->client_id;
}

static struct audit_entry entry_of(struct flow *flow, const char *what)
{
    return visitor_entry(flow, what, id_of(flow));
}

static struct slice field_of(struct flow *flow, const char *name)
{
    struct slice value = form_get(&own_client_of(flow)->visitor.form, name, NULL);
    return slice_is_absent(value) ? SLICE("") : value;
}

/* ---- GET ---- */

static enum step_result begin_client(struct flow *flow)
{
    return own_client_begin(flow, sizeof(struct client_action));
}

static enum step_result show_client(struct flow *flow)
{
    struct form query = {0};
    struct client_form form;
    enum step_result result = own_client_take(flow);
    if (result != STEP_NEXT)
        return result;
    const struct client *client = own_client_of(flow)->client;
    own_client_of(flow)->is_saved =
        form_parse(&request_of(flow)->arena, request_of(flow)->query, &query) == STATUS_OK &&
        slice_eq(form_get(&query, "done", NULL), SLICE("saved"));
    enum status status = client_form_show(&request_of(flow)->arena, client, &form);
    return status == STATUS_OK ? client_page_form(request_of(flow), client, &form)
                               : site_refuse(request_of(flow), status, NULL);
}

const struct step client_show_own[] = {
    {"visitor", begin_client},                            /* waits: the session */
    {"user", visitor_load},                               /* waits: the user */
    {"enter", visitor_enter},  {"load", own_client_load}, /* waits: the client */
    {"show", show_client},     {NULL, NULL},
};

/* ---- edit ---- */

static enum step_result edit_client(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct own_client *it = request->state;
    struct client_form form;
    enum status status = client_form_read(request, &it->visitor.form, it->client, &form);
    enum step_result result = STEP_WAIT;
    if (status == STATUS_OK) {
        const struct audit_entry audit = entry_of(flow, "client.update");
        client_form_judge_change(request, it->client, &form.draft.client);
        durable_client_update_start(pool_of(flow), &form.draft.client, &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    } else if (status == STATUS_BAD_INPUT) {
        result = client_page_form(request, it->client, &form);
    } else {
        result = site_refuse(request, status, NULL);
    }
    client_form_done(&form);
    return result;
}

static const struct step edit[] = {
    {"edit", edit_client}, /* waits: the row */
    {"reply", own_client_return},
    {NULL, NULL},
};

/* ---- the logo ---- */

static enum step_result change_logo(struct flow *flow, struct slice png)
{
    struct client changed = *own_client_of(flow)->client; /* the arena stays the other's */
    const struct audit_entry audit = entry_of(flow, "client.set-logo");
    client_form_end_approval(request_of(flow), &changed);
    durable_client_set_logo_start(pool_of(flow), &changed, png, &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result upload_logo(struct flow *flow)
{
    const char *why = NULL;
    struct slice png = field_of(flow, "logo");
    if (!picture_check(png, &why))
        return site_refuse(request_of(flow), STATUS_BAD_INPUT, "client_refused.bad_logo");
    return change_logo(flow, png);
}

static enum step_result remove_logo(struct flow *flow)
{
    return change_logo(flow, SLICE(""));
}

static const struct step logo[] = {
    {"logo", upload_logo}, /* waits: the picture */
    {"reply", own_client_return},
    {NULL, NULL},
};

static const struct step no_logo[] = {
    {"logo", remove_logo}, /* waits: it is gone */
    {"reply", own_client_return},
    {NULL, NULL},
};

/* ---- how many secrets, keys and tokens ---- */

/* By client: each request that it signs reads all of its rows, also those that are over and not cleared away yet. An
 * owner has ten clients at most, so that this bounds him too. */
static enum step_result count_credential(struct flow *flow)
{
    quota_count_start(app_loop_of(request_of(flow))->ephemeral, QUOTA_CREDENTIALS, id_of(flow), CREDENTIALS_A_MINUTE,
                      flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result judge_credentials(struct flow *flow)
{
    int64_t wait_s = 0;
    enum status status = quota_judge(flow, 0, CREDENTIALS_A_MINUTE, &wait_s);
    if (status == STATUS_OK)
        return STEP_NEXT;
    return site_refuse(request_of(flow), status, status == STATUS_SLOW_DOWN ? "client_refused.too_often" : NULL);
}

/* ---- the secret ---- */

/* For how long the former one stays good; a form that says nothing of it: not at all. */
static enum status read_overlap(struct flow *flow, int64_t *ret_ms)
{
    uint64_t days = 0;
    struct slice text = field_of(flow, "overlap");
    if (text.len && !slice_to_u64(text, OVERLAP_MAX_DAYS, &days))
        return STATUS_BAD_INPUT;
    *ret_ms = (int64_t)days * DAY_MS;
    return STATUS_OK;
}

/* As at the admin port: two clicks on one button must not end what is in use. */
static enum status check_former_is_over(struct flow *flow, int64_t overlap_ms, bool is_key)
{
    const struct overlap overlap = {.seconds = overlap_ms / 1000};
    struct buf why = buf_in(&request_of(flow)->arena); /* for operators; people have words of their own */
    int64_t now_ms = 0;
    TRY(ephemeral_now(app_loop_of(request_of(flow))->ephemeral, &now_ms));
    return overlap_refuses_client(&overlap, own_client_of(flow)->client, is_key, now_ms, &why) ? STATUS_CONFLICT
                                                                                               : STATUS_OK;
}

static enum step_result refuse_rotation(struct flow *flow, enum status status)
{
    return site_refuse(request_of(flow), status, status == STATUS_CONFLICT ? "client_refused.overlaps" : NULL);
}

static enum step_result rotate_secret(struct flow *flow)
{
    struct client_action *it = action_of(flow);
    int64_t overlap_ms = 0;
    enum status status = read_overlap(flow, &overlap_ms);
    if (status == STATUS_OK && !client_has_secret(it->own.client))
        return site_refuse(request_of(flow), STATUS_BAD_INPUT, "client_refused.no_secret");
    if (status == STATUS_OK)
        status = check_former_is_over(flow, overlap_ms, false);
    if (status == STATUS_OK)
        status = random_text(it->secret, sizeof it->secret);
    if (status != STATUS_OK)
        return refuse_rotation(flow, status);
    const struct audit_entry audit = entry_of(flow, "client.rotate-secret");
    durable_client_rotate_secret_start(pool_of(flow), id_of(flow), slice_of(it->secret, sizeof it->secret), overlap_ms,
                                       &audit, flow_wait(flow, DEED_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_secret(struct flow *flow)
{
    const struct client_action *it = action_of(flow);
    const struct client_credentials credentials = {.client_id = id_of(flow),
                                                   .client_secret = slice_of(it->secret, sizeof it->secret)};
    enum status status = flow_outcome(flow, NULL);
    return status == STATUS_OK ? client_page_secret(request_of(flow), &credentials) : own_client_refuse(flow, status);
}

static const struct step rotate[] = {
    {"recent", visitor_prove},    /* or to log in once more */
    {"count", count_credential},  /* waits: how many there were of late */
    {"judge", judge_credentials}, /* or later */
    {"rotate", rotate_secret},    /* waits: the new secret */
    {"reply", show_secret},       {NULL, NULL},
};

/* ---- RSA keys ---- */

static enum step_result register_key(struct flow *flow)
{
    const char *why = NULL;
    int64_t overlap_ms = 0;
    struct slice pem = field_of(flow, "rsa_public_key");
    enum status status = read_overlap(flow, &overlap_ms);
    if (status == STATUS_OK && (pem.len > KEY_MAX_BYTES || rsa_check_public_key(pem, &why) != STATUS_OK))
        return site_refuse(request_of(flow), STATUS_BAD_INPUT, "client_refused.bad_key");
    if (status == STATUS_OK)
        status = check_former_is_over(flow, overlap_ms, true);
    if (status != STATUS_OK)
        return refuse_rotation(flow, status);
    const struct audit_entry audit = entry_of(flow, "client.rotate-key");
    durable_client_rotate_key_start(pool_of(flow), id_of(flow), pem, overlap_ms, &audit,
                                    flow_wait(flow, DEED_TIMEOUT_MS));
    return STEP_WAIT;
}

static const struct step add[] = {
    {"recent", visitor_prove},    /* whoever holds the key acts for the client */
    {"count", count_credential},  /* waits: how many there were of late */
    {"judge", judge_credentials}, /* or later */
    {"add", register_key},        /* waits: the row */
    {"reply", own_client_return}, {NULL, NULL},
};

static enum step_result withdraw_key(struct flow *flow)
{
    uint64_t key = 0;
    if (!slice_to_u64(field_of(flow, "key"), INT64_MAX, &key))
        return site_refuse(request_of(flow), STATUS_BAD_INPUT, NULL);
    const struct audit_entry audit = entry_of(flow, "client.end-key");
    durable_client_end_key_start(pool_of(flow), id_of(flow), (int64_t)key, &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result return_from_key(struct flow *flow)
{
    if (flow_outcome(flow, NULL) == STATUS_CONFLICT)
        return site_refuse(request_of(flow), STATUS_CONFLICT, "client_refused.last_key");
    return own_client_return(flow);
}

static const struct step end[] = {
    {"end", withdraw_key}, /* waits: the row */
    {"reply", return_from_key},
    {NULL, NULL},
};

/* ---- disable, enable, delete ---- */

static enum step_result disable_client(struct flow *flow)
{
    const struct audit_entry audit = entry_of(flow, "client.disable");
    durable_client_switch_off_start(pool_of(flow), id_of(flow), &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static const struct step disable[] = {
    {"disable", disable_client}, /* waits: the row, and its tokens are revoked */
    {"reply", own_client_return},
    {NULL, NULL},
};

static enum step_result enable_client(struct flow *flow)
{
    const struct audit_entry audit = entry_of(flow, "client.enable");
    durable_client_switch_on_start(pool_of(flow), id_of(flow), &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static const struct step enable[] = {
    {"enable", enable_client}, /* waits: the row */
    {"reply", own_client_return},
    {NULL, NULL},
};

static enum step_result give_up_client(struct flow *flow)
{
    const struct audit_entry audit = entry_of(flow, "client.delete");
    if (!slice_eq(field_of(flow, "confirm"), SLICE("yes")))
        return site_refuse(request_of(flow), STATUS_BAD_INPUT, "client_refused.not_confirmed");
    durable_client_delete_start(pool_of(flow), id_of(flow), &audit, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result return_to_list(struct flow *flow)
{
    enum status status = flow_outcome(flow, NULL);
    const char *list = site_path(request_of(flow), OWN_CLIENTS_PATH);
    if (status == STATUS_OK && !list)
        status = STATUS_NO_MEMORY;
    return status == STATUS_OK ? site_redirect(request_of(flow), slice_str(list)) : own_client_refuse(flow, status);
}

static const struct step delete[] = {
    {"delete", give_up_client}, /* waits: it is gone */
    {"reply", return_to_list},
    {NULL, NULL},
};

/* ---- a token for oneself ---- */

static enum step_result issue_own_token(struct flow *flow)
{
    struct client_action *it = action_of(flow);
    enum status status = durable_generate_token(it->token, it->token_secret);
    if (status != STATUS_OK)
        return site_refuse(request_of(flow), status, NULL);
    const struct token_issue issue = {
        .client_id = id_of(flow),
        .user = it->own.visitor.user->id,
        .user_generation = it->own.visitor.user->generation,
        .scopes = it->own.client->allowed_scopes,
        .allowed_scopes = it->own.client->allowed_scopes,
        .for_owner = true,
        .oauth_token = slice_of(it->token, sizeof it->token),
        .secret = slice_of(it->token_secret, sizeof it->token_secret),
        .lifetime_ms = app_of(request_of(flow))->config->token_ttl_s * 1000,
    };
    const struct audit_entry audit = visitor_entry(flow, "token.issue-own", SLICE(""));
    durable_token_issue_start(pool_of(flow), &issue, &audit, flow_wait(flow, DEED_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result show_token(struct flow *flow)
{
    const struct client_action *it = action_of(flow);
    const struct client_credentials credentials = {.client_id = id_of(flow),
                                                   .oauth_token = slice_of(it->token, sizeof it->token),
                                                   .oauth_token_secret =
                                                       slice_of(it->token_secret, sizeof it->token_secret)};
    enum status status = flow_outcome(flow, NULL);
    if (status == STATUS_CLIENT_DISABLED)
        return site_refuse(request_of(flow), status, "client_refused.is_disabled");
    return status == STATUS_OK ? client_page_secret(request_of(flow), &credentials) : own_client_refuse(flow, status);
}

static const struct step issue[] = {
    {"recent", visitor_prove},    /* or to log in once more */
    {"count", count_credential},  /* waits: how many there were of late */
    {"judge", judge_credentials}, /* or later */
    {"issue", issue_own_token},   /* waits: the token */
    {"reply", show_token},        {NULL, NULL},
};

/* ---- POST ---- */

static const struct {
    const char *name;
    const struct step *steps;
} actions[] = {{"edit", edit},   {"logo", logo},       {"no-logo", no_logo}, {"rotate", rotate}, {"add-key", add},
               {"end-key", end}, {"disable", disable}, {"enable", enable},   {"delete", delete}, {"token", issue}};

static enum step_result choose_action(struct flow *flow)
{
    enum step_result result = own_client_take(flow);
    if (result != STEP_NEXT)
        return result;
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (slice_eq(field_of(flow, "do"), slice_str(actions[i].name)))
            return flow_leave_for(flow, actions[i].steps);
    return site_refuse(request_of(flow), STATUS_BAD_INPUT, NULL);
}

const struct step client_do[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_client},   /* waits: the session */
    {"user", visitor_load},      /* waits: the user */
    {"enter", visitor_enter},
    {"load", own_client_load}, /* waits: the client */
    {"choose", choose_action}, /* what is done goes on in a table of its own */
    {NULL, NULL},
};
