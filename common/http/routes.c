#include "http/routes.h"

/* How exactly the row's path fits, or -1 if it does not: the more characters are literal the better, and what
 * stands for this path alone beats what also stands for those below it. */
static int fit_route(const struct route *route, struct slice path, struct slice *ret_values)
{
    struct slice pattern = slice_str(route->path);
    size_t value_count = 0;
    int literal = 0;
    while (pattern.len > 0) {
        if (pattern.ptr[0] == '{') {
            size_t len = slice_find(path, '/');
            if (len == 0 || value_count == REQUEST_PATH_VALUES_MAX)
                return -1;
            ret_values[value_count++] = slice_sub(path, 0, len);
            path = slice_sub(path, len, path.len);
            pattern = slice_sub(pattern, slice_find(pattern, '}') + 1, pattern.len);
        } else {
            size_t len = slice_find(pattern, '{');
            struct slice part = slice_sub(pattern, 0, len);
            if (!slice_starts_with(path, part))
                return -1;
            literal += (int)len;
            path = slice_sub(path, len, path.len);
            pattern = slice_sub(pattern, len, pattern.len);
        }
    }
    bool ends_here = path.len == 0;
    bool goes_below = route->is_prefix && path.len > 0 && path.ptr[0] == '/';
    return ends_here || goes_below ? 2 * literal + !route->is_prefix : -1;
}

static bool takes_method(const struct route *route, struct slice method)
{
    if (!route->methods)
        return true;
    struct slice list = slice_str(route->methods);
    for (bool more = true; more;)
        if (slice_eq(slice_cut(&list, ',', &more), method))
            return true;
    return false;
}

static void add_methods(struct buf *allow, const struct route *route)
{
    struct slice list = slice_str(route->methods);
    for (bool more = list.len > 0; more;) {
        if (allow->len > 0)
            buf_add_str(allow, ", ");
        buf_add(allow, slice_cut(&list, ',', &more));
    }
}

const struct route *routes_find(const struct route *routes, size_t count, struct slice method, struct slice path,
                                struct slice *ret_values, struct buf *allow)
{
    const struct route *best = NULL;
    int best_fit = -1;
    size_t allow_before = allow->len;
    for (size_t i = 0; i < count; i++) {
        struct slice values[REQUEST_PATH_VALUES_MAX] = {{0}};
        int fits = fit_route(&routes[i], path, values);
        if (fits < 0 || fits < best_fit)
            continue;
        if (fits > best_fit) { /* a more exact path: what the others allow does not count */
            best = NULL;
            allow->len = allow_before;
            best_fit = fits;
        }
        if (best)
            continue;
        if (takes_method(&routes[i], method)) {
            best = &routes[i];
            memcpy(ret_values, values, sizeof values);
        } else {
            add_methods(allow, &routes[i]);
        }
    }
    return best;
}
