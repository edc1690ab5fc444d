#include "http/request.h"

#include "http/transport.h"

#include <assert.h>

struct slice request_header_named(const struct request *request, struct slice name, size_t *ret_count)
{
    struct slice value = SLICE_ABSENT;
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        if (slice_eq_nocase(request->headers[i].name, name) && count++ == 0)
            value = request->headers[i].value;
    if (ret_count)
        *ret_count = count;
    return value;
}

struct slice request_header(const struct request *request, const char *name, size_t *ret_count)
{
    return request_header_named(request, slice_str(name), ret_count);
}

struct slice request_bearer(const struct request *request)
{
    static const struct slice scheme = SLICE_INIT("Bearer ");
    size_t count = 0;
    struct slice value = request_header(request, "Authorization", &count);
    struct slice token = slice_trim(slice_sub(value, scheme.len, value.len));
    bool is_bearer = count == 1 && slice_eq_nocase(slice_sub(value, 0, scheme.len), scheme);
    return is_bearer && token.len ? token : SLICE_ABSENT;
}

static struct slice find_cookie(struct slice pairs, struct slice wanted)
{
    for (bool more = true; more;) {
        struct slice value = slice_cut(&pairs, ';', &more);
        bool has_value;
        struct slice name = slice_trim(slice_cut(&value, '=', &has_value));
        if (has_value && slice_eq(name, wanted))
            return slice_trim(value);
    }
    return SLICE_ABSENT;
}

struct slice request_cookie(const struct request *request, const char *name)
{
    struct slice wanted = slice_str(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_eq_nocase(request->headers[i].name, SLICE("Cookie")))
            continue;
        struct slice value = find_cookie(request->headers[i].value, wanted);
        if (!slice_is_absent(value))
            return value;
    }
    return SLICE_ABSENT;
}

bool request_has_media_type(const struct request *request, const char *media_type)
{
    size_t count;
    struct slice value = request_header(request, "Content-Type", &count);
    bool has_parameters;
    struct slice type = slice_trim(slice_cut(&value, ';', &has_parameters));
    return count == 1 && slice_eq_nocase(type, slice_str(media_type));
}

struct slice request_tls_san(struct request *request, size_t index)
{
    const struct transport_ops *ops = request->transport;
    return request->is_tls ? ops->tls_san(request, index) : SLICE_ABSENT;
}

void request_reply_start(struct request *request, int http_status)
{
    assert(!request->reply.is_sent && http_status >= 200 && http_status < 600);
    bool is_last = request->reply.is_last;
    request->reply = (struct reply){.http_status = http_status, .is_last = is_last};
}

/* RFC 9110 §5.5: what could end the line, or be taken for its end, must not be in a value. */
static bool is_clean(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
            return false;
    return true;
}

void request_reply_header(struct request *request, const char *name, struct slice value)
{
    struct reply *reply = &request->reply;
    assert(reply->http_status && !reply->is_sent);
    char *copy = !slice_is_absent(value) && is_clean(value) ? arena_string(&request->arena, value) : NULL;
    if (!copy || reply->header_count == REPLY_HEADERS_MAX) {
        reply->is_broken = true;
        return;
    }
    reply->headers[reply->header_count++] = (struct header){slice_str(name), slice_of(copy, value.len)};
}

void request_reply_header_from(struct request *request, const char *name, const struct buf *text)
{
    request_reply_header(request, name, text->failed ? SLICE_ABSENT : buf_slice(text));
}

void request_reply_body(struct request *request, const char *content_type, struct slice body)
{
    request_reply_header(request, "Content-Type", slice_str(content_type));
    request->reply.body = body;
}

void request_reply_send(struct request *request)
{
    assert(request->reply.http_status && !request->reply.is_sent);
    request->reply.is_sent = true;
}

void request_reply_json(struct request *request, struct slice json)
{
    request_reply_start(request, 200);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_body(request, "application/json", json);
    request_reply_send(request);
}

void request_reply_close(struct request *request)
{
    request->reply.is_last = true;
}
