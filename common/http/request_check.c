#include "http/request_check.h"

#include "base/block.h"
#include "base/buf.h"

/* What one header, whose meaning is the message's framing or origin, says in this request. */
struct framing {
    size_t host_count;
    size_t authorization_count;
    size_t length_count;
    size_t transfer_encoding_count;
    struct slice length;
    struct slice transfer_encoding;
};

/* RFC 9110 §5.5: no control character but the tab. */
static block is_clean_block(block bytes)
{
    return ((block)(bytes >= 0x20) | (block)(bytes == '\t')) & (block)(bytes != 0x7f);
}

static bool is_field_value(struct slice text)
{
    size_t i = 0;
    for (; text.len - i >= BLOCK_BYTES; i += BLOCK_BYTES)
        if (!block_all(is_clean_block(block_load(text.ptr + i))))
            return false;
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Spaces and controls would end it, '#' begins what must not be sent (RFC 9112 §3.2). Bytes above ASCII are
 * taken as they are: they are signed as they are. */
static bool is_target(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return false;
    }
    return text.len > 0;
}

/* uri-host [":" port]: no character that would end it or begin something else in a URL. */
static bool is_host(struct slice text)
{
    static const bool ends_host[256] = {
        [0 ... ' '] = true, ['"'] = true, ['#'] = true, [','] = true,           ['/'] = true, ['<'] = true,
        ['>'] = true,       ['?'] = true, ['@'] = true, ['\\'] = true,          ['^'] = true, ['`'] = true,
        ['{'] = true,       ['|'] = true, ['}'] = true, [0x7f ... 0xff] = true,
    };
    for (size_t i = 0; i < text.len; i++)
        if (ends_host[(unsigned char)text.ptr[i]])
            return false;
    return true;
}

static bool is_length(struct slice text)
{
    uint64_t value;
    return slice_to_u64(text, INT64_MAX, &value);
}

static void note_header(struct framing *framing, const struct header *header)
{
    if (slice_eq_nocase(header->name, SLICE("Host"))) {
        framing->host_count++;
    } else if (slice_eq_nocase(header->name, SLICE("Authorization"))) {
        framing->authorization_count++;
    } else if (slice_eq_nocase(header->name, SLICE("Content-Length"))) {
        framing->length_count++;
        framing->length = header->value;
    } else if (slice_eq_nocase(header->name, SLICE("Transfer-Encoding"))) {
        framing->transfer_encoding_count++;
        framing->transfer_encoding = header->value;
    }
}

static const char *check_headers(const struct request *request, struct framing *ret_framing)
{
    struct framing framing = {0};
    for (size_t i = 0; i < request->header_count; i++) {
        const struct header *header = &request->headers[i];
        if (!slice_is_token(header->name))
            return "a header's name is not a token";
        if (!is_field_value(header->value))
            return "a header has a control character in it";
        note_header(&framing, header);
    }
    *ret_framing = framing;
    return NULL;
}

/* RFC 9112 §6.1 and §6.3, without the leniency that they allow. */
static const char *check_framing(const struct framing *framing, const struct request_facts *facts)
{
    if (framing->length_count > 1)
        return "more than one Content-Length";
    if (framing->length_count == 1 && !is_length(framing->length))
        return "Content-Length is not a number of digits, or too large a one";
    if (framing->transfer_encoding_count > 1)
        return "more than one Transfer-Encoding";
    if (framing->transfer_encoding_count == 1) {
        if (framing->length_count == 1)
            return "both Content-Length and Transfer-Encoding";
        if (facts->version_minor == 0)
            return "Transfer-Encoding in HTTP/1.0";
        if (!slice_eq_nocase(framing->transfer_encoding, SLICE("chunked")))
            return "a Transfer-Encoding other than chunked";
    }
    bool has_body =
        framing->transfer_encoding_count == 1 || (framing->length_count == 1 && !slice_eq(framing->length, SLICE("0")));
    if (facts->body_was_unread && has_body)
        return "a request of this method has no body";
    return NULL;
}

static const char *check_origin(struct request *request, const struct framing *framing,
                                const struct request_facts *facts)
{
    /* RFC 9112 §3.2: a server MUST respond with 400 to an HTTP/1.1 request that lacks a Host field, and to
     * one with more than one or with an invalid value. */
    if (framing->host_count > 1)
        return "more than one Host";
    if (framing->host_count == 0 && facts->version_minor > 0)
        return "no Host";
    if (framing->authorization_count > 1)
        return "more than one Authorization";
    request->host = request_header(request, "Host", NULL);
    if (!is_host(request->host))
        return "Host is not a host";
    return NULL;
}

