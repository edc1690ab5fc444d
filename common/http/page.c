#include "http/page.h"

enum { NESTING_MAX = 16 };

/* Where in the HTML the rendering stands: decides whether a value may stand there. */
enum place {
    IN_TEXT,
    IN_TAG,    /* between < and >, outside of quotes */
    IN_DOUBLE, /* in an attribute's value */
    IN_SINGLE,
    IN_CODE, /* in <script> or <style>, where entities mean nothing */
};

struct renderer {
    struct buf *out;
    enum place place;
    bool enters_code; /* the tag that we are in is <script> or <style> */
};

/* Scopes from the innermost outwards. */
struct frame {
    const struct page_scope *scope;
    const struct frame *around;
};

enum tag_kind { TAG_TEXT, TAG_URL, TAG_RAW, TAG_SECTION, TAG_INVERTED, TAG_END };

struct tag {
    enum tag_kind kind;
    struct slice name;
};

/* --- values --- */

void page_escape(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        case '\'':
            buf_add_str(out, "&#39;");
            break;
        case '`':
            buf_add_str(out, "&#96;");
            break;
        default:
            buf_add_byte(out, text.ptr[i]);
        }
    }
}

/* Browsers drop tabs and line ends out of a URL, and take '\' for '/', so none of these may be in one. */
static bool is_plain(struct slice url)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= 0x20 || url.ptr[i] == 0x7f || url.ptr[i] == '\\')
            return false;
    return true;
}

static bool has_prefix(struct slice text, const char *prefix)
{
    struct slice wanted = slice_str(prefix);
    return slice_eq_nocase(slice_sub(text, 0, wanted.len), wanted);
}

/* "//host" is a path to no one: it leaves the site. */
static bool is_safe_url(struct slice url)
{
    if (!is_plain(url) || url.len == 0)
        return false;
    if (has_prefix(url, "https://") || has_prefix(url, "http://"))
        return true;
    bool is_path = url.ptr[0] == '/' && !(url.len > 1 && url.ptr[1] == '/');
    return is_path || url.ptr[0] == '?' || url.ptr[0] == '#';
}

static const struct page_value *find_value(const struct frame *frame, struct slice name)
{
    for (; frame; frame = frame->around)
        for (size_t i = 0; i < frame->scope->count; i++)
            if (slice_eq(slice_str(frame->scope->values[i].name), name))
                return &frame->scope->values[i];
    return NULL;
}

/* --- literal text --- */

static bool begins_tag(struct slice rest, const char *name)
{
    struct slice wanted = slice_str(name);
    return slice_eq_nocase(slice_sub(rest, 1, 1 + wanted.len), wanted);
}

static void enter_tag(struct renderer *renderer, struct slice rest)
{
    renderer->enters_code = begins_tag(rest, "script") || begins_tag(rest, "style");
    renderer->place = IN_TAG;
}

/* `rest` begins with c. */
static void step_over(struct renderer *renderer, char c, struct slice rest)
{
    switch (renderer->place) {
    case IN_TEXT:
        if (c == '<')
            enter_tag(renderer, rest);
        break;
    case IN_TAG:
        if (c == '"')
            renderer->place = IN_DOUBLE;
        else if (c == '\'')
            renderer->place = IN_SINGLE;
        else if (c == '>')
            renderer->place = renderer->enters_code ? IN_CODE : IN_TEXT;
        break;
    case IN_DOUBLE:
        if (c == '"')
            renderer->place = IN_TAG;
        break;
    case IN_SINGLE:
        if (c == '\'')
            renderer->place = IN_TAG;
        break;
    case IN_CODE:
        if (begins_tag(rest, "/script") || begins_tag(rest, "/style"))
            enter_tag(renderer, rest);
        break;
    }
}

static void add_literal(struct renderer *renderer, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        step_over(renderer, text.ptr[i], slice_sub(text, i, text.len));
    buf_add(renderer->out, text);
}

/* --- tags --- */

static bool is_tag_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return name.len > 0;
}

/* Cuts the text before the next tag off *rest, and the tag; *ret_found is false at the end. */
static enum status next_tag(struct slice *rest, struct slice *ret_literal, struct tag *ret_tag, bool *ret_found)
{
    size_t at = slice_find_slice(*rest, SLICE("{{"));
    *ret_literal = slice_sub(*rest, 0, at);
    *ret_found = at < rest->len;
    if (!*ret_found)
        return STATUS_OK;
    struct slice inner = slice_sub(*rest, at + 2, rest->len);
    bool is_raw = inner.len > 0 && inner.ptr[0] == '{';
    struct slice end = is_raw ? SLICE("}}}") : SLICE("}}");
    size_t len = slice_find_slice(inner, end);
    if (len == inner.len)
        return STATUS_INTERNAL;
    *rest = slice_sub(inner, len + end.len, inner.len);
    inner = slice_sub(inner, is_raw, len);
    struct tag tag = {is_raw ? TAG_RAW : TAG_TEXT, inner};
    if (slice_starts_with(inner, SLICE("url:")))
        tag = (struct tag){TAG_URL, slice_sub(inner, 4, inner.len)};
    else if (inner.len > 0 && strchr("#^/", inner.ptr[0]))
        tag = (struct tag){inner.ptr[0] == '#'   ? TAG_SECTION
                           : inner.ptr[0] == '^' ? TAG_INVERTED
                                                 : TAG_END,
                           slice_sub(inner, 1, inner.len)};
    *ret_tag = tag;
    return is_tag_name(tag.name) ? STATUS_OK : STATUS_INTERNAL;
}

