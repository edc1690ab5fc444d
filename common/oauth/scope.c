#include "oauth/scope.h"

bool scope_next(struct slice *list, struct slice *ret_scope)
{
    for (bool more = true; more;) {
        struct slice scope = slice_cut(list, ' ', &more);
        if (scope.len == 0)
            continue;
        *ret_scope = scope;
        return true;
    }
    return false;
}

static bool has_scope(struct slice granted, struct slice needed)
{
    struct slice scope = {0};
    while (scope_next(&granted, &scope))
        if (slice_eq(scope, needed))
            return true;
    return false;
}

bool scope_covers(struct slice granted, struct slice needed)
{
    struct slice scope = {0};
    while (scope_next(&needed, &scope))
        if (!has_scope(granted, scope))
            return false;
    return true;
}

bool scope_is_valid(struct slice list)
{
    for (size_t i = 0; i < list.len; i++) {
        unsigned char c = (unsigned char)list.ptr[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return false;
    }
    return true;
}

void scope_write_shared(struct slice list, struct slice allowed, struct buf *out)
{
    struct slice rest = list;
    struct slice scope = {0};
    size_t begin = out->len;
    while (scope_next(&rest, &scope)) {
        struct slice before = slice_sub(list, 0, (size_t)(scope.ptr - list.ptr));
        if (has_scope(before, scope) || !has_scope(allowed, scope))
            continue;
        buf_add_str(out, out->len > begin ? " " : "");
        buf_add(out, scope);
    }
}
