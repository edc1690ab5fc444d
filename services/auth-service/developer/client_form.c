#include "developer/client_form.h"

#include "app/app.h"
#include "oauth/scope.h"
#include "oauth/signature_method.h"
#include "rules/callback.h"
#include "site/frame.h"

static enum status refuse_field(struct client_form *it, const char *key, struct slice value)
{
    it->fault = key;
    it->fault_value = value;
    return STATUS_BAD_INPUT;
}

/* ---- what was typed ---- */

/* A text of several lines becomes one. */
static struct slice join_lines(struct arena *arena, struct slice text)
{
    struct slice line = slice_is_absent(text) ? SLICE("") : arena_copy(arena, text);
    char *bytes = slice_is_absent(line) ? NULL : arena_bytes(arena, line.len);
    for (size_t i = 0; bytes && i < line.len; i++)
        bytes[i] = line.ptr[i] == '\r' || line.ptr[i] == '\n' || line.ptr[i] == '\t' ? ' ' : line.ptr[i];
    return bytes ? slice_trim(slice_of(bytes, line.len)) : SLICE("");
}

/* Whether it holds a mark that turns the direction of writing: what stands behind one is read in another order, also
 * beyond the text, and users judge a client by its name. Letters that are written from right to left need none. */
static bool turns_direction(struct slice text)
{
    static const char *const marks[] = {
        "\xD8\x9C",                                                                     /* U+061C */
        "\xE2\x80\x8E", "\xE2\x80\x8F",                                                 /* U+200E, U+200F */
        "\xE2\x80\xAA", "\xE2\x80\xAB", "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAE", /* U+202A to U+202E */
        "\xE2\x81\xA6", "\xE2\x81\xA7", "\xE2\x81\xA8", "\xE2\x81\xA9",                 /* U+2066 to U+2069 */
    };
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (slice_find_slice(text, slice_str(marks[i])) < text.len)
            return true;
    return false;
}

/* A field of one line: how long it may be, and what is said where it is longer or no such line. */
struct line_rule {
    size_t max;
    const char *too_long, *wrong;
};

static const struct line_rule name_rule = {100, "client_refused.long_name", "client_refused.bad_name"};
static const struct line_rule website_rule = {2000, "client_refused.long_website", "client_refused.bad_website"};
static const struct line_rule description_rule = {1000, "client_refused.long_description",
                                                  "client_refused.bad_description"};
static const struct line_rule callback_rule = {CALLBACK_MAX_BYTES, "client_refused.long_callback",
                                               "client_refused.bad_callback"};

static struct slice write_length(struct arena *arena, struct slice text)
{
    struct buf out = buf_in(arena);
    buf_add_i64(&out, (int64_t)text.len);
    return buf_slice(&out);
}

static enum status bound_line(struct request *request, struct client_form *it, struct slice text,
                              const struct line_rule *rule)
{
    if (text.len > rule->max)
        return refuse_field(it, rule->too_long, write_length(&request->arena, text));
    bool is_plain = slice_is_printable(text) && !turns_direction(text);
    return is_plain ? STATUS_OK : refuse_field(it, rule->wrong, SLICE(""));
}

static enum status take_callbacks(struct request *request, struct client_form *it)
{
    struct option_list *list = &it->options.callbacks;
    struct slice rest = it->callbacks;
    for (bool more = rest.len > 0; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = slice_trim(line);
        if (line.len == 0)
            continue;
        if (list->count == CLIENT_CALLBACKS_MAX)
            return refuse_field(it, "client_refused.too_many_callbacks", SLICE(""));
        TRY(bound_line(request, it, line, &callback_rule));
        list->items[list->count++] = line;
    }
    if (list->count == 0)
        list->items[list->count++] = SLICE(""); /* takes all of them away */
    return STATUS_OK;
}

/* The values of all fields of this name, joined. */
static struct slice join_fields(struct arena *arena, const struct form *form, const char *name)
{
    struct buf joined = buf_in(arena);
    for (size_t i = 0; i < form->count; i++) {
        if (!slice_eq(form->fields[i].name, slice_str(name)))
            continue;
        buf_add_str(&joined, joined.len ? " " : "");
        buf_add(&joined, form->fields[i].value);
    }
    return joined.len ? buf_slice(&joined) : SLICE("");
}

static enum status read_texts(struct request *request, const struct form *form, struct client_form *it)
{
    struct arena *arena = &request->arena;
    it->name = join_lines(arena, form_get(form, "name", NULL));
    it->website = join_lines(arena, form_get(form, "website", NULL));
    it->description = join_lines(arena, form_get(form, "description", NULL));
    it->callbacks = slice_is_absent(form_get(form, "callbacks", NULL)) ? SLICE("") : form_get(form, "callbacks", NULL);
    it->methods = join_fields(arena, form, "method");
    it->scopes = join_fields(arena, form, "scope");
    TRY(it->name.len ? STATUS_OK : refuse_field(it, "client_refused.no_name", SLICE("")));
    TRY(bound_line(request, it, it->name, &name_rule));
    TRY(bound_line(request, it, it->website, &website_rule));
    TRY(bound_line(request, it, it->description, &description_rule));
    it->options.name = it->name;
    it->options.website = it->website;
    it->options.description = it->description;
    it->options.signature_methods = (struct option_list){.items = {it->methods}, .count = 1};
    return take_callbacks(request, it);
}

