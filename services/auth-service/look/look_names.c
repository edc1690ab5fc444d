#include "look/look_names.h"

/* Names are separated by spaces; "name(a b)" is a list whose rows have a and b, "name!" is HTML. */
#define EVERY_PAGE                                                                                   \
    "lang brand brand_logo home style brand_style terms_url privacy_url help_url has_links account " \
    "development title here language_action languages(tag name current) request_id"

static const struct {
    const char *file;
    const char *names;
} pages[] = {
    {"layout.html", "content!"},
    {"client.html",
     "error saved action back csrf_token client_id initiate authorize token application client_name logo website "
     "description callbacks "
     "methods(method ticked) scopes(scope text dangerous ticked) has_scopes pending rejected verified disabled "
     "switched_off waits has_secret former_until keys(key_id fingerprint until) has_keys"},
    {"client_secret.html", "client_id client_secret oauth_token oauth_token_secret address"},
    {"clients.html", "clients(address client_name client_id pending rejected disabled) has_clients fresh try_address"},
    {"consent.html",
     "client_name initial verified description website logo username elsewhere groups(group scopes(scope text "
     "dangerous)) "
     "has_scopes has_dangerous optional site machine app destination lasts action logout return_to oauth_token "
     "csrf_token shown"},
    {"applications.html",
     "grants(jti client_name website verified since used expires groups(group scopes(scope text dangerous)) has_scopes "
     "has_choice) outcome username csrf_token action security older newest has_grants"},
    {"home.html",
     "username csrf_token login logout applications security developer public_url initiate authorize token"},
    {"login.html", "error action csrf_token return_to because reason username client_name forgotten_password_url"},
    {"message.html", "kind message problem problem_url"},
    {"not_found.html", ""},
    {"problems.html", "problems(code rows(http error text))"},
    {"security.html", "sessions(handle came_from since current) outcome fault username csrf_token action "
                      "password_action site "
                      "by_proxy applications"},
    {"try.html",
     "action back csrf_token method url authorization content_type body verdict problem detail rejected base_string "
     "hints(hint)"},
    {"verifier.html", "client_name verifier spelled"},
};

static const char *names_of(const char *file)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        if (strcmp(pages[i].file, file) == 0)
            return pages[i].names;
    return NULL;
}

struct name {
    struct slice text;
    struct slice inside; /* of a list; absent: a text */
    bool is_html;
};

static size_t find_name_end(struct slice names)
{
    size_t end = 0;
    while (end < names.len && !strchr(" (!", names.ptr[end]))
        end++;
    return end;
}

/* The length of "(…)", with what nests in it. */
static size_t measure_list(struct slice names)
{
    size_t depth = 0;
    for (size_t i = 0; i < names.len; i++) {
        depth += names.ptr[i] == '(';
        depth -= names.ptr[i] == ')';
        if (depth == 0)
            return i + 1;
    }
    return names.len;
}

static bool take_name(struct slice *names, struct name *ret_name)
{
    if (names->len == 0)
        return false;
    size_t end = find_name_end(*names);
    *ret_name = (struct name){.text = slice_sub(*names, 0, end), .inside = SLICE_ABSENT};
    *names = slice_sub(*names, end, names->len);
    ret_name->is_html = slice_starts_with(*names, SLICE("!"));
    size_t list = slice_starts_with(*names, SLICE("(")) ? measure_list(*names) : 0;
    if (list)
        ret_name->inside = slice_sub(*names, 1, list - 1);
    size_t next = list + ret_name->is_html;
    *names = slice_sub(*names, next + (next < names->len), names->len);
    return true;
}

static enum status fill_scope(struct slice names, struct arena *arena, struct page_scope *ret_scope);

static enum status fill_value(const struct name *name, struct arena *arena, struct page_value *ret_value)
{
    const char *text = arena_string(arena, name->text);
    if (!text)
        return STATUS_NO_MEMORY;
    *ret_value = (struct page_value){.name = text, .text = SLICE(""), .is_html = name->is_html};
    if (slice_is_absent(name->inside))
        return STATUS_OK;
    struct page_scope *row = arena_calloc(arena, 1, sizeof *row);
    ret_value->rows = row;
    ret_value->row_count = 1;
    return row ? fill_scope(name->inside, arena, row) : STATUS_NO_MEMORY;
}

static size_t count_names(struct slice names)
{
    struct name name;
    size_t count = 0;
    while (take_name(&names, &name))
        count++;
    return count;
}

static enum status fill_scope(struct slice names, struct arena *arena, struct page_scope *ret_scope)
{
    struct name name;
    size_t count = count_names(names);
    struct page_value *values = arena_calloc(arena, count, sizeof *values);
    if (!values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; take_name(&names, &name); i++)
        TRY(fill_value(&name, arena, &values[i]));
    *ret_scope = (struct page_scope){values, count};
    return STATUS_OK;
}

enum status look_names_scope(const char *file, struct arena *arena, struct page_scope *ret_scope)
{
    const char *names = names_of(file);
    struct buf all = buf_in(arena);
    if (!names)
        return STATUS_INTERNAL;
    buf_addf(&all, "%s " EVERY_PAGE, names);
    return all.failed ? STATUS_NO_MEMORY : fill_scope(buf_slice(&all), arena, ret_scope);
}

static bool has_value(const struct page_scope *scope, struct slice name)
{
    for (size_t i = 0; i < scope->count; i++)
        if (slice_eq(slice_str(scope->values[i].name), name))
            return true;
    return false;
}

bool look_names_fit(const char *file, const struct page_scope *scope)
{
    const char *names = names_of(file);
    struct slice rest = slice_str(names);
    struct name name;
    if (!names || scope->count != count_names(rest))
        return false;
    while (take_name(&rest, &name))
        if (!has_value(scope, name.text))
            return false;
    return true;
}
