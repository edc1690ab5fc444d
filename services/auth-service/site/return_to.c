#include "site/return_to.h"

#include "base/percent.h"
#include "rules/callback.h"
#include "site/site.h"

static bool may_stand_in_query(char byte)
{
    return percent_is_unreserved(byte) || byte == '%' || byte == '=' || byte == '&' || byte == '+';
}

bool return_to_is_safe(struct slice target, struct slice authorize_page)
{
    struct slice query = slice_sub(target, authorize_page.len, target.len);
    bool is_local = authorize_page.len > 1 && authorize_page.ptr[0] == '/' && authorize_page.ptr[1] != '/';
    if (!is_local || !slice_starts_with(target, authorize_page) || !slice_starts_with(query, SLICE("?")))
        return false;
    for (size_t i = 1; i < query.len; i++)
        if (!may_stand_in_query(query.ptr[i]))
            return false;
    return true;
}

/* One slash at the front, and no byte that a browser might take for one. */
bool return_to_is_local(struct slice target, struct slice prefix)
{
    struct slice path = slice_sub(target, prefix.len, target.len);
    if (!slice_starts_with(target, prefix) || !slice_starts_with(path, SLICE("/")) ||
        slice_find_slice(target, SLICE("//")) < target.len)
        return false;
    size_t query = slice_find(path, '?');
    for (size_t i = 0; i < path.len; i++)
        if (!may_stand_in_query(path.ptr[i]) && path.ptr[i] != '/' && i != query)
            return false;
    return true;
}

static struct slice authorize_page(struct request *request)
{
    struct buf page = buf_in(&request->arena);
    buf_add(&page, app_of(request)->config->public_url.path);
    buf_add(&page, app_of(request)->config->authorize_path);
    return page.failed ? SLICE_ABSENT : buf_slice(&page);
}

/* A browser takes a dot for one, as bytes or as %2e. */
static bool has_dot_segment(struct slice path)
{
    for (size_t i = 0; i < path.len; i++)
        if (slice_starts_with(slice_sub(path, i, path.len), SLICE("/.")) ||
            slice_eq_nocase(slice_sub(path, i, i + 4), SLICE("/%2e")))
            return true;
    return false;
}

static bool is_visitors_page(struct slice target, struct slice prefix)
{
    struct slice path = slice_sub(target, prefix.len, target.len);
    return return_to_is_local(target, prefix) && !has_dot_segment(path) &&
           (slice_starts_with(path, SLICE("/account/")) || slice_starts_with(path, SLICE("/developer/")));
}

struct slice return_to_choose(struct request *request, struct slice wanted)
{
    bool is_ours = return_to_is_safe(wanted, authorize_page(request)) ||
                   is_visitors_page(wanted, app_of(request)->config->public_url.path);
    return is_ours ? wanted : slice_str(site_path(request, "/"));
}

struct slice return_to_page(struct request *request, struct slice wanted)
{
    struct slice prefix = app_of(request)->config->public_url.path;
    return return_to_is_local(wanted, prefix) ? wanted : slice_str(site_path(request, "/"));
}

struct slice return_to_authorize(struct request *request, struct slice oauth_token)
{
    const struct callback_pair pair = {"oauth_token", oauth_token};
    struct slice page = authorize_page(request);
    struct buf target = buf_in(&request->arena);
    callback_write(page, &pair, 1, &target);
    return slice_is_absent(page) || target.failed ? SLICE_ABSENT : buf_slice(&target);
}
