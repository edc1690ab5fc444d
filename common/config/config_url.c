#include "config/config_parse.h"

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

static bool host_is_name(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!is_host_byte(host.ptr[i]))
            return false;
    return host.len > 0 && host.len <= 253;
}

/* Cuts "[v6]" or "name" off the front of an authority; the rest is "" or ":port". */
static bool cut_host(struct slice *authority, struct slice *ret_host)
{
    struct slice text = *authority;
    bool bracketed = text.len > 0 && text.ptr[0] == '[';
    size_t end = bracketed ? slice_find(text, ']') + 1 : slice_find(text, ':');
    if (end > text.len)
        return false;
    struct slice host = slice_sub(text, 0, end);
    struct address ignored;
    if (bracketed ? !address_parse(host, &ignored) : !host_is_name(host))
        return false;
    *ret_host = bracketed ? slice_sub(host, 1, host.len - 1) : host;
    *authority = slice_sub(text, end, text.len);
    return true;
}

static bool parse_port(struct slice rest, uint16_t scheme_port, uint16_t *ret_port)
{
    uint64_t port = scheme_port;
    if (rest.len > 0 && (rest.ptr[0] != ':' || !slice_to_u64(slice_sub(rest, 1, rest.len), 65535, &port) || port == 0))
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static struct slice lower_copy(struct arena *arena, struct slice text)
{
    char *copy = arena_bytes(arena, text.len);
    for (size_t i = 0; copy && i < text.len; i++)
        copy[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] + 32) : text.ptr[i];
    return slice_of(copy, text.len);
}

/* host[:port] as a browser would send it: without the scheme's own port. */
static struct slice write_authority(const struct config_url *url, uint16_t scheme_port, struct arena *arena)
{
    struct buf out = buf_in(arena);
    bool v6 = slice_find(url->host, ':') < url->host.len;
    buf_addf(&out, v6 ? "[%.*s]" : "%.*s", SLICE_ARGS(url->host));
    if (url->port != scheme_port)
        buf_addf(&out, ":%u", (unsigned)url->port);
    return out.failed ? SLICE_ABSENT : buf_slice(&out);
}

static bool cut_scheme(struct slice *rest, struct slice *ret_scheme, uint16_t *ret_port)
{
    static const struct {
        struct slice prefix;
        struct slice scheme;
        uint16_t port;
    } schemes[] = {
        {SLICE_INIT("https://"), SLICE_INIT("https"), 443},
        {SLICE_INIT("http://"), SLICE_INIT("http"), 80},
    };
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (!slice_eq_nocase(slice_sub(*rest, 0, schemes[i].prefix.len), schemes[i].prefix))
            continue;
        *rest = slice_sub(*rest, schemes[i].prefix.len, rest->len);
        *ret_scheme = schemes[i].scheme;
        *ret_port = schemes[i].port;
        return true;
    }
    return false;
}

static bool path_is_clean(struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= ' ' || (unsigned char)path.ptr[i] >= 0x7F || path.ptr[i] == '\\')
            return false;
    return true;
}

bool config_parse_base_url(struct slice text, struct arena *arena, struct config_url *ret_url, const char **ret_why)
{
    struct config_url url = {.text = text};
    struct slice rest = text;
    uint16_t scheme_port = 0;
    *ret_why = "is no URL; write https://host[:port]";
    if (!cut_scheme(&rest, &url.scheme, &scheme_port))
        return false;
    if (slice_find(rest, '?') < rest.len || slice_find(rest, '#') < rest.len) {
        *ret_why = "must have no query and no fragment";
        return false;
    }
    size_t slash = slice_find(rest, '/');
    struct slice authority = slice_sub(rest, 0, slash);
    url.path = slice_sub(rest, slash, rest.len);
    if (slice_find(authority, '@') < authority.len) {
        *ret_why = "must have no user or password";
        return false;
    }
    struct slice host = SLICE_ABSENT;
    if (!cut_host(&authority, &host) || !parse_port(authority, scheme_port, &url.port) || !path_is_clean(url.path))
        return false;
    while (url.path.len > 0 && url.path.ptr[url.path.len - 1] == '/') {
        url.path.len--;
        url.text.len--;
    }
    url.host = lower_copy(arena, host);
    url.authority = slice_is_absent(url.host) ? SLICE_ABSENT : write_authority(&url, scheme_port, arena);
    *ret_why = status_text(STATUS_NO_MEMORY);
    if (slice_is_absent(url.authority))
        return false;
    *ret_url = url;
    return true;
}
