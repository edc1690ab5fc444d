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

/* 0..63, or -1. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

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
            int value = j >= 4 - padding ? 0 : digit_value(text.ptr[i + j]);
            if (value < 0)
                return false;
            group = group << 6 | (unsigned)value;
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