/* ---- scopes ---- */

/* What is granted where no scope is asked for: all, unless an operator chose less. An edit leaves his choice, of which
 * stays what is still allowed. */
static enum status keep_default_scopes(struct request *request, const struct client *client, struct client_form *it)
{
    struct buf kept = buf_in(&request->arena);
    if (scope_covers(client->default_scopes, client->allowed_scopes))
        return STATUS_OK;
    scope_write_shared(client->default_scopes, it->options.scopes.items[0], &kept);
    it->options.default_scopes = (struct option_list){.items = {kept.len ? buf_slice(&kept) : SLICE("")}, .count = 1};
    return kept.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Whoever registers a client may ask for what the operator marked so. Others stay where the client has them: an
 * operator gave them. */
static enum status take_scopes(struct request *request, const struct client *client, struct client_form *it)
{
    struct frame_view view = frame_begin(request);
    struct buf scopes = buf_in(&request->arena);
    struct slice rest = it->scopes;
    struct slice name = {0};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && scope_next(&rest, &name)) {
        const struct scope_text *known = scope_texts_find(&view.look->scopes, name);
        if (!known || !known->self_service)
            status = refuse_field(it, "client_refused.bad_scope", slice_sub(name, 0, 80));
        buf_add(&scopes, name);
        buf_add_byte(&scopes, ' ');
    }
    rest = client->allowed_scopes;
    while (scope_next(&rest, &name)) {
        const struct scope_text *known = scope_texts_find(&view.look->scopes, name);
        if (!known || !known->self_service) {
            buf_add(&scopes, name);
            buf_add_byte(&scopes, ' ');
        }
    }
    frame_end(request, &view);
    it->options.scopes = (struct option_list){.items = {scopes.len ? buf_slice(&scopes) : SLICE("")}, .count = 1};
    TRY(status);
    return scopes.failed ? STATUS_NO_MEMORY : keep_default_scopes(request, client, it);
}

/* ---- the rules of the command line ---- */

static const char *fault_key_of(const char *option)
{
    static const struct {
        const char *option, *key;
    } keys[] = {
        {"website", "client_refused.bad_website"},         {"callback", "client_refused.bad_callback"},
        {"signature-method", "client_refused.bad_method"}, {"scope", "client_refused.bad_scope"},
        {"default-scope", "client_refused.bad_scope"},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strcmp(keys[i].option, option) == 0)
            return keys[i].key;
    return "client_refused.bad_name";
}

enum status client_form_read(struct request *request, const struct form *form, const struct client *client,
                             struct client_form *ret_form)
{
    struct client_form *it = ret_form;
    *it = (struct client_form){.draft = {.options = &it->options, .client = *client}};
    TRY(read_texts(request, form, it));
    TRY(take_scopes(request, client, it));
    if (client_draft_take(&it->draft) && (client->id == 0 || client_draft_can_sign(&it->draft)))
        return STATUS_OK;
    if (it->draft.why.failed)
        return STATUS_NO_MEMORY;
    struct slice value = arena_copy(&request->arena, it->draft.fault_value); /* it may be the draft's */
    return refuse_field(it, fault_key_of(it->draft.fault), slice_is_absent(value) ? SLICE("") : value);
}

void client_form_done(struct client_form *form)
{
    client_draft_done(&form->draft);
}

enum status client_form_show(struct arena *arena, const struct client *client, struct client_form *ret_form)
{
    struct buf callbacks = buf_in(arena);
    for (size_t i = 0; i < client->callback_count; i++) {
        buf_add(&callbacks, client->callbacks[i].uri);
        buf_add_str(&callbacks, client->callbacks[i].is_prefix ? "*\n" : "\n");
    }
    *ret_form = (struct client_form){
        .name = client->name,
        .website = client->website,
        .description = client->description,
        .callbacks = callbacks.len ? buf_slice(&callbacks) : SLICE(""),
        .methods = client->signature_methods,
        .scopes = client->allowed_scopes,
    };
    return callbacks.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* ---- what a change ends ---- */

static bool has_callback(const struct client *client, const struct client_callback *wanted)
{
    for (size_t i = 0; i < client->callback_count; i++)
        if (slice_eq(client->callbacks[i].uri, wanted->uri) && client->callbacks[i].is_prefix == wanted->is_prefix)
            return true;
    return false;
}

static bool adds_callback(const struct client *before, const struct client *after)
{
    for (size_t i = 0; i < after->callback_count; i++)
        if (!has_callback(before, &after->callbacks[i]))
            return true;
    return false;
}

void client_form_end_approval(const struct request *request, struct client *client)
{
    client->flags &= ~(unsigned)(CLIENT_VERIFIED | CLIENT_TRUSTED);
    if (app_of(request)->config->registration != REGISTRATION_OPEN)
        client->flags = (client->flags & ~(unsigned)CLIENT_UNAPPROVED) | CLIENT_PENDING;
}

void client_form_judge_change(const struct request *request, const struct client *before, struct client *after)
{
    bool is_another = !slice_eq(before->name, after->name) || !slice_eq(before->website, after->website) ||
                      before->callback_count != after->callback_count || adds_callback(before, after) ||
                      !scope_covers(before->allowed_scopes, after->allowed_scopes) ||
                      !scope_covers(after->allowed_scopes, before->allowed_scopes);
    if (is_another)
        client_form_end_approval(request, after);
}