/* Cuts "http://authority" off an absolute-form target; false if there is none. */
static bool cut_origin(struct slice *target, struct slice *ret_authority)
{
    struct slice http = SLICE("http://");
    struct slice https = SLICE("https://");
    size_t skip = slice_eq_nocase(slice_sub(*target, 0, http.len), http)     ? http.len
                  : slice_eq_nocase(slice_sub(*target, 0, https.len), https) ? https.len
                                                                             : 0;
    if (!skip)
        return false;
    size_t end = skip;
    while (end < target->len && target->ptr[end] != '/' && target->ptr[end] != '?')
        end++;
    *ret_authority = slice_sub(*target, skip, end);
    *target = slice_sub(*target, end, target->len);
    return true;
}

static const char *split_target(struct request *request)
{
    if (!is_target(request->target))
        return "the target has a space, a control character or a fragment in it";
    struct slice rest = request->target;
    struct slice authority;
    if (cut_origin(&rest, &authority)) {
        /* RFC 9112 §3.2.2 lets the target win over Host; we take neither where they differ. */
        if (!slice_eq_nocase(authority, request->host))
            return "the target's authority is not Host";
    } else if (rest.ptr[0] != '/' && !(slice_eq(rest, SLICE("*")) && slice_eq(request->method, SLICE("OPTIONS")))) {
        return "the target is neither a path nor a URL";
    }
    bool has_query;
    request->path = slice_cut(&rest, '?', &has_query);
    if (request->path.len == 0)
        request->path = SLICE("/");
    request->query = has_query ? rest : SLICE_ABSENT;
    if (has_query && slice_is_absent(rest))
        request->query = SLICE("");
    return NULL;
}

int request_check(struct request *request, const struct request_facts *facts, const struct request_bounds *bounds,
                  const char **ret_detail)
{
    *ret_detail = "only HTTP/1.1 and HTTP/1.0 are spoken here";
    if (facts->version_major != 1 || facts->version_minor < 0 || facts->version_minor > 1)
        return 505;
    *ret_detail = "the request line and headers are too long";
    if (facts->head_bytes > bounds->head_bytes)
        return 431;
    *ret_detail = "too many headers";
    if (request->header_count > bounds->header_count)
        return 431;
    struct framing framing;
    const char *wrong = check_headers(request, &framing);
    if (!wrong)
        wrong = check_framing(&framing, facts);
    if (!wrong)
        wrong = check_origin(request, &framing, facts);
    if (!wrong)
        wrong = split_target(request);
    *ret_detail = wrong;
    return wrong ? 400 : 0;
}

/* --- the request's id --- */

static bool is_lower_hex(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static bool is_zero(struct slice text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] == '0')
        i++;
    return i == text.len;
}

/* version "-" trace-id "-" parent-id "-" flags; a later version may go on behind a '-'. */
static struct slice trace_id(struct slice text)
{
    enum { VERSION_END = 2, TRACE_END = 35, PARENT_END = 52, FLAGS_END = 55 };
    struct slice version = slice_sub(text, 0, VERSION_END);
    struct slice trace = slice_sub(text, VERSION_END + 1, TRACE_END);
    struct slice parent = slice_sub(text, TRACE_END + 1, PARENT_END);
    struct slice flags = slice_sub(text, PARENT_END + 1, FLAGS_END);
    bool has_form = text.len >= FLAGS_END && text.ptr[VERSION_END] == '-' && text.ptr[TRACE_END] == '-' &&
                    text.ptr[PARENT_END] == '-' && is_lower_hex(version) && is_lower_hex(trace) &&
                    is_lower_hex(parent) && is_lower_hex(flags);
    if (!has_form || is_zero(trace) || is_zero(parent) || slice_eq(version, SLICE("ff")))
        return SLICE_ABSENT;
    if (text.len > FLAGS_END && (slice_eq(version, SLICE("00")) || text.ptr[FLAGS_END] != '-'))
        return SLICE_ABSENT;
    return trace;
}

void request_set_id(struct request *request, bool may_name, const unsigned char *random)
{
    size_t count;
    struct slice traceparent = request_header(request, "traceparent", &count);
    struct slice trace = may_name && count == 1 ? trace_id(traceparent) : SLICE_ABSENT;
    struct buf id = buf_fixed(request->id, REQUEST_ID_LEN);
    if (slice_is_absent(trace))
        buf_add_hex(&id, slice_of(random, REQUEST_ID_LEN / 2));
    else
        buf_add(&id, trace);
    request->id[REQUEST_ID_LEN] = '\0';
}
