#include "cli/owner.h"

#include "base/buf.h"
#include "base/percent.h"
#include "cli/http_client.h"
#include "http/form.h"
#include "oauth/url.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

enum { PAGES_MAX = 8, COOKIES_MAX = 8 };

struct cookie {
    struct slice name;
    struct slice value;
};

struct browser {
    const struct owner *owner;
    struct arena *arena;
    struct slice origin; /* of the service: what cookies are for, and what is followed */
    struct cookie cookies[COOKIES_MAX];
    size_t cookie_count;
    bool tried_login;
    struct client_response page;
    const char **ret_why;
};

/* ---- cookies ---- */

static void keep_cookie(struct browser *browser, struct slice text)
{
    bool more = false;
    struct slice value = slice_cut(&text, ';', &more);
    struct slice name = slice_cut(&value, '=', &more);
    size_t at = 0;
    while (at < browser->cookie_count && !slice_eq(browser->cookies[at].name, name))
        at++;
    if (at == COOKIES_MAX)
        return;
    browser->cookies[at] = (struct cookie){name, value};
    if (at == browser->cookie_count)
        browser->cookie_count++;
}

static struct slice cookie_header(const struct browser *browser)
{
    struct buf text = buf_in(browser->arena);
    for (size_t i = 0; i < browser->cookie_count; i++) {
        if (browser->cookies[i].value.len == 0)
            continue; /* ended */
        buf_add_str(&text, text.len ? "; " : "");
        buf_add(&text, browser->cookies[i].name);
        buf_add_byte(&text, '=');
        buf_add(&text, browser->cookies[i].value);
    }
    return text.len ? buf_slice(&text) : SLICE_ABSENT;
}

/* ---- pages ---- */

static void tell_owner(const struct browser *browser, const char *label, struct slice text)
{
    if (browser->owner->tell)
        browser->owner->tell(browser->owner->context, label, text);
}

static void tell_answer(const struct browser *browser)
{
    struct buf text = buf_in(browser->arena);
    struct slice location = client_response_header(&browser->page, "Location", 0);
    buf_addf(&text, "%d%s", browser->page.http_status, slice_is_absent(location) ? "" : ", to ");
    buf_add(&text, location);
    tell_owner(browser, "answer", buf_slice(&text));
}

/* An absent body is a GET. */
static enum status visit_url(struct browser *browser, struct slice url, struct slice body)
{
    bool get = slice_is_absent(body);
    const struct client_request request = {
        .method = get ? SLICE("GET") : SLICE("POST"),
        .url = url,
        .content_type = get ? SLICE_ABSENT : SLICE(FORM_TYPE),
        .cookie = cookie_header(browser),
        .body = body,
        .ca_file = browser->owner->ca_file,
    };
    tell_owner(browser, get ? "GET" : "POST", url);
    TRY(http_client_send_blocking(&request, browser->arena, &browser->page, browser->ret_why));
    tell_answer(browser);
    for (size_t i = 0;; i++) {
        struct slice cookie = client_response_header(&browser->page, "Set-Cookie", i);
        if (slice_is_absent(cookie))
            return STATUS_OK;
        keep_cookie(browser, cookie);
    }
}

/* What stands between `before` and `after` in the page; absent if it is not there. */
static struct slice text_between(const struct browser *browser, const char *before, const char *after)
{
    struct slice page = browser->page.body;
    size_t start = slice_find_slice(page, slice_str(before));
    if (start == page.len)
        return SLICE_ABSENT;
    page = slice_sub(page, start + strlen(before), page.len);
    return slice_sub(page, 0, slice_find_slice(page, slice_str(after)));
}

/* The value of an attribute, without the references that http/page writes. */
static struct slice attribute_of(const struct browser *browser, const char *before)
{
    static const struct {
        struct slice reference;
        char byte;
    } references[] = {
        {SLICE_INIT("&amp;"), '&'},  {SLICE_INIT("&lt;"), '<'},   {SLICE_INIT("&gt;"), '>'},
        {SLICE_INIT("&quot;"), '"'}, {SLICE_INIT("&#39;"), '\''}, {SLICE_INIT("&#96;"), '`'},
    };
    struct slice rest = text_between(browser, before, "\"");
    struct buf text = buf_in(browser->arena);
    if (slice_is_absent(rest))
        return rest;
    while (rest.len) {
        size_t len = 1;
        char byte = rest.ptr[0];
        for (size_t i = 0; i < COUNT_OF(references); i++) {
            if (!slice_starts_with(rest, references[i].reference))
                continue;
            len = references[i].reference.len;
            byte = references[i].byte;
        }
        buf_add_byte(&text, byte);
        rest = slice_sub(rest, len, rest.len);
    }
    return text.failed ? SLICE_ABSENT : buf_slice(&text);
}

