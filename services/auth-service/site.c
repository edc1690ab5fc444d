#include "site.h"

#include "callback.h"
#include "service/forwarded.h"

extern const struct embedded_file auth_pages[];

const char *site_path(struct request *request, const char *path)
{
    struct buf full = buf_in(&request->arena);
    buf_add(&full, app_of(request)->config->public_url.path);
    buf_add_str(&full, path);
    return buf_string(&full);
}

bool site_is_secure(const struct request *request)
{
    const struct config *config = app_of(request)->config;
    return config->insecure_transport || forwarded_is_secure(request, &config->trusted_proxies);
}

/* ---- pages ---- */

static enum status render_page(struct request *request, const char *title, const char *file,
                               const struct page_scope *scope, struct buf *out)
{
    struct buf content = buf_in(&request->arena);
    const char *style = site_path(request, "/style.css");
    if (!style)
        return STATUS_NO_MEMORY;
    TRY(page_render(page_template(auth_pages, file), scope, &content));
    const struct page_value values[] = {
        PAGE_TEXT("title", slice_str(title)),
        PAGE_TEXT("style", slice_str(style)),
        PAGE_TEXT("content", buf_slice(&content)),
        PAGE_TEXT("development", app_of(request)->config->dev ? SLICE("yes") : SLICE("")),
    };
    const struct page_scope layout = {values, COUNT_OF(values)};
    TRY(page_render(page_template(auth_pages, "layout.html"), &layout, out));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
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
        return "Something that this page needs cannot be reached. Nothing was changed; try again in a moment.";
    if (status == STATUS_INSECURE_TRANSPORT)
        return "This page needs https: a password or a permission must not travel in the clear.";
    return status_text(status);
}

enum step_result site_refuse(struct request *request, enum status status, const char *message)
{
    const char *problem = status_problem(status)[0] ? status_problem(status) : status_error(status);
    const struct page_value values[] = {
        PAGE_TEXT("kind", SLICE("error")),
        PAGE_TEXT("message", slice_str(message ? message : sentence_of(status))),
        PAGE_TEXT("problem", slice_str(problem)),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    request_reply_start(request, page_status(status));
    if (page_status(status) == 503 || page_status(status) == 429)
        request_reply_header(request, "Retry-After", page_status(status) == 429 ? SLICE("60") : SLICE("1"));
    return site_page(request, page_status(status), "This did not work", "message.html", &scope, SLICE_ABSENT);
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

/* ---- cookies ---- */

enum { DEVICE_COOKIE_S = 180 * 24 * 3600 };

static bool is_https(const struct request *request)
{
    return slice_eq(app_of(request)->config->public_url.scheme, SLICE("https"));
}

static const char *cookie_name(const struct request *request, enum site_cookie cookie)
{
    static const char *const names[][2] = {
        [COOKIE_SESSION] = {"countersign_session", "__Host-countersign_session"},
        [COOKIE_LOGIN] = {"countersign_login", "__Host-countersign_login"},
        [COOKIE_DEVICE] = {"countersign_device", "__Host-countersign_device"},
        [COOKIE_CHALLENGE] = {"countersign_challenge", "__Host-countersign_challenge"},
    };
    return names[cookie][is_https(request)];
}

void site_set_cookie(struct request *request, enum site_cookie cookie, struct slice value)
{
    struct buf text = buf_in(&request->arena);
    buf_addf(&text, "%s=", cookie_name(request, cookie));
    buf_add(&text, value);
    buf_add_str(&text, "; Path=/; HttpOnly; SameSite=Lax");
    if (is_https(request))
        buf_add_str(&text, "; Secure");
    if (value.len == 0)
        buf_add_str(&text, "; Max-Age=0");
    else if (cookie == COOKIE_DEVICE)
        buf_addf(&text, "; Max-Age=%d", DEVICE_COOKIE_S);
    request_reply_header(request, "Set-Cookie", buf_slice(&text));
}

struct slice site_cookie(const struct request *request, enum site_cookie cookie)
{
    return request_cookie(request, cookie_name(request, cookie));
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
    if (!request_has_media_type(request, "application/x-www-form-urlencoded"))
        return STATUS_UNSUPPORTED_TYPE;
    if (!is_own_origin(request) || !is_own_fetch(request))
        return STATUS_FORBIDDEN;
    return form_parse(&request->arena, request->body, ret_form);
}

/* ---- GET /style.css ---- */

static enum step_result show_style(struct flow *flow)
{
    struct request *request = request_of(flow);
    request_reply_start(request, 200);
    request_reply_header(request, "Cache-Control", SLICE("public, max-age=3600"));
    request_reply_header(request, "X-Content-Type-Options", SLICE("nosniff"));
    request_reply_body(request, "text/css; charset=utf-8", page_template(auth_pages, "style.css"));
    request_reply_send(request);
    return STEP_REPLY;
}

const struct step site_style[] = {{"style", show_style}, {NULL, NULL}};
