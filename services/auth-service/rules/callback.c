#include "rules/callback.h"

#include "base/address.h"
#include "base/percent.h"
#include "oauth/url.h"

bool callback_is_oob(struct slice callback)
{
    return slice_eq(callback, SLICE("oob"));
}

/* The scheme without its colon; empty if the text does not begin with one (RFC 3986 §3.1). */
static struct slice scheme_of(struct slice uri)
{
    struct slice scheme = slice_sub(uri, 0, slice_find(uri, ':'));
    for (size_t i = 0; i < scheme.len; i++) {
        unsigned char c = (unsigned char)scheme.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other))
            return (struct slice){0};
    }
    return scheme.len < uri.len ? scheme : (struct slice){0};
}

static bool is_web(struct slice uri)
{
    struct slice scheme = scheme_of(uri);
    return slice_eq_nocase(scheme, SLICE("http")) || slice_eq_nocase(scheme, SLICE("https"));
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '<' || c == '>' || c == '\\')
            return false;
    }
    return true;
}

/* What a browser would run or read instead of calling the client. */
static bool is_dangerous(struct slice scheme)
{
    static const struct slice schemes[] = {SLICE_INIT("javascript"), SLICE_INIT("data"),       SLICE_INIT("vbscript"),
                                           SLICE_INIT("file"),       SLICE_INIT("about"),      SLICE_INIT("blob"),
                                           SLICE_INIT("filesystem"), SLICE_INIT("view-source")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (slice_eq_nocase(scheme, schemes[i]))
            return true;
    return false;
}

/* A name or an address, and nothing else: the host goes into the page's Content-Security-Policy, where `*` and `;` mean
 * something. */
static bool is_real_host(struct slice host)
{
    struct address address;
    if (slice_starts_with(host, SLICE("[")))
        return address_parse(host, &address);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true; /* oauth_url_parse takes no empty one */
}

bool callback_is_acceptable(struct slice callback, const char **ret_why)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    if (callback_is_oob(callback))
        return true;
    *ret_why = "oauth_callback must be 'oob' or an absolute URI";
    if (callback.len > CALLBACK_MAX_BYTES || scheme_of(callback).len == 0)
        return false;
    *ret_why = "oauth_callback holds a character that no URI has";
    if (!is_printable(callback))
        return false;
    *ret_why = "oauth_callback has a scheme that is never called back";
    if (is_dangerous(scheme_of(callback)))
        return false;
    *ret_why = "oauth_callback must have no fragment";
    if (slice_find(callback, '#') < callback.len)
        return false;
    *ret_why = "oauth_callback has no valid host, or a user name";
    return !is_web(callback) || (oauth_url_parse(callback, &url, &problem) == STATUS_OK && is_real_host(url.host));
}

static bool parse_web(struct slice uri, struct oauth_url *ret_url)
{
    struct problem problem = {0};
    return is_web(uri) && oauth_url_parse(uri, ret_url, &problem) == STATUS_OK;
}

bool callback_is_loopback(struct slice callback)
{
    struct oauth_url url = {0};
    return parse_web(callback, &url) && address_host_is_loopback(url.host);
}

bool callback_may_be_registered(const struct client_callback *callback, bool http_allowed, const char **ret_why)
{
    struct oauth_url url = {0};
    *ret_why = "it must be an absolute URI, as in https://app.example/cb";
    if (scheme_of(callback->uri).len == 0)
        return false;
    if (!callback_is_acceptable(callback->uri, ret_why))
        return false;
    bool web = parse_web(callback->uri, &url);
    *ret_why =
        "a * stands for what follows a path's last '/', as in https://app.example/cb/*, and a callback is compared "
        "exactly otherwise; write the whole callback, or %2A for a star";
    if (slice_find(callback->uri, '*') < callback->uri.len)
        return false;
    *ret_why = "a callback prefix must be an http or https URI whose path ends with '/' and that has no query";
    if (callback->is_prefix && (!web || url.query.len || url.path.ptr[url.path.len - 1] != '/' ||
                                slice_find(callback->uri, '?') < callback->uri.len))
        return false;
    *ret_why = "a callback must be https unless it is on a loopback address or the client is marked for http";
    return !web || url.https || http_allowed || address_host_is_loopback(url.host);
}

