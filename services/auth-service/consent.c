#include "consent.h"

#include "callback.h"
#include "login/return_to.h"
#include "look/frame.h"
#include "oauth/scope.h"
#include "site.h"

enum { UNTICK_MAX = 200, DAY_S = 24 * 3600, HOUR_S = 3600, MINUTE_S = 60 };

/* A scope as the page shows it. */
struct shown_scope {
    struct slice name;
    struct slice text;  /* absent: the operator's file does not have it */
    struct slice group; /* empty: of none */
    bool dangerous;
};

struct shown_scopes {
    struct shown_scope *scopes;
    size_t count;
    bool has_dangerous;
};

static size_t count_scopes(struct slice scopes)
{
    struct slice scope = {0};
    size_t count = 0;
    while (scope_next(&scopes, &scope))
        count++;
    return count;
}

/* The words live as long as the view. */
static struct shown_scope describe_scope(const struct frame_view *view, struct slice name)
{
    const struct scope_text *known = scope_texts_find(&view->look->scopes, name);
    if (!known)
        return (struct shown_scope){name, SLICE_ABSENT, SLICE(""), false};
    struct scope_words words = scope_words_in(known, view->language->tag);
    return (struct shown_scope){name, words.text, slice_is_absent(words.group) ? SLICE("") : words.group,
                                known->dangerous};
}

/* All of them: what is not shown is not consented to. */
static enum status describe_scopes(struct arena *arena, const struct frame_view *view, struct slice scopes,
                                   struct shown_scopes *ret_shown)
{
    struct slice name = {0};
    size_t count = count_scopes(scopes);
    struct shown_scope *shown = arena_calloc(arena, count + 1, sizeof *shown);
    if (!shown)
        return STATUS_NO_MEMORY;
    *ret_shown = (struct shown_scopes){shown, count, false};
    for (size_t i = 0; scope_next(&scopes, &name); i++) {
        shown[i] = describe_scope(view, name);
        ret_shown->has_dangerous = ret_shown->has_dangerous || shown[i].dangerous;
    }
    return STATUS_OK;
}

/* What the page's list of groups is made of: a group's rows stand together, groups in the order of their first scope.
 */
struct group_list {
    struct page_scope *groups;
    struct page_value (*group_values)[2];
    size_t group_count;
    struct page_scope *rows;
    struct page_value (*row_values)[3];
    size_t row_count;
};

static enum status take_group_memory(struct arena *arena, size_t count, struct group_list *ret_list)
{
    *ret_list = (struct group_list){.groups = arena_calloc(arena, count + 1, sizeof(struct page_scope)),
                                    .group_values = arena_calloc(arena, count + 1, sizeof(struct page_value[2])),
                                    .rows = arena_calloc(arena, count + 1, sizeof(struct page_scope)),
                                    .row_values = arena_calloc(arena, count + 1, sizeof(struct page_value[3]))};
    bool is_there = ret_list->groups && ret_list->group_values && ret_list->rows && ret_list->row_values;
    return is_there ? STATUS_OK : STATUS_NO_MEMORY;
}

static void add_scope_row(struct group_list *list, const struct shown_scope *shown)
{
    struct page_value *values = list->row_values[list->row_count];
    values[0] = PAGE_TEXT("scope", shown->name);
    values[1] = PAGE_TEXT("text", shown->text);
    values[2] = PAGE_TEXT("dangerous", shown->dangerous ? SLICE("yes") : SLICE(""));
    list->rows[list->row_count++] = (struct page_scope){values, 3};
}

static bool has_group(const struct group_list *list, struct slice group)
{
    for (size_t i = 0; i < list->group_count; i++)
        if (slice_eq(list->group_values[i][0].text, group))
            return true;
    return false;
}

static void add_group(struct group_list *list, const struct shown_scopes *shown, struct slice group)
{
    size_t first = list->row_count;
    struct page_value *values = list->group_values[list->group_count];
    for (size_t i = 0; i < shown->count; i++)
        if (slice_eq(shown->scopes[i].group, group))
            add_scope_row(list, &shown->scopes[i]);
    values[0] = PAGE_TEXT("group", group);
    values[1] = PAGE_LIST("scopes", &list->rows[first], list->row_count - first);
    list->groups[list->group_count++] = (struct page_scope){values, 2};
}

static enum status list_groups(struct arena *arena, const struct shown_scopes *shown, struct page_value *ret_groups)
{
    struct group_list list;
    TRY(take_group_memory(arena, shown->count, &list));
    for (size_t i = 0; i < shown->count && list.group_count == 0;
         i++) /* those of none first, or they seem to be of one */
        if (shown->scopes[i].group.len == 0)
            add_group(&list, shown, SLICE(""));
    for (size_t i = 0; i < shown->count; i++)
        if (!has_group(&list, shown->scopes[i].group))
            add_group(&list, shown, shown->scopes[i].group);
    *ret_groups = PAGE_LIST("groups", list.groups, list.group_count);
    return STATUS_OK;
}

/* A callback is told as its origin or scheme, and what that means: {{site}}, {{machine}} or {{app}}. */
struct place {
    struct slice site;
    struct slice machine; /* a program on the resource owner's own machine */
    struct slice app;     /* whatever app has taken this scheme */
};

