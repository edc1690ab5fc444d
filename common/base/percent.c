#include "base/percent.h"

#include "base/block.h"

/* 1 for the unreserved characters of RFC 3986 §2.3, which RFC 5849 §3.6 leaves as they are. */
static const unsigned char unreserved[256] = {
    ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

/* The value of a hexadecimal digit plus one; 0 for all else. */
static const unsigned char hex_value[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static const char hex_digit[] = "0123456789ABCDEF";

bool percent_is_unreserved(char byte)
{
    return unreserved[(unsigned char)byte];
}

bool percent_is_plain(struct slice text)
{
    size_t i = 0;
    if (text.len >= BLOCK_BYTES) {
        for (; i + BLOCK_BYTES < text.len; i += BLOCK_BYTES)
            if (!block_all(block_unreserved(block_load(text.ptr + i))))
                return false;
        /* the last ones, some perhaps again */
        return block_all(block_unreserved(block_load(text.ptr + text.len - BLOCK_BYTES)));
    }
    for (; i < text.len; i++)
        if (!unreserved[(unsigned char)text.ptr[i]])
            return false;
    return true;
}

static inline char *put_escape(char *at, unsigned char byte)
{
    at[0] = '%';
    at[1] = hex_digit[byte >> 4]; /* upper case: RFC 5849 §3.6 */
    at[2] = hex_digit[byte & 15];
    return at + 3;
}

void percent_encode(struct buf *out, struct slice bytes)
{
    if (bytes.len == 0 || !buf_reserve(out, bytes.len > SIZE_MAX / 3 ? SIZE_MAX : bytes.len * 3))
        return;
    const unsigned char *from = (const unsigned char *)bytes.ptr;
    char *at = out->ptr + out->len;
    for (size_t i = 0; i < bytes.len; i++) {
        if (unreserved[from[i]])
            *at++ = (char)from[i];
        else
            at = put_escape(at, from[i]);
    }
    out->len = (size_t)(at - out->ptr);
}

/* Reads one encoded byte at text[*i], moves *i behind it. False for a broken escape. */
static inline bool next_byte(struct slice text, enum plus plus, size_t *i, unsigned char *ret_byte)
{
    unsigned char byte = (unsigned char)text.ptr[(*i)++];
    if (byte == '%') {
        if (text.len - *i < 2)
            return false;
        unsigned high = hex_value[(unsigned char)text.ptr[*i]];
        unsigned low = hex_value[(unsigned char)text.ptr[*i + 1]];
        if (!high || !low)
            return false;
        byte = (unsigned char)((high - 1) << 4 | (low - 1));
        *i += 2;
    } else if (byte == '+' && plus == PLUS_IS_SPACE) {
        byte = ' ';
    }
    *ret_byte = byte;
    return true;
}

/* Copies unreserved bytes from text[*i] on, a block at a time, as long as whole blocks are left; `at` has room for as
 * much as is left of the text. Returns the new end. */
static inline char *copy_plain(struct slice text, size_t *i, char *at)
{
    for (size_t run = BLOCK_BYTES; run == BLOCK_BYTES && text.len - *i >= BLOCK_BYTES; *i += run, at += run) {
        block bytes = block_load(text.ptr + *i);
        run = block_run(block_unreserved(bytes));
        block_store(at, bytes); /* what is behind the run is written over */
    }
    return at;
}

bool percent_decode(struct slice text, enum plus plus, char *out, size_t *ret_len)
{
    char *at = out;
    for (size_t i = 0; i < text.len;) {
        unsigned char byte = 0;
        at = copy_plain(text, &i, at);
        if (i == text.len)
            break;
        if (!next_byte(text, plus, &i, &byte))
            return false;
        *at++ = (char)byte;
    }
    *ret_len = (size_t)(at - out);
    return true;
}

bool percent_canonical(struct slice text, enum plus plus, char *out, size_t *ret_len)
{
    char *at = out;
    for (size_t i = 0; i < text.len;) {
        unsigned char byte = 0;
        at = copy_plain(text, &i, at);
        if (i == text.len)
            break;
        if (!next_byte(text, plus, &i, &byte))
            return false;
        if (unreserved[byte])
            *at++ = (char)byte;
        else
            at = put_escape(at, byte);
    }
    *ret_len = (size_t)(at - out);
    return true;
}
