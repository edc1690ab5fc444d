#include "protocol/oauth_reply.h"

#include "app/app.h"
#include "decision/decision_log.h"
#include "service/forwarded.h"
#include "verify/signed_request.h"

#include <stdio.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

static enum status write_url(const struct request *request, const struct config_url *public_url, struct buf *out)
{
    bool stripped = public_url->path.len && !slice_starts_with(request->path, public_url->path);
    buf_add(out, public_url->scheme);
    buf_add(out, SLICE("://"));
    buf_add(out, public_url->authority);
    if (stripped)
        buf_add(out, public_url->path);
    buf_add(out, request->path);
    if (!slice_is_absent(request->query)) {
        buf_add_byte(out, '?');
        buf_add(out, request->query);
    }
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status oauth_describe(struct request *request, enum check_purpose purpose, struct check *ret_check)
{
    const struct app *app = app_of(request);
    struct buf url = buf_in(&request->arena);
    TRY(write_url(request, &app->config->public_url, &url));
    *ret_check = (struct check){
        .purpose = purpose,
        .rules = &app->rules,
        .arena = &request->arena,
        .secure = forwarded_is_secure(request, &app->config->trusted_proxies),
        .request =
            {
                .method = request->method,
                .url = buf_slice(&url),
                .authorization = request_header(request, "Authorization", NULL),
                .content_type = request_header(request, "Content-Type", NULL),
                .body = request->body.len ? request->body : SLICE(""),
            },
    };
    return STATUS_OK;
}

static void add_no_store(struct request *request)
{
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_header(request, "Pragma", SLICE("no-cache"));
}

static void add_challenge(struct request *request, enum status status)
{
    struct buf challenge = buf_in(&request->arena);
    problem_write_challenge(status, app_of(request)->config->realm, &challenge);
    request_reply_header_from(request, "WWW-Authenticate", &challenge);
}

/* While a guard of lost nonces lasts, coming back earlier would be in vain. */
static void add_retry_after(struct request *request, int64_t wait_s)
{
    char seconds[24];
    int64_t guard_s = ephemeral_guard_s(app_loop_of(request)->ephemeral);
    int64_t longest_s = guard_s > wait_s ? guard_s : wait_s;
    int len = snprintf(seconds, sizeof seconds, "%lld", (long long)(longest_s > 1 ? longest_s : 1));
    request_reply_header(request, "Retry-After", slice_of(seconds, (size_t)len));
}

/* While the store guards, the answer says why and for how long. */
static struct problem explain_guard(struct request *request, struct problem problem)
{
    struct buf text = buf_in(&request->arena);
    if (problem.status == STATUS_STORE_DOWN)
        provider_write_guard(ephemeral_guard_s(app_loop_of(request)->ephemeral), &text);
    if (text.len)
        problem.detail = buf_string(&text);
    return problem;
}

/* The endpoint's state begins with the signed request; NULL: there was no memory for it. */
static void note_decision(struct request *request, enum status status, struct slice jti)
{
    const struct signed_request *it = request->state;
    const struct decision decision = {
        .request = request,
        .config = app_of(request)->config,
        .check = it ? &it->check : NULL,
        .status = status,
        .jti = jti,
        .guard_s = status == STATUS_STORE_DOWN ? ephemeral_guard_s(app_loop_of(request)->ephemeral) : 0,
    };
    decision_log_note(&decision);
}

static enum step_result send_refusal(struct request *request, const struct problem *problem, int64_t wait_s)
{
    int http_status = status_http(problem->status);
    note_decision(request, problem->status, SLICE_ABSENT);
    struct buf body = buf_in(&request->arena);
    request_reply_start(request, http_status);
    add_no_store(request);
    if (http_status == 401)
        add_challenge(request, problem->status);
    if (http_status == 503 || http_status == 429)
        add_retry_after(request, wait_s);
    const struct problem told = explain_guard(request, *problem);
    problem_write_form(&told, &body);
    request_reply_body(request, FORM_TYPE, buf_slice(&body));
    request_reply_send(request);
    return STEP_REPLY;
}

enum step_result oauth_refuse(struct request *request, const struct problem *problem)
{
    return send_refusal(request, problem, 0);
}

enum step_result oauth_slow_down(struct request *request, int64_t wait_s)
{
    return send_refusal(request, &(struct problem){.status = STATUS_SLOW_DOWN}, wait_s);
}

enum step_result oauth_refuse_status(struct request *request, enum status status)
{
    return oauth_refuse(request, &(struct problem){.status = status});
}

enum step_result oauth_reply_form(struct request *request, const struct buf *form, struct slice jti)
{
    if (form->failed)
        return oauth_refuse_status(request, STATUS_NO_MEMORY);
    note_decision(request, STATUS_OK, jti);
    request_reply_start(request, 200);
    add_no_store(request);
    request_reply_body(request, FORM_TYPE, buf_slice(form));
    request_reply_send(request);
    return STEP_REPLY;
}
