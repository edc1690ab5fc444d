#include "gateway_dialect.h"

#include "oauth/url.h"

struct reader {
    const struct request *request;
    const struct config_strings *origins;
    struct arena *arena;
    struct problem *problem;
};

/* "X-Forwarded-Uri is missing: …" */
static enum status refuse_header(const struct reader *r, const char *what, const char *wrong)
{
    struct buf detail = buf_in(r->arena);
    buf_addf(&detail, "%s %s", what, wrong);
    const char *text = buf_string(&detail);
    return problem_set(r->problem, text ? STATUS_MALFORMED : STATUS_NO_MEMORY, text);
}

static bool has_space_or_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F)
            return true;
    return false;
}

/* Exactly one, and not empty. */
static enum status read_header(const struct reader *r, const char *name, struct slice *ret_value)
{
    size_t count = 0;
    struct slice value = request_header(r->request, name, &count);
    if (count == 0)
        return refuse_header(r, name, "is missing: the gateway must set it");
    if (count > 1)
        return refuse_header(r, name, "is there more than once: the gateway must replace what the client sends");
    if (value.len == 0)
        return refuse_header(r, name, "is empty: the gateway must set it");
    if (has_space_or_control(value))
        return refuse_header(r, name, "holds a space or a control character");
    *ret_value = value;
    return STATUS_OK;
}

/* A comma would be a list of what several hops said. */
static enum status read_word(const struct reader *r, const char *name, struct slice *ret_value)
{
    TRY(read_header(r, name, ret_value));
    if (slice_find(*ret_value, ',') < ret_value->len)
        return refuse_header(r, name, "holds a comma: there must be one value");
    return STATUS_OK;
}

static enum status read_proto(const struct reader *r, bool *ret_https)
{
    struct slice proto = {0};
    TRY(read_word(r, "X-Forwarded-Proto", &proto));
    *ret_https = slice_eq_nocase(proto, SLICE("https"));
    if (!*ret_https && !slice_eq_nocase(proto, SLICE("http")))
        return refuse_header(r, "X-Forwarded-Proto", "is neither http nor https");
    return STATUS_OK;
}

/* ---- the origin ---- */

/* The port that was written, or the scheme's own; a Host without a port fits the origin's scheme. */
static bool is_origin_of(const struct oauth_url *origin, const struct oauth_url *asked)
{
    uint16_t default_port = origin->https ? 443 : 80;
    uint16_t port = asked->port ? asked->port : default_port;
    return slice_eq_nocase(origin->host, asked->host) && oauth_url_port(origin) == port;
}

/* The listed one with this host and port; it gives the scheme that is signed. The gateway's word about the scheme
 * chooses where both are listed, and says whether the request came encrypted. */
static enum status find_origin(const struct reader *r, const struct oauth_url *asked, struct slice *ret_origin)
{
    struct slice found = SLICE_ABSENT;
    for (size_t i = 0; i < r->origins->count; i++) {
        struct oauth_url origin = {0};
        struct problem ignored = {0};
        struct slice text = r->origins->items[i];
        if (oauth_url_parse(text, &origin, &ignored) != STATUS_OK || !is_origin_of(&origin, asked))
            continue;
        if (slice_is_absent(found) || origin.https == asked->https)
            found = text;
    }
    if (slice_is_absent(found))
        return problem_set(r->problem, STATUS_MALFORMED,
                           "the host and port are not those of an origin in OAUTH1_ORIGINS");
    *ret_origin = found;
    return STATUS_OK;
}

static enum status write_url(const struct reader *r, const struct oauth_url *asked, struct slice target,
                             struct call *out)
{
    struct slice origin = {0};
    struct buf url = buf_in(r->arena);
    TRY(find_origin(r, asked, &origin));
    buf_add(&url, origin);
    buf_add(&url, target);
    if (url.failed)
        return problem_set(r->problem, STATUS_NO_MEMORY, NULL);
    out->request.url = buf_slice(&url);
    out->came_by_http = !asked->https;
    return STATUS_OK;
}

/* From scheme, Host and target, which the gateway sends apart. */
static enum status join_url(const struct reader *r, bool https, const char *host_name, struct slice host,
                            struct slice target, struct call *out)
{
    struct oauth_url asked = {0};
    struct problem ignored = {0};
    struct buf text = buf_in(r->arena);
    buf_add_str(&text, https ? "https://" : "http://");
    buf_add(&text, host);
    bool is_authority = slice_find(host, '/') == host.len && slice_find(host, '?') == host.len &&
                        oauth_url_parse(buf_slice(&text), &asked, &ignored) == STATUS_OK;
    if (text.failed)
        return problem_set(r->problem, STATUS_NO_MEMORY, NULL);
    if (!is_authority)
        return refuse_header(r, host_name, "is no host[:port]");
    return write_url(r, &asked, target, out);
}

/* ---- the dialects ---- */