/* Cuts a section's inside, up to its own end, off *rest. */
static enum status cut_section(struct slice *rest, struct slice name, struct slice *ret_inside)
{
    const char *start = rest->ptr;
    size_t depth = 1;
    for (;;) {
        struct slice before = *rest;
        struct slice literal;
        struct tag tag;
        bool found;
        TRY(next_tag(rest, &literal, &tag, &found));
        if (!found)
            return STATUS_INTERNAL;
        if (!slice_eq(tag.name, name))
            continue;
        if (tag.kind == TAG_SECTION || tag.kind == TAG_INVERTED)
            depth++;
        if (tag.kind == TAG_END && --depth == 0) {
            *ret_inside = slice_of(start, (size_t)(before.ptr - start) + literal.len);
            return STATUS_OK;
        }
    }
}

static enum status add_tag_value(struct renderer *renderer, enum tag_kind kind, const struct page_value *value)
{
    bool is_quoted = renderer->place == IN_DOUBLE || renderer->place == IN_SINGLE;
    if (value->rows || renderer->place == IN_TAG || renderer->place == IN_CODE)
        return STATUS_INTERNAL;
    if (kind == TAG_RAW) {
        if (is_quoted)
            return STATUS_INTERNAL;
        buf_add(renderer->out, value->text);
    } else if (kind == TAG_URL) {
        if (!is_quoted)
            return STATUS_INTERNAL;
        page_escape(renderer->out, is_safe_url(value->text) ? value->text : SLICE("#"));
    } else {
        page_escape(renderer->out, value->text);
    }
    return STATUS_OK;
}

static enum status render_rest(struct renderer *renderer, struct slice rest, const struct frame *frame, unsigned depth);

static enum status add_section(struct renderer *renderer, enum tag_kind kind, const struct page_value *value,
                               struct slice inside, const struct frame *frame, unsigned depth)
{
    bool is_there = value->rows ? value->row_count > 0 : value->text.len > 0;
    if (kind == TAG_INVERTED)
        return is_there ? STATUS_OK : render_rest(renderer, inside, frame, depth);
    if (!value->rows)
        return is_there ? render_rest(renderer, inside, frame, depth) : STATUS_OK;
    for (size_t i = 0; i < value->row_count; i++) {
        struct frame row = {&value->rows[i], frame};
        TRY(render_rest(renderer, inside, &row, depth));
    }
    return STATUS_OK;
}

static enum status render_rest(struct renderer *renderer, struct slice rest, const struct frame *frame, unsigned depth)
{
    if (depth == NESTING_MAX)
        return STATUS_INTERNAL;
    for (;;) {
        struct slice literal;
        struct tag tag;
        bool found;
        TRY(next_tag(&rest, &literal, &tag, &found));
        add_literal(renderer, literal);
        if (!found)
            return STATUS_OK;
        const struct page_value *value = find_value(frame, tag.name);
        if (!value || tag.kind == TAG_END)
            return STATUS_INTERNAL;
        if (tag.kind == TAG_SECTION || tag.kind == TAG_INVERTED) {
            struct slice inside;
            TRY(cut_section(&rest, tag.name, &inside));
            TRY(add_section(renderer, tag.kind, value, inside, frame, depth + 1));
        } else {
            TRY(add_tag_value(renderer, tag.kind, value));
        }
    }
}

enum status page_render(struct slice template, const struct page_scope *scope, struct buf *out)
{
    struct renderer renderer = {.out = out};
    struct frame frame = {scope, NULL};
    TRY(render_rest(&renderer, template, &frame, 0));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

struct slice page_template(const struct embedded_file *files, const char *name)
{
    for (; files->name; files++)
        if (strcmp(files->name, name) == 0)
            return files->contents;
    return SLICE_ABSENT;
}

void page_headers(struct request *request, struct slice form_action)
{
    struct buf policy = buf_in(&request->arena);
    buf_add_str(&policy, "default-src 'none'; style-src 'self'; img-src 'self' https: data:; base-uri 'none'; "
                         "frame-ancestors 'none'; form-action ");
    buf_add(&policy, form_action);
    /* a value that could not be built must not go out without its end */
    request_reply_header(request, "Content-Security-Policy",
                         policy.failed ? SLICE("default-src 'none'; form-action 'none'; frame-ancestors 'none'")
                                       : buf_slice(&policy));
    request_reply_header(request, "X-Content-Type-Options", SLICE("nosniff"));
    request_reply_header(request, "X-Frame-Options", SLICE("DENY"));
    request_reply_header(request, "Referrer-Policy", SLICE("no-referrer"));
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
}
