#include "json/json_scan.h"

#include "base/json_plain.h"
#include "json/json_reader.h"

enum { MAX_INT_DIGITS = 16 };

/* Each function below reads from `at` on. One that returns false has set `why`, and `at` is at the byte that is wrong.
 */
struct scan {
    struct slice text;
    size_t at;
    size_t values;
    unsigned depth;
    const char *why;
};

static bool refuse_scan(struct scan *s, const char *why)
{
    s->why = why;
    return false;
}

/* Returns the byte at `at`, or -1 at the end. */
static int peek_byte(const struct scan *s)
{
    return s->at < s->text.len ? (unsigned char)s->text.ptr[s->at] : -1;
}

static bool take_byte(struct scan *s, char byte)
{
    if (peek_byte(s) != (unsigned char)byte)
        return false;
    s->at++;
    return true;
}

static void skip_white(struct scan *s)
{
    int byte = peek_byte(s);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        s->at++;
        byte = peek_byte(s);
    }
}

static bool scan_hex4(struct scan *s, unsigned *ret_code)
{
    unsigned code = 0;
    for (size_t i = 0; i < 4; i++) {
        int c = peek_byte(s);
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return refuse_scan(s, "\\u needs four hexadecimal digits");
        code = code << 4 | (unsigned)digit;
        s->at++;
    }
    *ret_code = code;
    return true;
}

/* Reads what stands behind "\u": one code unit, or a pair of surrogates. */
static bool scan_unicode_escape(struct scan *s)
{
    unsigned code = 0;
    if (!scan_hex4(s, &code))
        return false;
    if (code == 0)
        return refuse_scan(s, "a NUL in a string");
    if (code < 0xD800 || code > 0xDFFF)
        return true;
    unsigned low = 0;
    if (code > 0xDBFF || !take_byte(s, '\\') || !take_byte(s, 'u'))
        return refuse_scan(s, "a lone surrogate");
    if (!scan_hex4(s, &low))
        return false;
    return low >= 0xDC00 && low <= 0xDFFF ? true : refuse_scan(s, "a lone surrogate");
}

static bool scan_escape(struct scan *s)
{
    int byte = peek_byte(s);
    if (byte == 'u') {
        s->at++;
        return scan_unicode_escape(s);
    }
    if (byte < 0 || !memchr("\"\\/bfnrt", byte, 8))
        return refuse_scan(s, "an unknown escape in a string");
    s->at++;
    return true;
}

static bool scan_character(struct scan *s)
{
    if (take_byte(s, '\\'))
        return scan_escape(s);
    if (peek_byte(s) == 0)
        return refuse_scan(s, "a NUL in a string");
    if (peek_byte(s) < 0x20)
        return refuse_scan(s, "an unescaped control character in a string");
    size_t sequence = slice_utf8_sequence(s->text, s->at);
    if (sequence == 0)
        return refuse_scan(s, "bytes that are not UTF-8");
    s->at += sequence;
    return true;
}

static bool scan_string(struct scan *s)
{
    s->at++; /* the quote */
    for (;;) {
        s->at += json_plain_run(slice_sub(s->text, s->at, s->text.len));
        if (take_byte(s, '"'))
            return true;
        if (peek_byte(s) < 0)
            return refuse_scan(s, "a string without its end");
        if (!scan_character(s))
            return false;
    }
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* Reads an integer. Any other number is refused, because cJSON keeps doubles and would round it. */
static bool scan_number(struct scan *s)
{
    uint64_t value = 0;
    (void)take_byte(s, '-');
    size_t first = s->at;
    while (is_digit(peek_byte(s)) && s->at - first < MAX_INT_DIGITS + 1)
        value = value * 10 + (uint64_t)(s->text.ptr[s->at++] - '0');
    size_t digits = s->at - first;
    if (digits == 0)
        return refuse_scan(s, "a value was expected");
    if (digits > 1 && s->text.ptr[first] == '0')
        return refuse_scan(s, "a number with a leading zero");
    if (digits > MAX_INT_DIGITS || value > (uint64_t)JSON_MAX_INT)
        return refuse_scan(s, "a number too large to be exact");
    if (peek_byte(s) == '.' || peek_byte(s) == 'e' || peek_byte(s) == 'E')
        return refuse_scan(s, "a number that is not a plain integer");
    return true;
}

static bool scan_word(struct scan *s, struct slice word)
{
    if (!slice_starts_with(slice_sub(s->text, s->at, s->text.len), word))
        return refuse_scan(s, "a value was expected");
    s->at += word.len;
    return true;
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s)
{
    if (peek_byte(s) != '"')
        return refuse_scan(s, "a member's name was expected");
    size_t from = s->at;
    if (!scan_string(s))
        return false;
    if (s->at - from > JSON_MAX_NAME_BYTES) {
        s->at = from;
        return refuse_scan(s, "a member's name that is too long");
    }
    skip_white(s);
    if (!take_byte(s, ':'))
        return refuse_scan(s, "':' was expected");
    skip_white(s);
    return scan_value(s);
}

/* Reads an object (`end` is '}') or an array: elements with commas between them. */
static bool scan_elements(struct scan *s, char end, bool (*scan_element)(struct scan *))
{
    s->at++; /* the bracket */
    skip_white(s);
    if (take_byte(s, end))
        return true;
    for (size_t count = 1;; count++) {
        if (end == '}' && count > JSON_MAX_MEMBERS)
            return refuse_scan(s, "an object with too many members");
        if (!scan_element(s))
            return false;
        skip_white(s);
        if (take_byte(s, end))
            return true;
        if (!take_byte(s, ','))
            return refuse_scan(s, end == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
        skip_white(s);
    }
}

static bool scan_nested(struct scan *s)
{
    if (++s->depth > JSON_MAX_DEPTH)
        return refuse_scan(s, "nested too deep");
    bool object = peek_byte(s) == '{';
    bool taken = scan_elements(s, object ? '}' : ']', object ? scan_member : scan_value);
    s->depth--;
    return taken;
}

static bool scan_value(struct scan *s)
{
    if (++s->values > JSON_MAX_VALUES)
        return refuse_scan(s, "too many values");
    switch (peek_byte(s)) {
    case '{':
    case '[':
        return scan_nested(s);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, SLICE("true"));
    case 'f':
        return scan_word(s, SLICE("false"));
    case 'n':
        return scan_word(s, SLICE("null"));
    default:
        return scan_number(s);
    }
}

bool json_scan(struct slice text, struct slice *ret_value, const char **ret_why, size_t *ret_at)
{
    struct scan s = {.text = text};
    skip_white(&s);
    size_t from = s.at;
    bool taken = scan_value(&s);
    size_t to = s.at;
    if (taken) {
        skip_white(&s);
        taken = s.at == text.len || refuse_scan(&s, "something behind the value");
    }
    if (taken) {
        *ret_value = slice_sub(text, from, to);
    } else {
        *ret_why = s.why;
        *ret_at = s.at;
    }
    return taken;
}
