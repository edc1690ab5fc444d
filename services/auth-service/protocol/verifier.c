#include "protocol/verifier.h"

enum { GROUP = 4 };

void verifier_write_grouped(struct slice verifier, struct buf *out)
{
    for (size_t i = 0; i < verifier.len; i++) {
        if (i > 0 && i % GROUP == 0)
            buf_add_byte(out, '-');
        buf_add_byte(out, verifier.ptr[i]);
    }
}

void verifier_write_spelled(struct slice verifier, struct buf *out)
{
    for (size_t i = 0; i < verifier.len; i++) {
        if (i > 0)
            buf_add_str(out, i % GROUP ? " " : ", ");
        buf_add_byte(out, verifier.ptr[i]);
    }
}

static char capital_of(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

struct slice verifier_typed(struct slice text, struct arena *arena)
{
    char *typed = arena_bytes(arena, text.len + 1);
    size_t len = 0;
    if (!typed)
        return SLICE_ABSENT;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ' ' && text.ptr[i] != '-')
            typed[len++] = text.ptr[i];
    for (size_t i = 0; len == VERIFIER_TYPABLE_BYTES && i < len; i++)
        typed[i] = capital_of(typed[i]);
    return slice_of(typed, len);
}
