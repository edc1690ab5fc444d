#include "site/files.h"

#include "look/look.h"
#include "site/site.h"

static bool is_asked_by_hash(const struct request *request, const struct look_file *file)
{
    struct slice query = request->query;
    return slice_starts_with(query, SLICE("v=")) && slice_eq(slice_sub(query, 2, query.len), slice_str(file->hash));
}

/* `policy`: what else browsers are told of it; NULL: nothing. */
static enum step_result send_file(struct request *request, const struct look_file *file, const char *type,
                                  const char *policy)
{
    struct slice bytes = arena_copy(&request->arena, file->bytes);
    if (slice_is_absent(bytes) || file->bytes.len == 0)
        return site_refuse(request, file->bytes.len ? STATUS_NO_MEMORY : STATUS_NOT_FOUND, NULL);
    request_reply_start(request, 200);
    request_reply_header(request, "Cache-Control",
                         is_asked_by_hash(request, file) ? SLICE("public, max-age=31536000, immutable")
                                                         : SLICE("public, max-age=3600"));
    request_reply_header(request, "X-Content-Type-Options", SLICE("nosniff"));
    if (policy)
        request_reply_header(request, "Content-Security-Policy", slice_str(policy));
    request_reply_body(request, type, bytes);
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result show_style(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct look *look = look_take(app_of(request)->look);
    enum step_result result = send_file(request, &look->style, "text/css; charset=utf-8", NULL);
    look_give_back(app_of(request)->look, look);
    return result;
}

static enum step_result show_brand_style(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct look *look = look_take(app_of(request)->look);
    enum step_result result = send_file(request, &look->brand_style, "text/css; charset=utf-8", NULL);
    look_give_back(app_of(request)->look, look);
    return result;
}

/* Whatever is in the picture, a browser that opens it as a page runs and loads nothing. */
static enum step_result show_logo(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct look *look = look_take(app_of(request)->look);
    enum step_result result = send_file(request, &look->logo, "image/png", "default-src 'none'; sandbox");
    look_give_back(app_of(request)->look, look);
    return result;
}

const struct step files_style[] = {{"style", show_style}, {NULL, NULL}};
const struct step files_brand_style[] = {{"brand_style", show_brand_style}, {NULL, NULL}};
const struct step files_logo[] = {{"logo", show_logo}, {NULL, NULL}};
