#include "redis/url.h"

#include "base/percent.h"
#include "base/wipe.h"
#include "store/store_url.h"

#include <stdio.h>

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, DATABASE_MAX = 65535 };

static enum status refuse_redis_url(struct buf *why, const char *fault)
{
    buf_addf(why, "OAUTH1_REDIS_URL: %s", fault);
    return STATUS_BAD_INPUT;
}

/* Percent-decoded and terminated; a NUL in it would cut it. */
static bool decode_part(struct slice text, char *out, size_t size)
{
    size_t len = 0;
    if (text.len >= size || !percent_decode(text, PLUS_LITERAL, out, &len) || memchr(out, '\0', len))
        return false;
    out[len] = '\0';
    return true;
}

static bool copy_part(struct slice text, char *out, size_t size)
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
    bool has_password = false; /* if not it may come apart from the URL */
    struct slice password = slice_sub(*rest, 0, at);
    struct slice user = slice_cut(&password, ':', &has_password);
    if (!decode_part(user, target->login.user, sizeof target->login.user) ||
        !decode_part(password, target->login.password, sizeof target->login.password))
        return refuse_redis_url(why, "the user or the password is too long or not percent-encoded");
    *rest = slice_sub(*rest, at + 1, rest->len);
    return STATUS_OK;
}

static enum status parse_database(struct slice text, struct buf *why, struct redis_target *target)
{
    uint64_t number = 0;
    if (text.len && !slice_to_u64(text, DATABASE_MAX, &number))
        return refuse_redis_url(why, "the database must be a number, as in redis://host:6379/0");
    target->database = (unsigned)number;
    return STATUS_OK;
}

/* "name", "name:port", "[v6]:port". */
static enum status parse_place(struct slice authority, uint16_t default_port, struct buf *why,
                               struct redis_place *ret_place)
{
    bool bracketed = authority.len && authority.ptr[0] == '[';
    size_t end = bracketed ? slice_find(authority, ']') : slice_find(authority, ':');
    struct slice host = slice_sub(authority, bracketed, end);
    struct slice port = slice_sub(authority, end + bracketed, authority.len);
    uint64_t number = default_port;
    if (bracketed && end == authority.len)
        return refuse_redis_url(why, "the ] behind an IPv6 address is missing");
    if (host.len == 0 || !copy_part(host, ret_place->host, sizeof ret_place->host))
        return refuse_redis_url(why, "there is no host in it; write redis://host:6379");
    if (port.len && (port.ptr[0] != ':' || !slice_to_u64(slice_sub(port, 1, port.len), 65535, &number) || number == 0))
        return refuse_redis_url(why, "the port must be a number from 1 to 65535");
    ret_place->port = (uint16_t)number;
    return STATUS_OK;
}

static enum status parse_option(struct slice option, struct buf *why, struct redis_target *target)
{
    bool has_value = false;
    struct slice value = option;
    struct slice name = slice_cut(&value, '=', &has_value);
    bool by_sentinels = target->sentinels.count > 0;
    struct redis_login *login = &target->sentinels.login;
    if (target->wants_tls && slice_eq(name, SLICE("ca"))) {
        if (value.len == 0 || !decode_part(value, target->ca_file, sizeof target->ca_file))
            return refuse_redis_url(why, "the name of the ca file is empty, too long or not percent-encoded");
    } else if (by_sentinels && slice_eq(name, SLICE("sentinel_user"))) {
        if (!decode_part(value, login->user, sizeof login->user))
            return refuse_redis_url(why, "sentinel_user is too long or not percent-encoded");
    } else if (by_sentinels && slice_eq(name, SLICE("sentinel_password"))) {
        if (!decode_part(value, login->password, sizeof login->password))
            return refuse_redis_url(why, "sentinel_password is too long or not percent-encoded");
    } else {
        return refuse_redis_url(why,
                                "behind the '?' only ca=FILE may stand, with rediss://, and sentinel_user=USER and "
                                "sentinel_password=PASSWORD, with redis+sentinel://");
    }
    return STATUS_OK;
}

static enum status parse_options(struct slice query, struct buf *why, struct redis_target *target)
{
    for (bool more = query.len > 0; more;)
        TRY(parse_option(slice_cut(&query, '&', &more), why, target));
    return STATUS_OK;
}

static void show_place(const struct redis_place *place, const char *before, struct redis_target *target)
{
    (void)snprintf(target->shown, sizeof target->shown, strchr(place->host, ':') ? "%s[%s]:%u" : "%s%s:%u", before,
                   place->host, (unsigned)place->port);
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
    TRY(parse_place(authority, REDIS_PORT, why, &target->place));
    show_place(&target->place, "", target);
    return parse_database(rest, why, target);
}

