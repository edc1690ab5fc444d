#include "site/frame.h"

#include "app/app.h"
#include "http/form.h"
#include "look/language.h"
#include "look/look_names.h"
#include "rules/callback.h"
#include "site/cookies.h"
#include "site/paths.h"

/* ---- the language ---- */

enum { LANGUAGES_MAX = 64 };

static size_t list_tags(const struct look *look, struct slice *ret_tags)
{
    size_t count = look->language_count < LANGUAGES_MAX ? look->language_count : LANGUAGES_MAX;
    for (size_t i = 0; i < count; i++)
        ret_tags[i] = look->languages[i].tag;
    return count;
}

static const struct look_language *language_for(const struct request *request, const struct look *look)
{
    struct slice tags[LANGUAGES_MAX];
    struct slice chosen = site_cookie(request, COOKIE_LANGUAGE);
    size_t count = list_tags(look, tags);
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(tags[i], chosen))
            return &look->languages[i];
    return &look->languages[language_choose(request_header(request, "Accept-Language", NULL), tags, count)];
}

struct frame_view frame_begin(const struct request *request)
{
    struct look *look = look_take(app_of(request)->look);
    return (struct frame_view){look, language_for(request, look)};
}

void frame_end(const struct request *request, const struct frame_view *view)
{
    look_give_back(app_of(request)->look, view->look);
}

/* ---- what every page has ---- */

/* The parameters that a page is asked for with; whatever else was in its address goes no further. */
static enum status add_page_query(struct arena *arena, struct slice text, struct buf *out)
{
    static const char *const names[] = {"oauth_token", "return_to"};
    struct form form = {0};
    TRY(form_parse(arena, text, &form));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct callback_pair pair = {names[i], form_get(&form, names[i], NULL)};
        struct slice before = buf_slice(out);
        if (slice_is_absent(pair.value))
            continue;
        *out = buf_in(arena);
        callback_write(before, &pair, 1, out);
    }
    return STATUS_OK;
}

/* Where the choice of a language comes back to; empty: what is shown here was the answer to a form, and is lost if one
 * goes away from it. The login page is asked for anew. */
static struct slice page_here(struct request *request)
{
    struct buf here = buf_in(&request->arena);
    struct slice prefix = app_of(request)->config->public_url.path;
    struct slice path = request->path;
    struct slice behind = slice_sub(path, prefix.len, path.len);
    bool is_form = slice_eq(request->method, SLICE("POST"));
    if (slice_starts_with(path, prefix) && slice_starts_with(behind, SLICE("/"))) /* no proxy took it off */
        path = behind;
    if (is_form && !slice_eq(path, SLICE("/login")))
        return SLICE("");
    buf_add(&here, prefix);
    buf_add(&here, path);
    enum status status = add_page_query(&request->arena, is_form ? request->body : request->query, &here);
    return status != STATUS_OK || here.failed ? SLICE("") : buf_slice(&here);
}

/* "/style.css?v=0123456789abcdef", behind the site's prefix; absent: no memory. */
static struct slice file_address(struct request *request, const char *path, const struct look_file *file)
{
    struct buf address = buf_in(&request->arena);
    const char *full = site_path(request, path);
    buf_addf(&address, "%s?v=%s", full ? full : "", file->hash);
    return full && !address.failed ? buf_slice(&address) : SLICE_ABSENT;
}

/* A row for each language; none where there is no choice. */
static enum status list_languages(struct arena *arena, const struct frame_view *view, struct page_value *ret_list)
{
    size_t count = view->look->language_count > 1 ? view->look->language_count : 0;
    struct page_scope *rows = arena_calloc(arena, count + 1, sizeof *rows);
    struct page_value(*values)[3] = arena_calloc(arena, count + 1, sizeof *values);
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct look_language *language = &view->look->languages[i];
        values[i][0] = PAGE_TEXT("tag", language->tag);
        values[i][1] = PAGE_TEXT("name", language->name);
        values[i][2] = PAGE_FLAG("current", language == view->language);
        rows[i] = (struct page_scope){values[i], COUNT_OF(values[i])};
    }
    *ret_list = PAGE_LIST("languages", rows, count);
    return STATUS_OK;
}

/* Its values, and behind them those that every page has. */
static enum status join_values(struct arena *arena, const struct page_scope *own, const struct page_value *common,
                               size_t common_count, struct page_scope *ret_scope)
{
    struct page_value *values = arena_calloc(arena, own->count + common_count, sizeof *values);
    if (!values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < own->count; i++)
        values[i] = own->values[i];
    for (size_t i = 0; i < common_count; i++)
        values[own->count + i] = common[i];
    *ret_scope = (struct page_scope){values, own->count + common_count};
    return STATUS_OK;
}

static enum status add_common(struct request *request, const struct frame_view *view, struct slice title,
                              const struct page_scope *own, struct page_scope *ret_scope)
{
    const struct look *look = view->look;
    struct page_value languages = {0};
    struct slice style = file_address(request, "/style.css", &look->style);
    struct slice brand_style = file_address(request, "/brand.css", &look->brand_style);
    struct slice logo = look->logo.bytes.len ? file_address(request, "/logo.png", &look->logo) : SLICE("");
    const char *home = site_path(request, "/");
    const char *account = site_path(request, APPLICATIONS_PATH);
    const char *language_action = site_path(request, "/language");
    bool has_links = look->terms_url.len || look->privacy_url.len || look->help_url.len;
    TRY(list_languages(&request->arena, view, &languages));
    if (slice_is_absent(style) || slice_is_absent(brand_style) || slice_is_absent(logo) || !home || !account ||
        !language_action)
        return STATUS_NO_MEMORY;
    const struct page_value values[] = {
        PAGE_TEXT("lang", view->language->tag),
        PAGE_TEXT("brand", look->brand),
        PAGE_TEXT("brand_logo", logo),
        PAGE_TEXT("home", slice_str(home)),
        PAGE_TEXT("style", style),
        PAGE_TEXT("brand_style", brand_style),
        PAGE_TEXT("terms_url", look->terms_url),
        PAGE_TEXT("privacy_url", look->privacy_url),
        PAGE_TEXT("help_url", look->help_url),
        PAGE_FLAG("has_links", has_links),
        PAGE_TEXT("account", slice_str(account)), /* the page on which one takes access back */
        PAGE_FLAG("development", app_of(request)->config->dev),
        PAGE_TEXT("title", title),
        PAGE_TEXT("here", languages.row_count ? page_here(request) : SLICE("")),
        PAGE_TEXT("language_action", slice_str(language_action)),
        languages,
        PAGE_TEXT("request_id", request_id(request)),
    };
    return join_values(&request->arena, own, values, COUNT_OF(values), ret_scope);
}

enum status frame_render(struct request *request, const struct frame_view *view, const char *title, const char *file,
                         const struct page_scope *scope, struct buf *out)
{
    const struct look *look = view->look;
    const struct catalogue *texts = &view->language->texts;
    struct page_scope all = {0};
    struct buf content = buf_in(&request->arena);
    struct buf heading = buf_in(&request->arena);
    if (!look_names_fit(file, scope))
        return STATUS_INTERNAL;
    TRY(page_phrase(texts, slice_str(title), scope, &heading));
    TRY(add_common(request, view, buf_slice(&heading), scope, &all));
    TRY(page_render(page_template(look->templates, file), texts, &all, &content));
    const struct page_value inside = PAGE_HTML("content", buf_slice(&content));
    const struct page_scope layout = {&inside, 1};
    TRY(add_common(request, view, buf_slice(&heading), &layout, &all));
    return page_render(page_template(look->templates, "layout.html"), texts, &all, out);
}