static struct place destination_place(struct slice destination, struct slice source)
{
    if (callback_is_loopback(destination))
        return (struct place){.machine = source};
    if (slice_starts_with(source, SLICE("https://")) || slice_starts_with(source, SLICE("http://")))
        return (struct place){.site = source};
    return (struct place){.app = source};
}

static struct slice flag_text(const struct client *client, enum client_flag flag)
{
    return client->flags & flag ? SLICE("yes") : SLICE("");
}

/* The first character of a name, where it is one that can be seen: in place of a logo. */
static struct slice initial_of(struct slice name)
{
    size_t len = slice_utf8_sequence(name, 0);
    struct slice initial = slice_sub(name, 0, len);
    bool is_mark = slice_starts_with(initial, SLICE("\xe2\x80")) || slice_starts_with(initial, SLICE("\xe2\x81"));
    return len > 0 && !is_mark && slice_is_printable(initial) ? initial : SLICE("·");
}

/* "for 30 days", rounded up to the unit that it is told in. */
static struct slice lasts_text(struct request *request)
{
    static const struct {
        int64_t unit_s;
        const char *one, *many;
    } units[] = {{DAY_S, "consent.lasts_day", "consent.lasts_days"},
                 {HOUR_S, "consent.lasts_hour", "consent.lasts_hours"},
                 {MINUTE_S, "consent.lasts_minute", "consent.lasts_minutes"}};
    int64_t ttl_s = app_of(request)->config->token_ttl_s;
    struct buf count = buf_in(&request->arena);
    size_t i = 0;
    while (i + 1 < COUNT_OF(units) && ttl_s < units[i].unit_s)
        i++;
    int64_t units_in = (ttl_s + units[i].unit_s - 1) / units[i].unit_s;
    buf_add_i64(&count, units_in);
    struct frame_view view = frame_begin(request);
    const struct page_value values[] = {
        PAGE_TEXT("count", buf_slice(&count)),
        PAGE_TEXT("brand", arena_copy(&request->arena, view.look->brand)),
    };
    frame_end(request, &view);
    const struct page_scope scope = {values, COUNT_OF(values)};
    const char *key = ttl_s == 0 ? "consent.lasts_forever" : units_in == 1 ? units[i].one : units[i].many;
    return site_text_with(request, key, &scope);
}

static struct slice yes_if(bool is_so)
{
    return is_so ? SLICE("yes") : SLICE("");
}

static enum status show_with(struct request *request, const struct consent *consent, const struct shown_scopes *shown)
{
    const struct client *client = consent->client;
    struct slice oauth_token = consent->temp->token;
    struct slice return_to = return_to_authorize(request, oauth_token);
    struct slice action = slice_sub(return_to, 0, slice_find(return_to, '?'));
    struct slice name = client->name.len ? client->name : client->client_id;
    const char *logout = site_path(request, "/logout");
    struct page_value groups = {0};
    struct buf source = buf_in(&request->arena);
    callback_write_csp_source(consent->destination, &source);
    TRY(list_groups(&request->arena, shown, &groups));
    struct slice lasts = lasts_text(request);
    if (slice_is_absent(return_to) || !logout || source.failed || slice_is_absent(lasts))
        return STATUS_NO_MEMORY;
    struct place place = destination_place(consent->destination, buf_slice(&source));
    bool may_untick = client->flags & CLIENT_OPTIONAL_SCOPES && shown->count <= UNTICK_MAX;
    const struct page_value values[] = {
        PAGE_TEXT("client_name", name),
        PAGE_TEXT("initial", initial_of(name)),
        PAGE_TEXT("verified", flag_text(client, CLIENT_VERIFIED)),
        PAGE_TEXT("description", client->description),
        PAGE_TEXT("website", client->website),
        PAGE_TEXT("logo", SLICE("")), /* never fetched from somebody else's server by the user's browser */
        PAGE_TEXT("username", consent->user->username),
        groups,
        PAGE_TEXT("has_scopes", yes_if(shown->count > 0)),
        PAGE_TEXT("has_dangerous", yes_if(shown->has_dangerous)),
        PAGE_TEXT("optional", yes_if(may_untick)),
        PAGE_TEXT("site", place.site),
        PAGE_TEXT("machine", place.machine),
        PAGE_TEXT("app", place.app),
        PAGE_TEXT("destination", buf_slice(&source)),
        PAGE_TEXT("lasts", lasts),
        PAGE_TEXT("action", action),
        PAGE_TEXT("logout", slice_str(logout)),
        PAGE_TEXT("return_to", return_to),
        PAGE_TEXT("oauth_token", oauth_token),
        PAGE_TEXT("csrf_token", consent->csrf_token),
        PAGE_TEXT("shown", consent->scopes),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    (void)site_page(request, 200, "consent.title", "consent.html", &scope, buf_slice(&source));
    return STATUS_OK;
}

enum status consent_show(struct request *request, const struct consent *consent)
{
    struct shown_scopes shown;
    struct frame_view view = frame_begin(request); /* the words of scopes are its */
    enum status status = describe_scopes(&request->arena, &view, consent->scopes, &shown);
    if (status == STATUS_OK)
        status = show_with(request, consent, &shown);
    frame_end(request, &view);
    return status;
}
