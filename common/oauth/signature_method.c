#include "oauth/signature_method.h"

static const struct signature_method methods[] = {
    {SLICE_INIT("HMAC-SHA1"), SIGNATURE_HMAC, DIGEST_SHA1, 1U << 0},
    {SLICE_INIT("HMAC-SHA256"), SIGNATURE_HMAC, DIGEST_SHA256, 1U << 1},
    {SLICE_INIT("HMAC-SHA512"), SIGNATURE_HMAC, DIGEST_SHA512, 1U << 2},
    {SLICE_INIT("RSA-SHA1"), SIGNATURE_RSA, DIGEST_SHA1, 1U << 3},
    {SLICE_INIT("RSA-SHA256"), SIGNATURE_RSA, DIGEST_SHA256, 1U << 4},
    {SLICE_INIT("RSA-SHA512"), SIGNATURE_RSA, DIGEST_SHA512, 1U << 5},
    {SLICE_INIT("PLAINTEXT"), SIGNATURE_PLAINTEXT, DIGEST_SHA1, 1U << 6},
};

const struct signature_method *signature_method_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (slice_eq(methods[i].name, name))
            return &methods[i];
    return NULL;
}

bool signature_methods_parse(struct slice names, unsigned *ret_mask, struct slice *ret_unknown)
{
    unsigned mask = 0;
    for (size_t at = 0; at < names.len;) {
        size_t end = at;
        while (end < names.len && names.ptr[end] != ' ' && names.ptr[end] != ',')
            end++;
        struct slice name = slice_sub(names, at, end);
        const struct signature_method *method = signature_method_find(name);
        if (name.len && !method) {
            *ret_unknown = name;
            return false;
        }
        mask |= method ? method->bit : 0;
        at = end + 1;
    }
    *ret_mask = mask;
    return true;
}

void signature_methods_write(unsigned mask, char separator, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (!(mask & methods[i].bit))
            continue;
        if (!first)
            buf_add_byte(out, separator);
        buf_add(out, methods[i].name);
        first = false;
    }
}
