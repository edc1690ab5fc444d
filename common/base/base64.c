#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice bytes, char *out)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *at = out;
    size_t i = 0;
    for (; i + 3 <= bytes.len; i += 3) {
        unsigned group = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 | in[i + 2];
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = alphabet[group >> 6 & 63];
        *at++ = alphabet[group & 63];
    }
    size_t left = bytes.len - i;
    if (left) {
        unsigned group = (unsigned)in[i] << 16 | (left == 2 ? (unsigned)in[i + 1] << 8 : 0);
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        if (left == 2)
            *at++ = alphabet[group >> 6 & 63];
        for (size_t p = left; p < 3; p++)
            *at++ = '=';
    }
}

/* The value of a digit with IS_DIGIT beside it; 0 for all else. */
enum { IS_DIGIT = 64 };
static const unsigned char digit_values[256] = {
    ['A'] = 64,  ['B'] = 65,  ['C'] = 66,  ['D'] = 67,  ['E'] = 68,  ['F'] = 69,  ['G'] = 70,  ['H'] = 71,
    ['I'] = 72,  ['J'] = 73,  ['K'] = 74,  ['L'] = 75,  ['M'] = 76,  ['N'] = 77,  ['O'] = 78,  ['P'] = 79,
    ['Q'] = 80,  ['R'] = 81,  ['S'] = 82,  ['T'] = 83,  ['U'] = 84,  ['V'] = 85,  ['W'] = 86,  ['X'] = 87,
    ['Y'] = 88,  ['Z'] = 89,  ['a'] = 90,  ['b'] = 91,  ['c'] = 92,  ['d'] = 93,  ['e'] = 94,  ['f'] = 95,
    ['g'] = 96,  ['h'] = 97,  ['i'] = 98,  ['j'] = 99,  ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103,
    ['o'] = 104, ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108, ['t'] = 109, ['u'] = 110, ['v'] = 111,
    ['w'] = 112, ['x'] = 113, ['y'] = 114, ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118, ['3'] = 119,
    ['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123, ['8'] = 124, ['9'] = 125, ['+'] = 126, ['/'] = 127,
};

/* Four digits without padding: 24 bits; false where one of them is none. */
static inline bool whole_group(const char *text, unsigned *ret_group)
{
    unsigned a = digit_values[(unsigned char)text[0]];
    unsigned b = digit_values[(unsigned char)text[1]];
    unsigned c = digit_values[(unsigned char)text[2]];
    unsigned d = digit_values[(unsigned char)text[3]];
    *ret_group =
        (a << 18) + (b << 12) + (c << 6) + d - (IS_DIGIT << 18) - (IS_DIGIT << 12) - (IS_DIGIT << 6) - IS_DIGIT;
    return a & b & c & d & IS_DIGIT;
}

/* The last four characters, of which one or two may be padding. */
static bool last_group(const char *text, unsigned *ret_group, size_t *ret_bytes)
{
    size_t padding = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
    const char digits[4] = {text[0], text[1], padding == 2 ? 'A' : text[2], padding ? 'A' : text[3]};
    *ret_bytes = 3 - padding;
    if (!whole_group(digits, ret_group))
        return false;
    /* the bits under the padding must be zero, or two texts would mean one value */
    return !padding || !(*ret_group & (padding == 1 ? 0xFFU : 0xFFFFU));
}

bool base64_decode(struct slice text, void *out, size_t *ret_len)
{
    unsigned char *at = out;
    unsigned group = 0;
    size_t bytes = 0;
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i + 4 < text.len; i += 4, at += 3) {
        if (!whole_group(text.ptr + i, &group))
            return false;
        at[0] = (unsigned char)(group >> 16);
        at[1] = (unsigned char)(group >> 8);
        at[2] = (unsigned char)group;
    }
    if (text.len && !last_group(text.ptr + text.len - 4, &group, &bytes))
        return false;
    for (size_t i = 0; i < bytes; i++)
        *at++ = (unsigned char)(group >> (16 - 8 * i));
    *ret_len = (size_t)(at - (unsigned char *)out);
    return true;
}