/* Same scheme and host, and the same port unless it is a loopback address (RFC 8252 §7.3). */
static bool same_origin(const struct oauth_url *a, const struct oauth_url *b)
{
    if (a->https != b->https || !slice_eq_nocase(a->host, b->host))
        return false;
    return address_host_is_loopback(a->host) || oauth_url_port(a) == oauth_url_port(b);
}

static bool is_dots(struct slice segment)
{
    return slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."));
}

/* What browsers resolve out of a prefix: dot segments, and escapes that become one. */
static bool can_leave(struct slice rest)
{
    static const struct slice escapes[] = {SLICE_INIT("%2e"), SLICE_INIT("%2f"), SLICE_INIT("%5c")};
    if (slice_find(rest, '\\') < rest.len)
        return true;
    for (size_t i = 0; i < rest.len; i++)
        for (size_t e = 0; e < COUNT_OF(escapes); e++)
            if (slice_eq_nocase(slice_sub(rest, i, i + 3), escapes[e]))
                return true;
    for (bool more = true; more;)
        if (is_dots(slice_cut(&rest, '/', &more)))
            return true;
    return false;
}

static bool is_under_prefix(const struct oauth_url *url, struct slice prefix)
{
    struct oauth_url base = {0};
    if (!parse_web(prefix, &base) || !same_origin(url, &base) || base.path.ptr[base.path.len - 1] != '/')
        return false;
    return slice_starts_with(url->path, base.path) && !can_leave(slice_sub(url->path, base.path.len, url->path.len));
}

static bool is_same(struct slice callback, const struct oauth_url *url, struct slice registered)
{
    struct oauth_url base = {0};
    if (slice_eq(callback, registered))
        return true;
    return address_host_is_loopback(url->host) && parse_web(registered, &base) && same_origin(url, &base) &&
           slice_eq(url->path, base.path) && slice_eq(url->query, base.query);
}

bool callback_is_registered(struct slice callback, const struct client *client)
{
    struct oauth_url url = {0}; /* of what is no web address: without a host, which is nobody's origin */
    if (callback_is_oob(callback))
        return true;
    bool web = parse_web(callback, &url);
    if (client->default_callback.len && slice_eq(callback, client->default_callback))
        return true;
    if (web && !url.https && !(client->flags & CLIENT_HTTP_CALLBACK) && !address_host_is_loopback(url.host))
        return false;
    for (size_t i = 0; i < client->callback_count; i++) {
        const struct client_callback *registered = &client->callbacks[i];
        if (registered->is_prefix ? is_under_prefix(&url, registered->uri) : is_same(callback, &url, registered->uri))
            return true;
    }
    return false;
}

void callback_write(struct slice callback, const struct callback_pair *pairs, size_t count, struct buf *out)
{
    size_t question = slice_find(callback, '?');
    char separator = question == callback.len ? '?' : '&';
    buf_add(out, callback);
    if (question + 1 == callback.len || (callback.len && callback.ptr[callback.len - 1] == '&'))
        separator = '\0'; /* an empty query, or one that ends with its separator */
    for (size_t i = 0; i < count; i++) {
        if (separator)
            buf_add_byte(out, separator);
        buf_add_str(out, pairs[i].name);
        buf_add_byte(out, '=');
        percent_encode(out, pairs[i].value);
        separator = '&';
    }
}

void callback_write_csp_source(struct slice callback, struct buf *out)
{
    struct oauth_url url = {0};
    if (callback_is_oob(callback) || callback.len == 0)
        return;
    if (parse_web(callback, &url)) {
        oauth_url_write_origin(&url, out);
        return;
    }
    buf_add(out, scheme_of(callback));
    buf_add_byte(out, ':');
}
