#include "site/scope_list.h"

#include "oauth/scope.h"

/* A scope as pages show it. */
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
    values[2] = PAGE_FLAG("dangerous", shown->dangerous);
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
    for (size_t i = 0; i < shown->count && list.group_count == 0; i++)
        if (shown->scopes[i].group.len == 0)
            add_group(&list, shown, SLICE(""));
    for (size_t i = 0; i < shown->count; i++)
        if (!has_group(&list, shown->scopes[i].group))
            add_group(&list, shown, shown->scopes[i].group);
    *ret_groups = PAGE_LIST("groups", list.groups, list.group_count);
    return STATUS_OK;
}

enum status scope_list_describe(struct arena *arena, const struct frame_view *view, struct slice scopes,
                                struct scope_list *ret_list)
{
    struct shown_scopes shown;
    TRY(describe_scopes(arena, view, scopes, &shown));
    *ret_list = (struct scope_list){.count = shown.count, .has_dangerous = shown.has_dangerous};
    return list_groups(arena, &shown, &ret_list->groups);
}
