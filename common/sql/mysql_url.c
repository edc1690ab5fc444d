#include "sql/mysql_url.h"

#include "base/address.h"
#include "base/percent.h"

enum { URL_LIMIT_BYTES = 64 << 10, MYSQL_PORT = 3306, PORT_MAX = 65535 };

struct parse {
    struct mysql_url url;
    const char *variable;
    struct buf *why;
    bool tls_given;
};

static enum status refuse_mysql_url(const struct parse *p, const char *what)
{
    buf_addf(p->why, "%s: %s; write mysql://user:password@host:3306/database, with special characters as %%XX",
             p->variable, what);
    return STATUS_BAD_INPUT;
}

void mysql_url_done(struct mysql_url *url)
{
    arena_done(&url->arena);
    *url = (struct mysql_url){0};
}

/* Decoded and terminated. `what` is told where it cannot be. */
static enum status take_part(struct parse *p, struct slice text, const char *what, const char **ret_text)
{
    size_t len = 0;
    char *copy = arena_bytes(&p->url.arena, text.len + 1);
    if (!copy)
        return STATUS_NO_MEMORY;
    if (!percent_decode(text, PLUS_LITERAL, copy, &len) || slice_find(slice_of(copy, len), '\0') < len)
        return refuse_mysql_url(p, what);
    copy[len] = '\0';
    *ret_text = copy;
    return STATUS_OK;
}

/* ---- user:password@host:port ---- */

/* The last '@': a password that was not encoded may have some, too. */
static size_t find_last(struct slice text, char byte)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != byte)
        at--;
    return at; /* behind it; 0 if there is none */
}

