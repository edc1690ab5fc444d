/* HTTP messages: whether they come whole or in pieces makes no difference, what is taken apart is a part of the text
 * and free of line ends, and a head written down again reads as the same. The first byte says what the rest is, and
 * into how large pieces it is cut. */
#include "http/http1.h"

#include "support/fuzz.h"

enum { HEADERS_MAX = 64, BODY_MAX = 4096 };

static void require_clean(struct slice part, struct slice text)
{
    require(part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
    require(slice_find(part, '\n') == part.len);
}

static void require_same(struct slice head, const struct http1_head *first, const struct header *headers, size_t count)
{
    struct buf text = BUF_INIT;
    struct http1_head second;
    struct header again[HEADERS_MAX];
    struct http1_scan scan = {0};
    const char *wrong;
    size_t len;
    buf_add(&text, first->method);
    buf_add_byte(&text, ' ');
    buf_add(&text, first->target);
    buf_addf(&text, " HTTP/%d.%d\r\n", first->version_major, first->version_minor);
    for (size_t i = 0; i < count; i++) {
        buf_add(&text, headers[i].name);
        buf_add_byte(&text, ':');
        buf_add(&text, headers[i].value);
        buf_add(&text, SLICE("\r\n"));
    }
    buf_add(&text, SLICE("\r\n"));
    require(!text.failed && text.len <= head.len);
    require(http1_find_end(&scan, buf_slice(&text), &len, &wrong) == HTTP1_WHOLE && len == text.len);
    require(scan.lines == count + 1 && !http1_parse(buf_slice(&text), &second, again, count));
    require(slice_eq(first->method, second.method) && slice_eq(first->target, second.target));
    for (size_t i = 0; i < count; i++)
        require(slice_eq(headers[i].name, again[i].name) && slice_eq(headers[i].value, again[i].value));
    buf_done(&text);
}

static void check_head(struct slice text, size_t step)
{
    struct http1_scan whole = {0};
    struct http1_scan pieces = {0};
    struct http1_head head;
    struct header headers[HEADERS_MAX];
    const char *wrong = NULL;
    size_t len = 0;
    size_t len_in_pieces = 0;
    enum http1_progress progress = http1_find_end(&whole, text, &len, &wrong);
    enum http1_progress in_pieces = HTTP1_MORE;
    for (size_t seen = 0; in_pieces == HTTP1_MORE && seen < text.len;) {
        seen = seen + step < text.len ? seen + step : text.len;
        in_pieces = http1_find_end(&pieces, slice_sub(text, 0, seen), &len_in_pieces, &wrong);
    }
    require(progress == in_pieces && len == len_in_pieces && whole.lines == pieces.lines);
    if (progress != HTTP1_WHOLE || whole.lines == 0 || whole.lines > HEADERS_MAX)
        return;
    text = slice_sub(text, 0, len);
    if (http1_parse(text, &head, headers, whole.lines - 1))
        return;
    require_clean(head.method, text);
    require_clean(head.target, text);
    require(head.method.len && head.target.len && slice_find(head.target, ' ') == head.target.len);
    for (size_t i = 0; i < whole.lines - 1; i++) {
        require_clean(headers[i].name, text);
        require_clean(headers[i].value, text);
        require(slice_eq(slice_trim(headers[i].value), headers[i].value));
    }
    require_same(text, &head, headers, whole.lines - 1);
}

static enum http1_progress take(struct slice text, size_t step, struct buf *out, size_t *ret_left)
{
    struct http1_chunks chunks = {0};
    enum http1_progress progress = HTTP1_MORE;
    const char *wrong = NULL;
    size_t begin = 0;
    while (progress == HTTP1_MORE && begin < text.len) {
        struct slice piece = slice_sub(text, begin, begin + step);
        size_t len = piece.len;
        progress = http1_take_chunks(&chunks, &piece, BODY_MAX, out, &wrong);
        require(progress != HTTP1_MORE || piece.len == 0);
        begin += len - piece.len;
    }
    *ret_left = text.len - begin;
    return progress;
}

static void check_chunks(struct slice text, size_t step)
{
    struct buf whole = BUF_INIT;
    struct buf pieces = BUF_INIT;
    size_t left;
    size_t left_in_pieces;
    enum http1_progress progress = take(text, text.len + 1, &whole, &left);
    enum http1_progress in_pieces = take(text, step, &pieces, &left_in_pieces);
    require(progress == in_pieces && left == left_in_pieces && whole.len <= BODY_MAX);
    require(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    buf_done(&pieces);
    buf_done(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t step = (size_t)(data[0] >> 1) + 1;
    struct slice text = slice_of(data + 1, size - 1);
    if (data[0] & 1)
        check_chunks(text, step);
    else
        check_head(text, step);
    return 0;
}
