#include "oauth/url.h"

#include "base/percent.h"

/* RFC 1035 §2.3.4. With this bound the origin of any request fits into a fixed buffer. */
enum { HOST_MAX_BYTES = 255 };

static enum status refuse_url(struct problem *problem, const char *detail)
{
    return problem_set(problem, STATUS_MALFORMED, detail);
}

/* Cuts "http://" or "https://" off. */
static bool cut_scheme(struct slice *text, bool *ret_https)
{
    static const struct slice http = SLICE_INIT("http://");
    static const struct slice https = SLICE_INIT("https://");
    *ret_https = slice_eq_nocase(slice_sub(*text, 0, https.len), https);
    if (!*ret_https && !slice_eq_nocase(slice_sub(*text, 0, http.len), http))
        return false;
    *text = slice_sub(*text, *ret_https ? https.len : http.len, text->len);
    return true;
}

/* Returns where the authority ends (RFC 3986 §3.2). */
static size_t authority_end(struct slice text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '/' && text.ptr[at] != '?' && text.ptr[at] != '#')
        at++;
    return at;
}

/* Whether it is a reg-name or an IP-literal (RFC 3986 §3.2.2), of the characters that hosts on the wire have. */
static bool is_host(struct slice host)
{
    static const bool other[256] = {
        ['!'] = true, ['$'] = true, ['&'] = true, ['\''] = true, ['('] = true, [')'] = true,
        ['*'] = true, ['+'] = true, [';'] = true, ['='] = true,  ['%'] = true,
    };
    if (host.len > HOST_MAX_BYTES)
        return false;
    if (host.len && host.ptr[0] == '[') {
        struct slice inner = slice_sub(host, 1, host.len - 1);
        bool colon = slice_find(inner, ':') < inner.len;
        for (size_t i = 0; i < inner.len; i++)
            if (!inner.ptr[i] || !strchr("0123456789abcdefABCDEF:.", inner.ptr[i]))
                return false;
        return colon && host.ptr[host.len - 1] == ']';
    }
    for (size_t i = 0; i < host.len; i++)
        if (!percent_is_unreserved(host.ptr[i]) && !other[(unsigned char)host.ptr[i]])
            return false;
    return host.len > 0;
}

static bool parse_authority(struct slice authority, struct oauth_url *url)
{
    size_t host_end =
        authority.len && authority.ptr[0] == '[' ? slice_find(authority, ']') + 1 : slice_find(authority, ':');
    url->host = slice_sub(authority, 0, host_end);
    struct slice rest = slice_sub(authority, host_end, authority.len);
    if (!is_host(url->host))
        return false;
    if (rest.len <= 1) /* nothing, or the empty port of RFC 3986 §3.2.3 */
        return rest.len == 0 || rest.ptr[0] == ':';
    uint64_t port = 0;
    if (rest.ptr[0] != ':' || !slice_to_u64(slice_sub(rest, 1, rest.len), UINT16_MAX, &port) || port == 0)
        return false;
    url->port = (uint16_t)port;
    return true;
}

/* Does not stop at the first bad byte, so that the compiler can look at many bytes at a time. */
static bool is_clean(struct slice text)
{
    unsigned unclean = 0;
    for (size_t i = 0; i < text.len; i++)
        unclean |= (unsigned)((unsigned char)text.ptr[i] <= ' ') | (unsigned)(text.ptr[i] == 0x7F);
    return !unclean;
}

enum status oauth_url_parse(struct slice text, struct oauth_url *ret_url, struct problem *problem)
{
    struct oauth_url url = {0};
    struct slice rest = text;
    if (!is_clean(text))
        return refuse_url(problem, "the URL holds white space or a control character");
    if (!cut_scheme(&rest, &url.https))
        return refuse_url(problem, "the URL must be absolute and begin with http:// or https://");
    struct slice authority = slice_sub(rest, 0, authority_end(rest));
    if (slice_find(authority, '@') < authority.len)
        return refuse_url(problem, "the URL must not hold a user name");
    if (!parse_authority(authority, &url))
        return refuse_url(problem, "the URL has no valid host and port");
    rest = slice_sub(rest, authority.len, rest.len);
    if (slice_find(rest, '#') < rest.len)
        return refuse_url(problem, "the URL has a fragment, which no client sends");
    bool has_query = false;
    url.path = slice_cut(&rest, '?', &has_query);
    if (url.path.len == 0)
        url.path = SLICE("/"); /* RFC 3986 §6.2.3; RFC 5849 §3.4.1.2 signs what HTTP sends */
    url.query = rest;
    *ret_url = url;
    return STATUS_OK;
}

uint16_t oauth_url_port(const struct oauth_url *url)
{
    return url->port ? url->port : url->https ? 443 : 80;
}

void oauth_url_write_origin(const struct oauth_url *url, struct buf *out)
{
    buf_add_str(out, url->https ? "https://" : "http://");
    for (size_t i = 0; i < url->host.len; i++) {
        char c = url->host.ptr[i];
        buf_add_byte(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    /* RFC 5849 §3.4.1.2: the default port of the scheme MUST be left out, any other MUST be there */
    if (oauth_url_port(url) != (url->https ? 443 : 80)) {
        buf_add_byte(out, ':');
        buf_add_u64(out, url->port);
    }
}

void oauth_url_write_base_uri(const struct oauth_url *url, struct buf *out)
{
    oauth_url_write_origin(url, out);
    buf_add(out, url->path);
}