static enum status parse_sentinels(struct slice rest, struct buf *why, struct redis_target *target)
{
    bool has_more = false;
    struct redis_sentinels *sentinels = &target->sentinels;
    char before[REDIS_HOST_BYTES + sizeof ", by Sentinel at "];
    TRY(cut_login(&rest, why, target));
    struct slice query = rest;
    rest = slice_cut(&query, '?', &has_more);
    struct slice places = slice_cut(&rest, '/', &has_more);
    struct slice primary = slice_cut(&rest, '/', &has_more);
    for (bool more = true; more; sentinels->count++) {
        if (sentinels->count == REDIS_SENTINELS_MAX)
            return refuse_redis_url(why, "eight Sentinels are enough");
        TRY(parse_place(slice_cut(&places, ',', &more), SENTINEL_PORT, why, &sentinels->places[sentinels->count]));
    }
    if (primary.len == 0 || !copy_part(primary, sentinels->primary, sizeof sentinels->primary))
        return refuse_redis_url(why, "it does not say which primary the Sentinels watch; write "
                                     "redis+sentinel://host:26379,host:26379/NAME");
    TRY(parse_options(query, why, target));
    if (sentinels->login.user[0] && !sentinels->login.password[0])
        return refuse_redis_url(why, "there is a sentinel_user without a sentinel_password");
    (void)snprintf(before, sizeof before, "%s, by Sentinel at ", sentinels->primary);
    show_place(&sentinels->places[0], before, target);
    return parse_database(rest, why, target);
}

static enum status parse_cluster(struct slice rest, struct buf *why, struct redis_target *target)
{
    bool has_more = false;
    struct redis_seeds *seeds = &target->seeds;
    TRY(cut_login(&rest, why, target));
    struct slice query = rest;
    rest = slice_cut(&query, '?', &has_more);
    struct slice places = slice_cut(&rest, '/', &has_more);
    if (rest.len && !slice_eq(rest, SLICE("0")))
        return refuse_redis_url(why, "a Cluster has no databases; write redis+cluster://host:6379,host:6379");
    for (bool more = true; more; seeds->count++) {
        if (seeds->count == REDIS_SEEDS_MAX)
            return refuse_redis_url(why, "sixteen nodes are enough: they tell of the others");
        TRY(parse_place(slice_cut(&places, ',', &more), REDIS_PORT, why, &seeds->places[seeds->count]));
    }
    show_place(&seeds->places[0], "", target);
    return parse_options(query, why, target);
}

static enum status parse_unix(struct slice rest, struct buf *why, struct redis_target *target)
{
    bool has_query = false;
    TRY(cut_login(&rest, why, target));
    struct slice path = slice_cut(&rest, '?', &has_query);
    if (path.len < 2 || path.ptr[0] != '/' || !copy_part(path, target->path, sizeof target->path))
        return refuse_redis_url(why, "a socket is written redis+unix:///path, of at most 107 characters");
    if (rest.len && !slice_starts_with(rest, SLICE("db=")))
        return refuse_redis_url(why, "behind the socket's path only ?db=NUMBER may stand");
    (void)snprintf(target->shown, sizeof target->shown, "%s", target->path);
    return parse_database(slice_sub(rest, 3, rest.len), why, target);
}

static enum status take_password(struct slice password, struct buf *why, struct redis_target *target)
{
    if (!slice_is_absent(password) && !copy_part(password, target->login.password, sizeof target->login.password)) {
        buf_add_str(why, "OAUTH1_REDIS_PASSWORD: is too long, or has a NUL in it");
        return STATUS_BAD_INPUT;
    }
    if (target->login.user[0] && !target->login.password[0])
        return refuse_redis_url(why,
                                "there is a user without a password; write redis://user:password@host:6379, or set "
                                "OAUTH1_REDIS_PASSWORD");
    return STATUS_OK;
}

/* "redis", "rediss" for TLS, and behind a '+' how the server is found; store_url has the list. */
static enum status parse_scheme(struct slice url, struct buf *why, struct redis_target *target)
{
    static const struct {
        struct slice name;
        enum status (*parse)(struct slice rest, struct buf *why, struct redis_target *target);
    } ways[] = {
        {SLICE_INIT(""), parse_tcp},
        {SLICE_INIT("unix"), parse_unix},
        {SLICE_INIT("sentinel"), parse_sentinels},
        {SLICE_INIT("cluster"), parse_cluster},
    };
    enum ephemeral_id id = ephemeral_kind_of(url)->id;
    bool has_way = false;
    struct slice rest = store_url_rest(url);
    struct slice way = slice_sub(url, 0, url.len - rest.len - 1);
    target->wants_tls = slice_eq(slice_cut(&way, '+', &has_way), SLICE("rediss"));
    bool is_redis = (id == EPHEMERAL_REDIS || id == EPHEMERAL_CLUSTER) && slice_starts_with(rest, SLICE("//"));
    for (size_t i = 0; is_redis && i < COUNT_OF(ways); i++)
        if (slice_eq(way, ways[i].name))
            return ways[i].parse(slice_sub(rest, 2, rest.len), why, target);
    return ephemeral_url_refuse(why);
}

enum status redis_url_parse(struct slice url, struct slice password, struct buf *why, struct redis_target *ret_target)
{
    struct redis_target target = {0};
    enum status status = parse_scheme(url, why, &target);
    if (status == STATUS_OK)
        status = take_password(password, why, &target);
    if (status == STATUS_OK)
        *ret_target = target;
    wipe_bytes(&target, sizeof target);
    return status;
}
