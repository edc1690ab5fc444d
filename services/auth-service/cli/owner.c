#include "cli/owner.h"

#include "base/percent.h"
#include "cli/http_client.h"
#include "http/form.h"
#include "oauth/url.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

struct browser {
    const struct owner *owner;
    struct arena *arena;
    struct buf cookies; /* "a=b; c=d"; of this one site */
    struct client_response page;
    const char **ret_why;
};

static enum status complain(struct browser *browser, const char *what)
{
    struct buf text = buf_in(browser->arena);
    buf_addf(&text, "%s (status %d)", what, browser->page.http_status);
    *browser->ret_why = buf_string(&text);
    return STATUS_BAD_INPUT;
}

/* ---- cookies and pages ---- */

static void keep_cookies(struct browser *browser)
{
    for (size_t i = 0;; i++) {
        struct slice cookie = client_response_header(&browser->page, "Set-Cookie", i);
        bool has_attributes = false;
        if (slice_is_absent(cookie))
            return;
        if (browser->cookies.len)
            buf_add_str(&browser->cookies, "; ");
        buf_add(&browser->cookies, slice_cut(&cookie, ';', &has_attributes));
    }
}

static enum status visit(struct browser *browser, struct slice method, struct slice url, struct slice body)
{
    const struct client_request request = {
        .method = method,
        .url = url,
        .content_type = slice_is_absent(body) ? SLICE_ABSENT : SLICE(FORM_TYPE),
        .cookie = browser->cookies.len ? buf_slice(&browser->cookies) : SLICE_ABSENT,
        .body = body,
    };
    TRY(http_client_send(&request, browser->arena, &browser->page, browser->ret_why));
    keep_cookies(browser);
    return STATUS_OK;
}

/* Scheme, host and port of the service, for targets that begin with a slash. */
static struct slice on_site(const struct browser *browser, struct slice target)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    struct buf text = buf_in(browser->arena);
    if (target.len == 0 || target.ptr[0] != '/' ||
        oauth_url_parse(browser->owner->base_url, &url, &problem) != STATUS_OK)
        return target;
    oauth_url_write_origin(&url, &text);
    buf_add(&text, target);
    return buf_slice(&text);
}

/* What stands between `before` and `after` in the page; absent if it is not there. The values that we look
 * for are our own random texts and local paths, in which HTML escapes nothing but '&'. */
static struct slice between(const struct browser *browser, const char *before, const char *after)
{
    struct slice page = browser->page.body;
    size_t start = slice_find_slice(page, slice_str(before));
    if (start == page.len)
        return SLICE_ABSENT;
    page = slice_sub(page, start + strlen(before), page.len);
    return slice_sub(page, 0, slice_find_slice(page, slice_str(after)));
}

static void add_pair(struct buf *form, const char *name, struct slice value)
{
    buf_addf(form, "%s%s=", form->len ? "&" : "", name);
    percent_encode(form, value);
}

/* ---- the pages in their order ---- */

static enum status log_in(struct browser *browser, struct slice login_url)
{
    struct buf form = buf_in(browser->arena);
    TRY(visit(browser, SLICE("GET"), login_url, SLICE_ABSENT));
    struct slice csrf = between(browser, "name=\"csrf_token\" value=\"", "\"");
    struct slice return_to = between(browser, "name=\"return_to\" value=\"", "\"");
    struct slice action = between(browser, "<form method=\"post\" action=\"", "\"");
    if (slice_is_absent(csrf) || slice_is_absent(return_to) || slice_is_absent(action))
        return complain(browser, "this is not the login page");
    add_pair(&form, "username", browser->owner->username);
    add_pair(&form, "password", browser->owner->password);
    add_pair(&form, "csrf_token", csrf);
    add_pair(&form, "return_to", return_to);
    TRY(visit(browser, SLICE("POST"), on_site(browser, action), buf_slice(&form)));
    return browser->page.http_status == 302 ? STATUS_OK : complain(browser, "the login was refused");
}

static enum status consent(struct browser *browser)
{
    struct buf form = buf_in(browser->arena);
    struct slice token = between(browser, "name=\"oauth_token\" value=\"", "\"");
    struct slice csrf = between(browser, "name=\"csrf_token\" value=\"", "\"");
    struct slice action = between(browser, "<form method=\"post\" action=\"", "\"");
    if (slice_is_absent(token) || slice_is_absent(csrf) || slice_is_absent(action))
        return complain(browser, "this is not the consent page");
    add_pair(&form, "oauth_token", token);
    add_pair(&form, "csrf_token", csrf);
    add_pair(&form, "decision", SLICE("grant"));
    return visit(browser, SLICE("POST"), on_site(browser, action), buf_slice(&form));
}

static enum status read_verifier(struct browser *browser, struct slice *ret_verifier)
{
    struct slice location = client_response_header(&browser->page, "Location", 0);
    struct form form = {0};
    if (browser->page.http_status == 200) {
        struct slice shown = between(browser, "id=\"verifier\">", "<");
        if (slice_is_absent(shown))
            return complain(browser, "the page shows no code");
        *ret_verifier = shown;
        return STATUS_OK;
    }
    struct slice query = slice_sub(location, slice_find(location, '?') + 1, location.len);
    if (browser->page.http_status != 302 || form_parse(browser->arena, query, &form) != STATUS_OK ||
        form_get_single(&form, "oauth_verifier", ret_verifier) != STATUS_OK)
        return complain(browser, "access was not granted");
    return STATUS_OK;
}

enum status owner_grant(const struct owner *owner, struct slice authorization_url, struct arena *arena,
                        struct slice *ret_verifier, const char **ret_why)
{
    struct browser browser = {.owner = owner, .arena = arena, .cookies = buf_in(arena), .ret_why = ret_why};
    TRY(visit(&browser, SLICE("GET"), authorization_url, SLICE_ABSENT));
    struct slice login = client_response_header(&browser.page, "Location", 0);
    if (browser.page.http_status != 302 || slice_find_slice(login, SLICE("/login")) == login.len)
        return complain(&browser, "the authorization page did not lead to the login page");
    TRY(log_in(&browser, on_site(&browser, login)));
    TRY(visit(&browser, SLICE("GET"), authorization_url, SLICE_ABSENT));
    TRY(consent(&browser));
    return read_verifier(&browser, ret_verifier);
}