static enum status complain_of_page(struct browser *browser, const char *what)
{
    struct buf text = buf_in(browser->arena);
    struct slice said = text_between(browser, "role=\"alert\">", "<");
    if (slice_is_absent(said))
        said = text_between(browser, "class=\"error\">", "<");
    buf_addf(&text, "%s (status %d)", what, browser->page.http_status);
    buf_add_str(&text, slice_is_absent(said) ? "" : ": ");
    buf_add(&text, said);
    *browser->ret_why = buf_string(&text);
    return *browser->ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

/* ---- what to do on which page ---- */

static void add_form_pair(struct buf *form, const char *name, struct slice value)
{
    buf_addf(form, "%s%s=", form->len ? "&" : "", name);
    percent_encode(form, value);
}

/* Posts the page's first form: these fields, and its own hidden ones. */
static enum status submit_form(struct browser *browser, struct buf *form)
{
    static const struct {
        const char *name, *before;
    } hidden[] = {
        {"csrf_token", "name=\"csrf_token\" value=\""},
        {"return_to", "name=\"return_to\" value=\""},
        {"oauth_token", "name=\"oauth_token\" value=\""},
        {"scope", "name=\"scope\" value=\""},
    };
    struct buf url = buf_in(browser->arena);
    struct slice action = attribute_of(browser, "<form method=\"post\" action=\"");
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        struct slice value = attribute_of(browser, hidden[i].before);
        if (!slice_is_absent(value))
            add_form_pair(form, hidden[i].name, value);
    }
    if (!slice_starts_with(action, SLICE("/")))
        return complain_of_page(browser, "the page has no form that we know");
    buf_add(&url, browser->origin);
    buf_add(&url, action);
    if (url.failed || form->failed)
        return STATUS_NO_MEMORY;
    return visit_url(browser, buf_slice(&url), buf_slice(form));
}

static enum status log_in(struct browser *browser)
{
    struct buf form = buf_in(browser->arena);
    if (browser->tried_login)
        return complain_of_page(browser, "the login was refused");
    browser->tried_login = true;
    add_form_pair(&form, "username", browser->owner->username);
    add_form_pair(&form, "password", browser->owner->password);
    return submit_form(browser, &form);
}

static enum status allow_access(struct browser *browser)
{
    struct buf form = buf_in(browser->arena);
    add_form_pair(&form, "decision", SLICE("grant"));
    return submit_form(browser, &form);
}

static struct slice verifier_in_url(struct slice url, struct arena *arena)
{
    struct form query = {0};
    size_t mark = slice_find(url, '?');
    struct slice text = mark < url.len ? slice_sub(url, mark + 1, url.len) : url;
    return form_parse(arena, text, &query) == STATUS_OK ? form_get(&query, "oauth_verifier", NULL) : SLICE_ABSENT;
}

static enum status follow_location(struct browser *browser, struct slice location)
{
    struct buf url = buf_in(browser->arena);
    if (slice_starts_with(location, SLICE("/")))
        buf_add(&url, browser->origin);
    buf_add(&url, location);
    struct slice text = buf_slice(&url);
    struct slice rest = slice_sub(text, browser->origin.len, text.len);
    if (!slice_starts_with(text, browser->origin) || !slice_starts_with(rest, SLICE("/")))
        return complain_of_page(browser, "the browser is sent to another site, with no verifier");
    return url.failed ? STATUS_NO_MEMORY : visit_url(browser, text, SLICE_ABSENT);
}

/* One step; *ret_verifier stays absent while there is more to do. */
static enum status take_next_step(struct browser *browser, struct slice *ret_verifier)
{
    int http_status = browser->page.http_status;
    if (http_status == 302 || http_status == 303) {
        struct slice location = client_response_header(&browser->page, "Location", 0);
        *ret_verifier = verifier_in_url(location, browser->arena);
        return slice_is_absent(*ret_verifier) ? follow_location(browser, location) : STATUS_OK;
    }
    if (!slice_is_absent(text_between(browser, "name=\"password\"", ">")))
        return log_in(browser);
    if (!slice_is_absent(text_between(browser, "name=\"decision\" value=\"grant\"", ">")))
        return allow_access(browser);
    *ret_verifier = text_between(browser, "id=\"verifier\">", "<");
    return slice_is_absent(*ret_verifier) ? complain_of_page(browser, "access was not granted") : STATUS_OK;
}

enum status owner_grant_blocking(const struct owner *owner, struct slice authorization_url, struct arena *arena,
                                 struct slice *ret_verifier, const char **ret_why)
{
    struct browser browser = {.owner = owner, .arena = arena, .ret_why = ret_why};
    struct oauth_url url = {0};
    struct problem problem = {0};
    struct buf origin = buf_in(arena);
    struct slice verifier = SLICE_ABSENT;
    *ret_why = "the authorization page has no usable URL";
    if (oauth_url_parse(authorization_url, &url, &problem) != STATUS_OK)
        return STATUS_BAD_INPUT;
    oauth_url_write_origin(&url, &origin);
    browser.origin = buf_slice(&origin);
    TRY(visit_url(&browser, authorization_url, SLICE_ABSENT));
    for (int pages = 0; slice_is_absent(verifier); pages++) {
        if (pages == PAGES_MAX)
            return complain_of_page(&browser, "the browser is sent in circles");
        TRY(take_next_step(&browser, &verifier));
    }
    *ret_verifier = verifier;
    return STATUS_OK;
}

struct slice owner_pasted_verifier(struct slice pasted, struct arena *arena)
{
    pasted = slice_trim(pasted);
    if (slice_find_slice(pasted, SLICE("oauth_verifier=")) == pasted.len)
        return slice_find(pasted, ':') < pasted.len ? SLICE_ABSENT : pasted;
    return verifier_in_url(pasted, arena);
}