static enum status read_forwarded(const struct reader *r, struct call *out)
{
    bool https = false;
    struct slice host = {0};
    struct slice target = {0};
    TRY(read_word(r, "X-Forwarded-Method", &out->request.method));
    TRY(read_proto(r, &https));
    TRY(read_word(r, "X-Forwarded-Host", &host));
    TRY(read_header(r, "X-Forwarded-Uri", &target));
    if (target.ptr[0] != '/')
        return refuse_header(r, "X-Forwarded-Uri", "does not begin with a slash");
    return join_url(r, https, "X-Forwarded-Host", host, target, out);
}

/* What follows the authority of an absolute URL, as it was sent. */
static struct slice target_of(struct slice url)
{
    struct slice rest = slice_sub(url, slice_find_slice(url, SLICE("://")) + 3, url.len);
    size_t slash = slice_find(rest, '/');
    size_t question = slice_find(rest, '?');
    return slice_sub(rest, slash < question ? slash : question, rest.len);
}

static enum status read_original(const struct reader *r, struct call *out)
{
    struct slice text = {0};
    struct oauth_url asked = {0};
    struct problem ignored = {0};
    TRY(read_word(r, "X-Original-Method", &out->request.method));
    TRY(read_header(r, "X-Original-URL", &text));
    if (oauth_url_parse(text, &asked, &ignored) != STATUS_OK)
        return refuse_header(r, "X-Original-URL", "is no absolute http or https URL");
    return write_url(r, &asked, target_of(text), out);
}

static enum status read_ext_authz(const struct reader *r, struct call *out)
{
    const struct request *request = r->request;
    bool https = false;
    struct slice host = {0};
    struct buf target = buf_in(r->arena);
    TRY(read_proto(r, &https));
    TRY(read_word(r, "Host", &host));
    buf_add(&target, slice_sub(request->path, sizeof GATEWAY_EXT_AUTHZ_PATH - 1, request->path.len));
    if (target.len == 0)
        return refuse_header(r, "the path", "ends behind " GATEWAY_EXT_AUTHZ_PATH ": the original path must follow");
    if (!slice_is_absent(request->query)) {
        buf_add_byte(&target, '?');
        buf_add(&target, request->query);
    }
    if (target.failed)
        return problem_set(r->problem, STATUS_NO_MEMORY, NULL);
    out->request.method = request->method;
    return join_url(r, https, "Host", host, buf_slice(&target), out);
}

/* ---- what all dialects share ---- */

static enum status read_optional(const struct reader *r, const char *name, struct slice *ret_value)
{
    size_t count = 0;
    *ret_value = request_header(r->request, name, &count);
    return count > 1 ? refuse_header(r, name, "is there more than once") : STATUS_OK;
}

/* Envoy says so where it forwarded only the beginning. It compares what it sends with what it holds, though, not with
 * what is still to come: of a body that it cut at exactly its limit (ours, in docker/gateways/envoy.yaml) it says
 * `false`. */
static bool is_cut_off(const struct request *request)
{
    size_t count = 0;
    if (request->body.len >= CALL_BODY_MAX_BYTES)
        return true;
    struct slice word = request_header(request, "X-Envoy-Auth-Partial-Body", &count);
    return count > 1 || (count == 1 && !slice_eq_nocase(word, SLICE("false")));
}

/* The call's own length proves nothing: it is 0 also where the gateway kept a body to itself. So a gateway says in a
 * header of the dialect how long the client's body is. What is in the call counts whatever that says. */
static enum status read_client_body(enum dialect dialect, const struct reader *r, struct slice *ret_body)
{
    struct slice length = {0};
    const char *name = dialect == DIALECT_AUTH_REQUEST ? "X-Original-Content-Length" : "X-Forwarded-Content-Length";
    TRY(read_optional(r, name, &length));
    if (dialect == DIALECT_EXT_AUTHZ && is_cut_off(r->request))
        *ret_body = SLICE_ABSENT;
    else if (r->request->body.len > 0)
        *ret_body = r->request->body;
    else
        *ret_body = slice_eq(length, SLICE("0")) ? SLICE("") : SLICE_ABSENT;
    return STATUS_OK;
}

static enum status read_dialect(enum dialect dialect, const struct reader *r, struct call *out)
{
    switch (dialect) {
    case DIALECT_VERIFY:
        return read_forwarded(r, out);
    case DIALECT_AUTH_REQUEST:
        return read_original(r, out);
    case DIALECT_EXT_AUTHZ:
        return read_ext_authz(r, out);
    default:
        return problem_set(r->problem, STATUS_INTERNAL, NULL); /* a bug: the others describe in JSON */
    }
}

enum status gateway_dialect_read(enum dialect dialect, const struct request *request,
                                 const struct config_strings *origins, struct arena *arena, struct call *ret_call,
                                 struct problem *problem)
{
    const struct reader reader = {request, origins, arena, problem};
    struct call call = {0};
    TRY(read_dialect(dialect, &reader, &call));
    TRY(read_client_body(dialect, &reader, &call.request.body));
    TRY(read_optional(&reader, "Authorization", &call.request.authorization));
    TRY(read_optional(&reader, "Content-Type", &call.request.content_type));
    TRY(read_optional(&reader, "X-OAuth-Required-Scope", &call.required_scope));
    *ret_call = call;
    return STATUS_OK;
}
