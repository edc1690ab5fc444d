#include "site/site.h"

#include "http/multipart.h"
#include "rules/callback.h"
#include "service/forwarded.h"
#include "site/frame.h"

/* ---- pages ---- */

static enum status render_page(struct request *request, const char *title, const char *file,
                               const struct page_scope *scope, struct buf *out)
{
    struct frame_view view = frame_begin(request);
    enum status status = frame_render(request, &view, title, file, scope, out);
    frame_end(request, &view);
    return status;
}

struct slice site_text_with(struct request *request, const char *key, const struct page_scope *scope)
{
    struct frame_view view = frame_begin(request);
    struct buf text = buf_in(&request->arena);
    enum status status = page_phrase(&view.language->texts, slice_str(key), scope, &text);
    frame_end(request, &view);
    return status == STATUS_OK ? buf_slice(&text) : SLICE_ABSENT;
}

struct slice site_text(struct request *request, const char *key)
{
    return site_text_with(request, key, &(struct page_scope){0});
}

bool site_offers_language(const struct request *request, struct slice tag)
{
    struct look *look = look_take(app_of(request)->look);
    bool is_offered = false;
    for (size_t i = 0; i < look->language_count; i++)
        is_offered = is_offered || slice_eq(look->languages[i].tag, tag);
    look_give_back(app_of(request)->look, look);
    return is_offered;
}

enum step_result site_page(struct request *request, int http_status, const char *title, const char *file,
                           const struct page_scope *scope, struct slice form_action)
{
    struct buf html = buf_in(&request->arena);
    struct buf policy = buf_in(&request->arena);
    bool rendered = render_page(request, title, file, scope, &html) == STATUS_OK;
    if (!rendered)
        request_reply_start(request, 500);
    else if (request->reply.http_status != http_status)
        request_reply_start(request, http_status);
    buf_add(&policy, SLICE("'self'"));
    if (form_action.len) {
        buf_add_byte(&policy, ' ');
        buf_add(&policy, form_action);
    }
    if (!slice_is_absent(app_of(request)->config->login_url)) { /* a form of ours may lead to the site's login */
        buf_add_byte(&policy, ' ');
        callback_write_csp_source(app_of(request)->config->login_url, &policy);
    }
    page_headers(request, buf_slice(&policy));
    request_reply_body(request, "text/html; charset=utf-8",
                       rendered ? buf_slice(&html) : SLICE("<!doctype html><title>Error</title>Internal error"));
    request_reply_send(request);
    return STEP_REPLY;
}

static int page_status(enum status status)
{
    int http_status = status_http(status);
    return http_status == 401 ? 400 : http_status; /* 401 would want a challenge, and a page has none */
}

static const char *sentence_of(enum status status)
{
    if (status_is_infrastructure(status))
        return "refused.unavailable";
    return status == STATUS_INSECURE_TRANSPORT ? "refused.insecure" : "refused.request";
}

const char *site_problem(enum status status)
{
    return status_problem(status)[0] ? status_problem(status) : status_error(status);
}

static struct slice problem_address(struct request *request, enum status status)
{
    struct buf path = buf_in(&request->arena);
    buf_addf(&path, "/problems#%s", site_problem(status));
    const char *text = buf_string(&path);
    return text ? slice_str(site_path(request, text)) : SLICE_ABSENT;
}

enum step_result site_refuse(struct request *request, enum status status, const char *key)
{
    const struct page_value values[] = {
        PAGE_TEXT("kind", SLICE("error")),
        PAGE_TEXT("message", site_text(request, key ? key : sentence_of(status))),
        PAGE_TEXT("problem", slice_str(site_problem(status))),
        PAGE_TEXT("problem_url", problem_address(request, status)),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    request_reply_start(request, page_status(status));
    if (page_status(status) == 503 || page_status(status) == 429)
        request_reply_header(request, "Retry-After", page_status(status) == 429 ? SLICE("60") : SLICE("1"));
    return site_page(request, page_status(status), "message.title", "message.html", &scope, SLICE_ABSENT);
}

enum step_result site_redirect(struct request *request, struct slice target)
{
    if (request->reply.http_status != 302)
        request_reply_start(request, 302);
    request_reply_header(request, "Location", target);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_header(request, "Referrer-Policy", SLICE("no-referrer"));
    request_reply_send(request);
    return STEP_REPLY;
}

/* ---- forms ---- */

static bool is_own_origin(const struct request *request)
{
    const struct config_url *own = &app_of(request)->config->public_url;
    size_t count = 0;
    struct slice origin = request_header(request, "Origin", &count);
    if (count == 0 || (count == 1 && slice_eq(origin, SLICE("null"))))
        return true;
    struct slice rest = slice_sub(origin, own->scheme.len, origin.len);
    return count == 1 && slice_starts_with(origin, own->scheme) && slice_starts_with(rest, SLICE("://")) &&
           slice_eq_nocase(slice_sub(rest, 3, rest.len), own->authority);
}

/* The browser's own word on where a request was made; what a person typed or opened himself is "none". */
static bool is_own_fetch(const struct request *request)
{
    size_t count = 0;
    struct slice site = request_header(request, "Sec-Fetch-Site", &count);
    return count == 0 || (count == 1 && (slice_eq(site, SLICE("same-origin")) || slice_eq(site, SLICE("none"))));
}

enum status site_form(struct request *request, struct form *ret_form)
{
    bool has_files = request_has_media_type(request, "multipart/form-data");
    if (!has_files && !request_has_media_type(request, "application/x-www-form-urlencoded"))
        return STATUS_UNSUPPORTED_TYPE;
    if (!is_own_origin(request) || !is_own_fetch(request))
        return STATUS_FORBIDDEN;
    return has_files ? multipart_parse(&request->arena, request_header(request, "Content-Type", NULL), request->body,
                                       ret_form)
                     : form_parse(&request->arena, request->body, ret_form);
}

/* ---- the audit log ---- */

void site_audit_sign(struct request *request, const struct user *user, struct audit_entry *entry)
{
    struct buf who = buf_in(&request->arena);
    buf_add_str(&who, user ? "user:" : "site");
    buf_add(&who, user ? user->subject : SLICE(""));
    entry->who = who.failed ? SLICE_ABSENT : buf_slice(&who);
    entry->request = request_id(request);
}

void site_audit_start(struct request *request, const struct user *user, struct audit_entry *entry, struct ticket ticket)
{
    site_audit_sign(request, user, entry);
    durable_audit_write_start(app_of(request)->durable, entry, ticket);
}
