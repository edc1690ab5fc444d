#include "http/http1_request.h"

#include "http/http1.h"
#include "http/request_check.h"

/* RFC 9110 §9.3, RFC 5789. Others are 501; what a body of theirs, or of one without, would mean nobody knows. */
static const struct {
    struct slice name;
    bool has_body;
} methods[] = {
    {SLICE_INIT("GET"), true},   {SLICE_INIT("POST"), true},   {SLICE_INIT("HEAD"), false},
    {SLICE_INIT("PUT"), true},   {SLICE_INIT("DELETE"), true}, {SLICE_INIT("OPTIONS"), true},
    {SLICE_INIT("PATCH"), true}, {SLICE_INIT("TRACE"), false},
};

static bool is_known(struct slice method, bool *ret_has_body)
{
    *ret_has_body = false;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (!slice_eq(methods[i].name, method))
            continue;
        *ret_has_body = methods[i].has_body;
        return true;
    }
    return false;
}

/* Whether it is among those of the request's Connection headers (RFC 9110 §7.6.1). */
static bool has_connection_option(const struct request *request, struct slice option)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice rest = request->headers[i].value;
        bool more = slice_eq_nocase(request->headers[i].name, SLICE("Connection"));
        while (more)
            if (slice_eq_nocase(slice_trim(slice_cut(&rest, ',', &more)), option))
                return true;
    }
    return false;
}

static int take_apart(struct request *request, struct slice bytes, size_t header_count, struct http1_head *head,
                      const char **ret_detail)
{
    struct header *headers = arena_alloc(&request->arena, header_count * sizeof *headers);
    bytes = arena_copy(&request->arena, bytes);
    *ret_detail = NULL;
    if (!headers || slice_is_absent(bytes))
        return 503;
    *ret_detail = http1_parse(bytes, head, headers, header_count);
    if (*ret_detail)
        return 400;
    request->method = head->method;
    request->target = head->target;
    request->headers = headers;
    request->header_count = header_count;
    return 0;
}

static int check_head(struct request *request, const struct http1_head *head, size_t head_bytes,
                      const struct http_limits *limits, const char **ret_detail)
{
    bool has_body;
    bool knows_method = is_known(head->method, &has_body);
    const struct request_facts facts = {.version_major = head->version_major,
                                        .version_minor = head->version_minor,
                                        .head_bytes = head_bytes,
                                        .body_was_unread = !has_body};
    const struct request_bounds bounds = {limits->header_bytes, limits->header_count};
    *ret_detail = "this is no proxy";
    if (slice_eq(head->method, SLICE("CONNECT")))
        return 501;
    int refusal = request_check(request, &facts, &bounds, ret_detail);
    if (refusal || knows_method)
        return refusal;
    *ret_detail = "this method is not known here";
    return 501;
}

/* The checks have seen that the body is framed in one way. */
static int read_framing(const struct request *request, size_t max, struct http1_traits *traits, const char **ret_detail)
{
    uint64_t len = 0;
    struct slice length = request_header(request, "Content-Length", NULL);
    traits->is_chunked = !slice_is_absent(request_header(request, "Transfer-Encoding", NULL));
    *ret_detail = "the body is larger than what is taken here";
    if (!slice_is_absent(length) && !slice_to_u64(length, max, &len))
        return 413;
    traits->body_len = (size_t)len;
    return 0;
}

/* RFC 9110 §10.1.1: an expectation other than 100-continue MAY be answered 417. */
static int read_expectation(const struct request *request, struct http1_traits *traits, const char **ret_detail)
{
    size_t count;
    struct slice expected = request_header(request, "Expect", &count);
    if (count == 0 || traits->is_http10) /* a server MUST ignore it in an HTTP/1.0 request */
        return 0;
    *ret_detail = "only 100-continue can be expected here";
    if (count > 1 || !slice_eq_nocase(expected, SLICE("100-continue")))
        return 417;
    traits->expects_continue = traits->is_chunked || traits->body_len;
    return 0;
}

int http1_read_request(struct request *request, struct slice bytes, size_t header_count,
                       const struct http1_bounds *bounds, struct http1_traits *ret_traits, const char **ret_detail)
{
    struct http1_head head;
    *ret_traits = (struct http1_traits){0};
    *ret_detail = "too many headers";
    if (header_count > bounds->limits->header_count)
        return 431;
    int refusal = take_apart(request, bytes, header_count, &head, ret_detail);
    if (!refusal)
        refusal = check_head(request, &head, bytes.len, bounds->limits, ret_detail);
    if (refusal)
        return refusal;
    ret_traits->is_http10 = head.version_minor == 0;
    ret_traits->keeps_open = ret_traits->is_http10 ? has_connection_option(request, SLICE("keep-alive"))
                                                   : !has_connection_option(request, SLICE("close"));
    refusal = read_framing(request, bounds->body_bytes, ret_traits, ret_detail);
    return refusal ? refusal : read_expectation(request, ret_traits, ret_detail);
}