static enum status take_user(struct parse *p, struct slice text, struct slice password)
{
    bool given = false;
    struct slice user = slice_cut(&text, ':', &given);
    if (user.len == 0)
        return refuse_mysql_url(p, "there is no user in it");
    TRY(take_part(p, user, "the user is not well encoded", &p->url.user));
    if (given)
        return take_part(p, text, "the password is not well encoded", &p->url.password);
    p->url.password = arena_string(&p->url.arena, slice_is_absent(password) ? SLICE("") : password);
    return p->url.password ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status take_host(struct parse *p, struct slice text)
{
    bool bracketed = text.len > 0 && text.ptr[0] == '[';
    size_t end = bracketed ? slice_find(text, ']') : slice_find(text, ':');
    struct slice host = slice_sub(text, bracketed ? 1 : 0, end);
    struct slice port = slice_sub(text, bracketed ? end + 1 : end, text.len);
    uint64_t number = MYSQL_PORT;
    if (bracketed && end == text.len)
        return refuse_mysql_url(p, "a ] is missing");
    if (port.len && (port.ptr[0] != ':' || !slice_to_u64(slice_sub(port, 1, port.len), PORT_MAX, &number) || !number))
        return refuse_mysql_url(p, "the port must be a number from 1 to 65535");
    p->url.port = (unsigned)number;
    p->url.host = NULL;
    return host.len ? take_part(p, host, "the host is not well encoded", &p->url.host) : STATUS_OK;
}

/* ---- ?tls=…&ca=…&socket=… ---- */

static enum status take_tls(struct parse *p, struct slice value)
{
    static const struct {
        struct slice word;
        enum mysql_tls tls;
    } words[] = {
        {SLICE_INIT("disabled"), MYSQL_TLS_DISABLED},
        {SLICE_INIT("required"), MYSQL_TLS_REQUIRED},
        {SLICE_INIT("verify-ca"), MYSQL_TLS_VERIFY_CA},
        {SLICE_INIT("verify-full"), MYSQL_TLS_VERIFY_FULL},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_eq(value, words[i].word)) {
            p->url.tls = words[i].tls;
            p->tls_given = true;
            return STATUS_OK;
        }
    return refuse_mysql_url(p, "tls must be disabled, required, verify-ca or verify-full");
}

static enum status take_option(struct parse *p, struct slice option)
{
    bool given = false;
    struct slice name = slice_cut(&option, '=', &given);
    if (slice_eq(name, SLICE("tls")))
        return take_tls(p, option);
    if (slice_eq(name, SLICE("ca")) && option.len)
        return take_part(p, option, "ca is not well encoded", &p->url.ca);
    if (slice_eq(name, SLICE("socket")) && option.len)
        return take_part(p, option, "socket is not well encoded", &p->url.socket);
    return refuse_mysql_url(
        p, "after the ? only tls=…, ca=FILE and socket=PATH are known"); /* not shown: it may be a password's */
}

static enum status take_options(struct parse *p, struct slice text)
{
    for (bool more = text.len > 0; more;)
        TRY(take_option(p, slice_cut(&text, '&', &more)));
    return STATUS_OK;
}

/* ---- the whole ---- */

static bool is_local(const struct mysql_url *url)
{
    return url->socket || address_host_is_loopback(slice_str(url->host));
}

static enum status check_parts(struct parse *p)
{
    struct mysql_url *url = &p->url;
    if (url->socket && url->host && !slice_eq_nocase(slice_str(url->host), SLICE("localhost")))
        return refuse_mysql_url(p, "there is a host besides the socket; keep one of them");
    if (!url->socket && !url->host)
        return refuse_mysql_url(p, "there is no host in it");
    if (url->socket)
        url->host = NULL;
    if (!p->tls_given)
        url->tls = is_local(url) ? MYSQL_TLS_DISABLED : MYSQL_TLS_VERIFY_FULL;
    if (url->socket && url->tls == MYSQL_TLS_VERIFY_FULL)
        return refuse_mysql_url(p,
                                "tls=verify-full needs a host, for a socket has no name that a certificate could hold");
    if (url->tls == MYSQL_TLS_VERIFY_CA && !url->ca)
        return refuse_mysql_url(p, "tls=verify-ca needs ca=FILE");
    if (url->ca && url->tls < MYSQL_TLS_VERIFY_CA)
        return refuse_mysql_url(p, "ca=FILE needs tls=verify-full or tls=verify-ca");
    return STATUS_OK;
}

static enum status write_shown(struct parse *p)
{
    struct mysql_url *url = &p->url;
    struct buf text = buf_in(&url->arena);
    if (url->socket)
        buf_addf(&text, "%s at the socket %s, user %s", url->database, url->socket, url->user);
    else
        buf_addf(&text, "%s at %s:%u, user %s", url->database, url->host, url->port, url->user);
    url->shown = buf_string(&text);
    return url->shown ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status parse_url(struct parse *p, struct slice text, struct slice password)
{
    bool more = false;
    if (!slice_starts_with(text, SLICE("//")))
        return refuse_mysql_url(p, "it is no URL");
    text = slice_sub(text, 2, text.len);
    struct slice authority = slice_cut(&text, '/', &more);
    struct slice database = slice_cut(&text, '?', &more);
    size_t host = find_last(authority, '@');
    if (database.len == 0 || slice_find(database, '/') < database.len)
        return refuse_mysql_url(p, "there is no database in it, or a / that should be %2F");
    TRY(take_user(p, slice_sub(authority, 0, host ? host - 1 : 0), password));
    TRY(take_host(p, slice_sub(authority, host, authority.len)));
    TRY(take_part(p, database, "the database is not well encoded", &p->url.database));
    TRY(take_options(p, more ? text : SLICE("")));
    TRY(check_parts(p));
    return write_shown(p);
}

enum status mysql_url_parse(struct slice text, struct slice password, const char *variable, struct buf *why,
                            struct mysql_url *ret_url)
{
    struct parse p = {.variable = variable, .why = why};
    arena_init(&p.url.arena, URL_LIMIT_BYTES);
    enum status status = parse_url(&p, text, password);
    if (status != STATUS_OK) {
        mysql_url_done(&p.url);
        return status;
    }
    *ret_url = p.url;
    return STATUS_OK;
}
