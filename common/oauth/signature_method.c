#include "oauth/signature_method.h"

#define PLACE(name, kind, digest) PLACE_##kind##_##digest,
#define ROW(name, kind, digest)   {SLICE_INIT(name), SIGNATURE_##kind, DIGEST_##digest, 1U << PLACE_##kind##_##digest},

enum { SIGNATURE_METHODS(PLACE) };

const struct signature_method signature_methods[SIGNATURE_METHOD_COUNT] = {SIGNATURE_METHODS(ROW)};

const struct signature_method *signature_method_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(signature_methods); i++)
        if (slice_eq(signature_methods[i].name, name))
            return &signature_methods[i];
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

unsigned signature_methods_of(enum signature_kind kind)
{
    unsigned mask = 0;
    for (size_t i = 0; i < COUNT_OF(signature_methods); i++)
        mask |= signature_methods[i].kind == kind ? signature_methods[i].bit : 0;
    return mask;
}

void signature_methods_write(unsigned mask, char separator, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(signature_methods); i++) {
        if (!(mask & signature_methods[i].bit))
            continue;
        if (!first)
            buf_add_byte(out, separator);
        buf_add(out, signature_methods[i].name);
        first = false;
    }
}
