#include "http/http1.h"

/* ---- the head ---- */

enum http1_progress http1_find_end(struct http1_scan *scan, struct slice bytes, size_t *ret_len, const char **ret_wrong)
{
    while (scan->at < bytes.len) {
        const char *line_feed = memchr(bytes.ptr + scan->at, '\n', bytes.len - scan->at);
        if (!line_feed) {
            scan->at = bytes.len;
            break;
        }
        size_t at = (size_t)(line_feed - bytes.ptr);
        if (at == scan->line_begin || bytes.ptr[at - 1] != '\r') {
            *ret_wrong = "a line ends with LF alone";
            return HTTP1_WRONG;
        }
        bool is_empty = at - scan->line_begin == 1;
        scan->at = scan->line_begin = at + 1;
        if (is_empty) {
            *ret_len = at + 1;
            return HTTP1_WHOLE;
        }
        scan->lines++;
    }
    return HTTP1_MORE;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTTP-version = "HTTP" "/" DIGIT "." DIGIT */
static bool parse_version(struct slice text, struct http1_head *head)
{
    struct slice name = SLICE("HTTP/");
    if (text.len != name.len + 3 || !slice_starts_with(text, name) || !is_digit(text.ptr[name.len]) ||
        text.ptr[name.len + 1] != '.' || !is_digit(text.ptr[name.len + 2]))
        return false;
    head->version_major = text.ptr[name.len] - '0';
    head->version_minor = text.ptr[name.len + 2] - '0';
    return true;
}

/* request-line = method SP request-target SP HTTP-version; without the leniency of RFC 9112 §3 for other space. */
static const char *parse_request_line(struct slice line, struct http1_head *head)
{
    bool has_target = false;
    bool has_version = false;
    head->method = slice_cut(&line, ' ', &has_target);
    head->target = slice_cut(&line, ' ', &has_version);
    if (!has_target || !has_version || head->method.len == 0 || head->target.len == 0)
        return "the request line is not METHOD TARGET HTTP/1.1";
    return parse_version(line, head) ? NULL : "the request line does not end with an HTTP version";
}

/* field-line = field-name ":" OWS field-value OWS. RFC 9112 §5.1: a server MUST reject a space between name and
 * colon (which is then no token); §5.2: and a folded line, or unfold it. */
static const char *parse_field_line(struct slice line, struct header *header)
{
    bool has_colon = false;
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return "a header is folded";
    header->name = slice_cut(&line, ':', &has_colon);
    header->value = slice_trim(line);
    return has_colon ? NULL : "a header has no colon";
}

static struct slice cut_line(struct slice *head)
{
    size_t end = (size_t)((const char *)memchr(head->ptr, '\n', head->len) - head->ptr);
    struct slice line = slice_sub(*head, 0, end - 1);
    *head = slice_sub(*head, end + 1, head->len);
    return line;
}

const char *http1_parse(struct slice head, struct http1_head *ret_head, struct header *headers, size_t header_count)
{
    const char *wrong = parse_request_line(cut_line(&head), ret_head);
    for (size_t i = 0; !wrong && i < header_count; i++)
        wrong = parse_field_line(cut_line(&head), &headers[i]);
    return wrong;
}

/* ---- a chunked body ---- */

enum { SIZE_DIGITS_MAX = 15, ODD_BYTES_MAX = 4096 };

static int hex_digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const char *take_size_byte(struct http1_chunks *chunks, char c)
{
    int digit = hex_digit_of(c);
    if (digit >= 0) {
        if (++chunks->digits > SIZE_DIGITS_MAX)
            return "a chunk's size has too many digits";
        chunks->left = chunks->left * 16 + (unsigned)digit;
        return NULL;
    }
    if (chunks->digits == 0 || (c != '\r' && c != ';'))
        return "a chunk's size is not hexadecimal";
    chunks->state = c == '\r' ? CHUNK_SIZE_END : CHUNK_EXTENSION;
    return NULL;
}

/* RFC 9112 §7.1.1: a recipient MUST ignore unrecognized chunk extensions. Also what is a field's value. */
static const char *take_odd_byte(struct http1_chunks *chunks, char c)
{
    bool is_control = ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
    if (is_control)
        return "a control character in a chunk's extension or a trailer";
    return ++chunks->odd_bytes > ODD_BYTES_MAX ? "chunk extensions and trailers are too long" : NULL;
}

static const char *take_line_feed(struct http1_chunks *chunks, char c)
{
    if (c != '\n')
        return "a CR without LF in a chunked body";
    switch (chunks->state) {
    case CHUNK_SIZE_END:
        chunks->state = chunks->left ? CHUNK_DATA : TRAILER_BEGIN;
        break;
    case CHUNK_DATA_LF:
        chunks->state = CHUNK_SIZE;
        chunks->digits = 0;
        break;
    case CHUNKS_LF:
        chunks->state = CHUNKS_END;
        break;
    default:
        chunks->state = TRAILER_BEGIN;
        break;
    }
    return NULL;
}

static const char *take_name_byte(struct http1_chunks *chunks, char c)
{
    bool is_first = chunks->state == TRAILER_BEGIN;
    if (is_first && c == '\r') {
        chunks->state = CHUNKS_LF;
        return NULL;
    }
    chunks->state = c == ':' ? TRAILER_VALUE : TRAILER_NAME;
    if ((unsigned char)c <= ' ' || (unsigned char)c >= 0x7f || (is_first && c == ':'))
        return "a trailer's name is not a token";
    return take_odd_byte(chunks, c);
}

static const char *take_byte(struct http1_chunks *chunks, char c)
{
    switch (chunks->state) {
    case CHUNK_SIZE:
        return take_size_byte(chunks, c);
    case CHUNK_EXTENSION:
    case TRAILER_VALUE:
        if (c != '\r')
            return take_odd_byte(chunks, c);
        chunks->state = chunks->state == CHUNK_EXTENSION ? CHUNK_SIZE_END : TRAILER_LF;
        return NULL;
    case CHUNK_DATA_CR:
        chunks->state = CHUNK_DATA_LF;
        return c == '\r' ? NULL : "a chunk is longer than its size";
    case TRAILER_BEGIN:
    case TRAILER_NAME:
        return take_name_byte(chunks, c);
    default:
        return take_line_feed(chunks, c);
    }
}

static void take_data(struct http1_chunks *chunks, struct slice *bytes, struct buf *out)
{
    size_t len = chunks->left < bytes->len ? (size_t)chunks->left : bytes->len;
    buf_add(out, slice_sub(*bytes, 0, len));
    *bytes = slice_sub(*bytes, len, bytes->len);
    chunks->left -= len;
    if (chunks->left == 0)
        chunks->state = CHUNK_DATA_CR;
}

enum http1_progress http1_take_chunks(struct http1_chunks *chunks, struct slice *bytes, size_t max, struct buf *out,
                                      const char **ret_wrong)
{
    while (bytes->len && chunks->state != CHUNKS_END) {
        if (chunks->state == CHUNK_DATA) {
            if (chunks->left > max - out->len)
                return HTTP1_TOO_LARGE;
            take_data(chunks, bytes, out);
            continue;
        }
        *ret_wrong = take_byte(chunks, bytes->ptr[0]);
        if (*ret_wrong)
            return HTTP1_WRONG;
        *bytes = slice_sub(*bytes, 1, bytes->len);
    }
    return chunks->state == CHUNKS_END ? HTTP1_WHOLE : HTTP1_MORE;
}
