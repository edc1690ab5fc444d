#include "base/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(struct slice bytes, const char *alphabet, bool pad, char *out)
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
        for (size_t p = left; pad && p < 3; p++)
            *at++ = '=';
    }
    return (size_t)(at - out);
}

void base64_encode(struct slice bytes, char *out)
{
    (void)encode(bytes, standard, true, out);
}

size_t base64url_encode(struct slice bytes, char *out)
{
    return encode(bytes, url_safe, false, out);
}

/* The value of a digit plus one; 0 for all else. */
static const unsigned char digit_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

bool base64_decode(struct slice text, void *out, size_t *ret_len)
{
    unsigned char *at = out;
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        size_t padding = !last || text.ptr[i + 3] != '=' ? 0 : text.ptr[i + 2] != '=' ? 1 : 2;
        unsigned group = 0;
        for (size_t j = 0; j < 4; j++) {
            unsigned value = j >= 4 - padding ? 1 : digit_values[(unsigned char)text.ptr[i + j]];
            if (value == 0)
                return false;
            group = group << 6 | (value - 1);
        }
        /* the bits under the padding must be zero, or two texts would mean one value */
        if (padding && group & (padding == 1 ? 0xFFU : 0xFFFFU))
            return false;
        for (size_t j = 0; j < 3 - padding; j++)
            *at++ = (unsigned char)(group >> (16 - 8 * j));
    }
    *ret_len = (size_t)(at - (unsigned char *)out);
    return true;
}
