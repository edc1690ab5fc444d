#include "base/percent.h"

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

/* Sixteen bytes at a time (vectors of gcc and clang; plain instructions on every x86-64 and arm64). */
typedef unsigned char block __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

static inline block load(const char *from)
{
    block bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

static inline bool block_is_plain(block bytes)
{
    block lower = bytes | 0x20; /* letters alone become letters of lower case */
    block plain = (block)(lower - 'a' < 26) | (block)(bytes - '0' < 10) | (block)(bytes - '-' < 2) |
                  (block)(bytes == '_') | (block)(bytes == '~');
    halves both = (halves)plain;
    return (both[0] & both[1]) == UINT64_MAX;
}

bool percent_is_plain(struct slice text)
{
    size_t i = 0;
    if (text.len >= sizeof(block)) {
        for (; i + sizeof(block) < text.len; i += sizeof(block))
            if (!block_is_plain(load(text.ptr + i)))
                return false;
        return block_is_plain(load(text.ptr + text.len - sizeof(block))); /* the last ones, some perhaps again */
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

bool percent_decode(struct slice text, enum plus plus, char *out, size_t *ret_len)
{
    char *at = out;
    for (size_t i = 0; i < text.len;) {
        unsigned char byte = 0;
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
