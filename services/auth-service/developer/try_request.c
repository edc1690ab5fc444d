#include "developer/try_request.h"

#include "developer/own_client.h"
#include "login/visitor.h"
#include "site/site.h"

/* A request that is pasted was made a while ago, so its time is not judged. */
enum { ANY_AGE_S = 10 * 366 * 24 * 3600 };

#define TRY_PATH "/developer/try"

struct try_request {
    struct visitor visitor; /* first */
    struct check_rules rules;
    struct check check;
    struct explanation explanation;
    const char *verdict; /* a key; NULL: nothing was tried yet */
};

static struct try_request *try_of(struct flow *flow)
{
    return request_of(flow)->state;
}

static enum step_result begin_try(struct flow *flow)
{
    return visitor_begin(flow, sizeof(struct try_request), SLICE(TRY_PATH));
}

/* ---- the page ---- */

static struct slice or_nothing(struct slice text)
{
    return slice_is_absent(text) ? SLICE("") : text;
}

static enum status list_hints(struct arena *arena, const struct explanation *explanation, struct page_value *ret_list)
{
    struct page_scope *rows = arena_calloc(arena, EXPLAIN_HINTS_MAX, sizeof *rows);
    struct page_value *values = arena_calloc(arena, EXPLAIN_HINTS_MAX, sizeof *values);
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < explanation->hint_count; i++) {
        values[i] = PAGE_TEXT("hint", explanation->hints[i]);
        rows[i] = (struct page_scope){&values[i], 1};
    }
    *ret_list = PAGE_LIST("hints", rows, explanation->hint_count);
    return STATUS_OK;
}

static enum step_result show_tried(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct try_request *it = request->state;
    const struct described_request *tried = &it->check.request;
    const struct problem *problem = &it->check.problem;
    const char *action = site_path(request, TRY_PATH);
    const char *back = site_path(request, OWN_CLIENTS_PATH);
    struct page_value hints = {0};
    enum status status = list_hints(&request->arena, &it->explanation, &hints);
    if (status == STATUS_OK && (!action || !back))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    bool is_refused = problem->status != STATUS_OK;
    const struct page_value values[] = {
        PAGE_TEXT("action", slice_str(action)),
        PAGE_TEXT("back", slice_str(back)),
        PAGE_TEXT("csrf_token", it->visitor.session->csrf),
        PAGE_TEXT("method", or_nothing(tried->method)),
        PAGE_TEXT("url", or_nothing(tried->url)),
        PAGE_TEXT("authorization", or_nothing(tried->authorization)),
        PAGE_TEXT("content_type", or_nothing(tried->content_type)),
        PAGE_TEXT("body", or_nothing(tried->body)),
        PAGE_TEXT("verdict", it->verdict ? site_text(request, it->verdict) : SLICE("")),
        PAGE_TEXT("problem", is_refused ? slice_str(site_problem(problem->status)) : SLICE("")),
        PAGE_TEXT("detail", is_refused ? slice_str(problem_text(problem)) : SLICE("")),
        PAGE_TEXT("rejected", or_nothing(problem->rejected.len ? problem->rejected : problem->absent)),
        PAGE_TEXT("base_string", or_nothing(it->explanation.base_string)),
        hints,
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "try.title", "try.html", &scope, SLICE_ABSENT);
}

const struct step try_request_show[] = {
    {"visitor", begin_try}, /* waits: the session */
    {"user", visitor_load}, /* waits: the user */
    {"enter", visitor_enter}, {"show", show_tried}, {NULL, NULL},
};

/* ---- a request that was pasted ---- */

static void describe_tried(struct flow *flow)
{
    struct try_request *it = try_of(flow);
    const struct form *form = &it->visitor.form;
    bool is_initiate = slice_find_slice(or_nothing(form_get(form, "authorization", NULL)), SLICE("oauth_callback=")) <
                       or_nothing(form_get(form, "authorization", NULL)).len;
    it->rules = app_of(request_of(flow))->rules;
    it->rules.skew_s = it->rules.lead_s = ANY_AGE_S;
    it->check = (struct check){
        .purpose = is_initiate ? CHECK_TEMPORARY_CREDENTIAL : CHECK_PROTECTED_RESOURCE,
        .rules = &it->rules,
        .arena = &request_of(flow)->arena,
        .secure = true, /* how it came here is not how it was sent */
        .request = {.method = slice_trim(or_nothing(form_get(form, "method", NULL))),
                    .url = slice_trim(or_nothing(form_get(form, "url", NULL))),
                    .authorization = slice_trim(or_nothing(form_get(form, "authorization", NULL))),
                    .content_type = slice_trim(or_nothing(form_get(form, "content_type", NULL))),
                    .body = or_nothing(form_get(form, "body", NULL))},
    };
}

static enum step_result load_signer(struct flow *flow)
{
    struct try_request *it = try_of(flow);
    describe_tried(flow);
    it->verdict = "try.refused";
    if (check_parse(&it->check) != STATUS_OK)
        return show_tried(flow);
    durable_pair_find_start(app_of(request_of(flow))->durable, check_client_id(&it->check), check_token(&it->check),
                            flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum status explain_tried(struct flow *flow, int64_t now_ms)
{
    struct request *request = request_of(flow);
    struct try_request *it = request->state;
    struct explanation *explanation = &it->explanation;
    const struct explain_options options = {.allowed_methods = it->rules.signature_methods};
    struct arena scratch;
    enum status refused = it->check.problem.status;
    explanation->message = it->check.message;
    explanation->parsed = true;
    TRY(explain_show(explanation, &request->arena));
    if (refused != STATUS_SIGNATURE_INVALID && refused != STATUS_BODY_HASH_MISMATCH)
        return STATUS_OK;
    arena_init(&scratch, request->arena.limit_bytes);
    enum status status =
        check_explain(&it->check, &app_loop_of(request)->signer, now_ms, &options, &scratch, explanation);
    arena_done(&scratch);
    return status;
}

/* Another's client and one that does not exist are the same to him, and nothing is tried for them. */
static enum step_result judge_tried(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct try_request *it = request->state;
    void *found = NULL;
    int64_t now_ms = 0;
    enum status status = flow_outcome(flow, &found);
    if (status == STATUS_OK)
        status = ephemeral_now(app_loop_of(request)->ephemeral, &now_ms);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct credential_pair *pair = found;
    it->verdict = "try.not_own";
    if (!pair->client_found || !slice_eq(pair->client.owner, it->visitor.user->subject))
        return show_tried(flow);
    it->check.client = &pair->client;
    it->check.token = pair->token_found ? &pair->token : NULL;
    it->verdict =
        check_signature(&it->check, &app_loop_of(request)->signer, now_ms) == STATUS_OK ? "try.good" : "try.refused";
    status = explain_tried(flow, now_ms);
    return status == STATUS_OK ? show_tried(flow) : site_refuse(request, status, NULL);
}

const struct step try_request_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"visitor", begin_try},      /* waits: the session */
    {"user", visitor_load},      /* waits: the user */
    {"enter", visitor_enter},
    {"load", load_signer},  /* waits: client and token */
    {"judge", judge_tried}, /* the page */
    {NULL, NULL},
};
