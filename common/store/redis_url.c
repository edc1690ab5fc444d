#include "store/redis_url.h"

#include "base/percent.h"
#include "base/wipe.h"
#include "store/redis_tls.h"

#include <stdio.h>

enum { REDIS_PORT = 6379, DATABASE_MAX = 65535 };

static enum status refuse(struct buf *why, const char *problem)
{
    buf_addf(why, "OAUTH1_REDIS_URL: %s", problem);
    return STATUS_BAD_INPUT;
}

/* Percent-decoded and terminated; a NUL in it would cut it. */
static bool decode(struct slice text, char *out, size_t size)
{
    size_t len = 0;
    if (text.len >= size || !percent_decode(text, PLUS_LITERAL, out, &len) || memchr(out, '\0', len))
        return false;
    out[len] = '\0';
    return true;
}

static bool copy(struct slice text, char *out, size_t size)
{
    if (text.len >= size || (text.len && memchr(text.ptr, '\0', text.len)))
        return false;
    if (text.len)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* "user:password@" off the front: up to the last '@' before the path. */
static enum status cut_login(struct slice *rest, struct buf *why, struct redis_target *target)
{
    size_t end = slice_find(*rest, '/');
    size_t at = end;
    for (size_t i = 0; i < end; i++)
        if (rest->ptr[i] == '@')
            at = i;
    if (at == end)
        return STATUS_OK;
    bool has_password = false;
    struct slice password = slice_sub(*rest, 0, at);
    struct slice user = slice_cut(&password, ':', &has_password);
    if (!has_password)
        return refuse(why, "there is a user without a password; write redis://user:password@host:6379");
    if (!decode(user, target->user, sizeof target->user) ||
        !decode(password, target->password, sizeof target->password))
        return refuse(why, "the user or the password is too long or not percent-encoded");
    *rest = slice_sub(*rest, at + 1, rest->len);
    return STATUS_OK;
}

static enum status parse_database(struct slice text, struct buf *why, struct redis_target *target)
{
    uint64_t number = 0;
    if (text.len && !slice_to_u64(text, DATABASE_MAX, &number))
        return refuse(why, "the database must be a number, as in redis://host:6379/0");
    target->database = (unsigned)number;
    return STATUS_OK;
}

/* "name", "name:port", "[v6]:port". */
static enum status parse_host(struct slice authority, struct buf *why, struct redis_target *target)
{
    bool bracketed = authority.len && authority.ptr[0] == '[';
    size_t end = bracketed ? slice_find(authority, ']') : slice_find(authority, ':');
    struct slice host = slice_sub(authority, bracketed, end);
    struct slice port = slice_sub(authority, end + bracketed, authority.len);
    uint64_t number = REDIS_PORT;
    if (host.len == 0 || !copy(host, target->host, sizeof target->host))
        return refuse(why, "there is no host in it; write redis://host:6379");
    if (port.len && (port.ptr[0] != ':' || !slice_to_u64(slice_sub(port, 1, port.len), 65535, &number) || number == 0))
        return refuse(why, "the port must be a number from 1 to 65535");
    target->port = (uint16_t)number;
    (void)snprintf(target->shown, sizeof target->shown, bracketed ? "[%s]:%u" : "%s:%u", target->host,
                   (unsigned)target->port);
    return STATUS_OK;
}

static enum status parse_options(struct slice query, struct buf *why, struct redis_target *target)
{
    if (query.len == 0)
        return STATUS_OK;
    if (!target->wants_tls || !slice_starts_with(query, SLICE("ca=")))
        return refuse(why, "behind the '?' only ca=FILE may stand, with rediss://");
    if (query.len == 3 || !decode(slice_sub(query, 3, query.len), target->ca_file, sizeof target->ca_file))
        return refuse(why, "the name of the ca file is empty, too long or not percent-encoded");
    return STATUS_OK;
}

static enum status parse_tcp(struct slice rest, struct buf *why, struct redis_target *target)
{
    bool has_path = false;
    bool has_query = false;
    TRY(cut_login(&rest, why, target));
    struct slice query = rest;
    rest = slice_cut(&query, '?', &has_query);
    TRY(parse_options(query, why, target));
    struct slice authority = slice_cut(&rest, '/', &has_path);
    TRY(parse_host(authority, why, target));
    return parse_database(rest, why, target);
}

static enum status parse_tls(struct slice rest, struct buf *why, struct redis_target *target)
{
    target->wants_tls = true;
    return parse_tcp(rest, why, target);
}

static enum status parse_unix(struct slice rest, struct buf *why, struct redis_target *target)
{
    bool has_query = false;
    TRY(cut_login(&rest, why, target));
    struct slice path = slice_cut(&rest, '?', &has_query);
    if (path.len < 2 || path.ptr[0] != '/' || !copy(path, target->path, sizeof target->path))
        return refuse(why, "a socket is written redis+unix:///path, of at most 107 characters");
    if (rest.len && !slice_starts_with(rest, SLICE("db=")))
        return refuse(why, "behind the socket's path only ?db=NUMBER may stand");
    (void)snprintf(target->shown, sizeof target->shown, "%s", target->path);
    return parse_database(slice_sub(rest, 3, rest.len), why, target);
}

static enum status take_password(struct slice password, struct buf *why, struct redis_target *target)
{
    if (slice_is_absent(password))
        return STATUS_OK;
    if (copy(password, target->password, sizeof target->password))
        return STATUS_OK;
    buf_add_str(why, "OAUTH1_REDIS_PASSWORD: is too long, or has a NUL in it");
    return STATUS_BAD_INPUT;
}

static enum status parse(struct slice url, struct buf *why, struct redis_target *target)
{
    static const struct {
        struct slice scheme;
        enum status (*parse)(struct slice rest, struct buf *why, struct redis_target *target);
    } schemes[] = {
        {SLICE_INIT("redis://"), parse_tcp},
        {SLICE_INIT("rediss://"), parse_tls},
        {SLICE_INIT("redis+unix://"), parse_unix},
    };
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (slice_starts_with(url, schemes[i].scheme))
            return schemes[i].parse(slice_sub(url, schemes[i].scheme.len, url.len), why, target);
    return refuse(why, "this kind of store is not in this version; write memory:, redis://host:6379, "
                       "rediss://host:6379 or redis+unix:///path");
}

enum status redis_url_parse(struct slice url, struct slice password, struct buf *why, struct redis_target *ret_target)
{
    struct redis_target target = {0};
    enum status status = parse(url, why, &target);
    if (status == STATUS_OK)
        status = take_password(password, why, &target);
    if (status == STATUS_OK)
        *ret_target = target;
    redis_target_done(&target);
    return status;
}

enum status redis_target_open_blocking(struct slice url, struct slice password, struct buf *why,
                                       struct redis_target *ret_target)
{
    TRY(redis_url_parse(url, password, why, ret_target));
    if (!ret_target->wants_tls)
        return STATUS_OK;
    enum status status = redis_tls_new_blocking(ret_target->ca_file, why, &ret_target->tls);
    if (status != STATUS_OK)
        redis_target_done(ret_target);
    return status;
}

void redis_target_done(struct redis_target *target)
{
    redis_tls_free(target->tls);
    target->tls = NULL;
    wipe_bytes(target->password, sizeof target->password);
}
