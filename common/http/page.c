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
    const struct catalogue *texts;
    enum place place;
    bool enters_code; /* the tag that we are in is <script> or <style> */
    bool visits_all;  /* goes into every section: to check */
    const char *why;  /* what failed, a literal */
    const char *at;   /* in the template */
    struct slice name;
};

/* Scopes from the innermost outwards. */
struct frame {
    const struct page_scope *scope;
    const struct frame *around;
};

enum tag_kind { TAG_TEXT, TAG_URL, TAG_PHRASE, TAG_RAW, TAG_SECTION, TAG_INVERTED, TAG_END };

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

static enum status fail_at(struct renderer *renderer, const char *at, struct slice name, const char *why)
{
    renderer->at = at;
    renderer->name = name;
    renderer->why = why;
    return STATUS_INTERNAL;
}

static bool is_key(struct slice text)
{
    bool dot = false;
    struct slice section = slice_cut(&text, '.', &dot);
    return dot && catalogue_is_name(section) && catalogue_is_name(text);
}

static struct tag read_tag(struct slice inner, bool is_raw)
{
    if (is_raw)
        return (struct tag){TAG_RAW, inner};
    if (slice_starts_with(inner, SLICE("url:")))
        return (struct tag){TAG_URL, slice_sub(inner, 4, inner.len)};
    if (slice_starts_with(inner, SLICE("t:")))
        return (struct tag){TAG_PHRASE, slice_sub(inner, 2, inner.len)};
    if (inner.len == 0 || !strchr("#^/", inner.ptr[0]))
        return (struct tag){TAG_TEXT, inner};
    enum tag_kind kind = inner.ptr[0] == '#' ? TAG_SECTION : inner.ptr[0] == '^' ? TAG_INVERTED : TAG_END;
    return (struct tag){kind, slice_sub(inner, 1, inner.len)};
}

/* Cuts the text before the next tag off *rest, and the tag; *ret_found is false at the end. */
static enum status next_tag(struct renderer *renderer, struct slice *rest, struct slice *ret_literal,
                            struct tag *ret_tag, bool *ret_found)
{
    size_t at = slice_find_slice(*rest, SLICE("{{"));
    *ret_literal = slice_sub(*rest, 0, at);
    *ret_found = at < rest->len;
    if (!*ret_found)
        return STATUS_OK;
    const char *begin = rest->ptr + at;
    struct slice inner = slice_sub(*rest, at + 2, rest->len);
    bool is_raw = inner.len > 0 && inner.ptr[0] == '{';
    struct slice end = is_raw ? SLICE("}}}") : SLICE("}}");
    size_t len = slice_find_slice(inner, end);
    if (len == inner.len)
        return fail_at(renderer, begin, SLICE(""), "a tag that does not end");
    *rest = slice_sub(inner, len + end.len, inner.len);
    *ret_tag = read_tag(slice_sub(inner, is_raw, len), is_raw);
    bool is_good = ret_tag->kind == TAG_PHRASE ? is_key(ret_tag->name) : catalogue_is_name(ret_tag->name);
    return is_good ? STATUS_OK : fail_at(renderer, begin, slice_sub(inner, is_raw, len), "no tag");
}

/* Cuts a section's inside, up to its own end, off *rest. */
static enum status cut_section(struct renderer *renderer, struct slice *rest, struct slice name,
                               struct slice *ret_inside)
{
    const char *start = rest->ptr;
    size_t depth = 1;
    for (;;) {
        struct slice before = *rest;
        struct slice literal;
        struct tag tag;
        bool found;
        TRY(next_tag(renderer, rest, &literal, &tag, &found));
        if (!found)
            return fail_at(renderer, start, name, "a section that is not closed");
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

/* --- values in their place --- */

static bool is_quoted(const struct renderer *renderer)
{
    return renderer->place == IN_DOUBLE || renderer->place == IN_SINGLE;
}

static enum status add_phrase_value(struct renderer *renderer, struct slice name, const struct frame *frame)
{
    const struct page_value *value = find_value(frame, name);
    if (!value || value->rows || value->is_html)
        return fail_at(renderer, NULL, name, "a text with a placeholder that this page has no value for");
    if (!is_quoted(renderer))
        buf_add_str(renderer->out, "<bdi>");
    page_escape(renderer->out, value->text);
    if (!is_quoted(renderer))
        buf_add_str(renderer->out, "</bdi>");
    return STATUS_OK;
}

static enum status add_phrase(struct renderer *renderer, struct slice key, const struct frame *frame)
{
    struct slice rest = renderer->texts ? catalogue_find(renderer->texts, key) : SLICE_ABSENT;
    struct catalogue_piece piece;
    if (slice_is_absent(rest))
        return fail_at(renderer, NULL, key, "a key that no catalogue has");
    while (catalogue_next_piece(&rest, &piece))
        if (piece.is_name)
            TRY(add_phrase_value(renderer, piece.text, frame));
        else
            page_escape(renderer->out, piece.text);
    return STATUS_OK;
}

static enum status add_value(struct renderer *renderer, struct tag tag, const struct frame *frame)
{
    const struct page_value *value = find_value(frame, tag.name);
    if (!value)
        return fail_at(renderer, NULL, tag.name, "a name that this page has no value for");
    if (value->rows)
        return fail_at(renderer, NULL, tag.name, "a list, which is no text");
    if (tag.kind == TAG_RAW && (!value->is_html || is_quoted(renderer)))
        return fail_at(renderer, NULL, tag.name, "three braces around what is no HTML; write two");
    if (tag.kind == TAG_URL && !is_quoted(renderer))
        return fail_at(renderer, NULL, tag.name, "a URL outside of quotes");
    if (tag.kind == TAG_RAW)
        buf_add(renderer->out, value->text);
    else if (tag.kind == TAG_URL)
        page_escape(renderer->out, is_safe_url(value->text) ? value->text : SLICE("#"));
    else
        page_escape(renderer->out, value->text);
    return STATUS_OK;
}

static enum status add_tag_value(struct renderer *renderer, struct tag tag, const struct frame *frame)
{
    if (tag.kind == TAG_END)
        return fail_at(renderer, NULL, tag.name, "the end of a section that was not begun");
    if (renderer->place == IN_TAG || renderer->place == IN_CODE)
        return fail_at(renderer, NULL, tag.name, "a value outside of quotes in a tag, or in a script or a style");
    return tag.kind == TAG_PHRASE ? add_phrase(renderer, tag.name, frame) : add_value(renderer, tag, frame);
}

/* --- sections --- */

static enum status render_rest(struct renderer *renderer, struct slice rest, const struct frame *frame, unsigned depth);

static enum status render_rows(struct renderer *renderer, const struct page_value *value, struct slice inside,
                               const struct frame *frame, unsigned depth)
{
    for (size_t i = 0; i < value->row_count; i++) {
        struct frame row = {&value->rows[i], frame};
        TRY(render_rest(renderer, inside, &row, depth));
    }
    return STATUS_OK;
}

static enum status render_section(struct renderer *renderer, struct tag tag, struct slice inside,
                                  const struct frame *frame, unsigned depth)
{
    const struct page_value *value = find_value(frame, tag.name);
    if (!value)
        return fail_at(renderer, NULL, tag.name, "a section whose name this page has no value for");
    bool is_there = value->rows ? value->row_count > 0 : value->text.len > 0;
    if (is_there == (tag.kind == TAG_INVERTED) && !renderer->visits_all)
        return STATUS_OK;
    if (tag.kind == TAG_SECTION && value->rows)
        return render_rows(renderer, value, inside, frame, depth);
    return render_rest(renderer, inside, frame, depth);
}

/* What comes behind a section stands in the same place whether the section was there or not. */
static enum status add_section(struct renderer *renderer, struct tag tag, struct slice *rest, const struct frame *frame,
                               unsigned depth)
{
    struct slice inside;
    enum place place = renderer->place;
    TRY(cut_section(renderer, rest, tag.name, &inside));
    TRY(render_section(renderer, tag, inside, frame, depth));
    if (renderer->visits_all && renderer->place != place)
        return fail_at(renderer, NULL, tag.name, "a section that does not end in the part of the tag that it began in");
    return STATUS_OK;
}

static enum status render_rest(struct renderer *renderer, struct slice rest, const struct frame *frame, unsigned depth)
{
    if (depth == NESTING_MAX)
        return fail_at(renderer, rest.ptr, SLICE(""), "sections that nest too deep");
    for (;;) {
        struct slice literal;
        struct tag tag;
        bool found;
        TRY(next_tag(renderer, &rest, &literal, &tag, &found));
        add_literal(renderer, literal);
        if (!found)
            return STATUS_OK;
        const char *at = literal.ptr + literal.len;
        bool is_section = tag.kind == TAG_SECTION || tag.kind == TAG_INVERTED;
        enum status status =
            is_section ? add_section(renderer, tag, &rest, frame, depth + 1) : add_tag_value(renderer, tag, frame);
        if (status != STATUS_OK && !renderer->at)
            renderer->at = at;
        TRY(status);
    }
}

enum status page_render(struct slice template, const struct catalogue *texts, const struct page_scope *scope,
                        struct buf *out)
{
    struct renderer renderer = {.out = out, .texts = texts};
    struct frame frame = {scope, NULL};
    TRY(render_rest(&renderer, template, &frame, 0));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status page_check(struct slice template, const struct catalogue *texts, const struct page_scope *scope,
                       struct arena *arena, struct page_fault *ret_fault)
{
    struct buf out = buf_in(arena);
    struct renderer renderer = {.out = &out, .texts = texts, .visits_all = true};
    struct frame frame = {scope, NULL};
    if (render_rest(&renderer, template, &frame, 0) == STATUS_OK)
        return out.failed ? STATUS_NO_MEMORY : STATUS_OK;
    *ret_fault = (struct page_fault){renderer.why, renderer.name, 1};
    for (const char *c = template.ptr; c < renderer.at; c++)
        ret_fault->line += *c == '\n';
    return STATUS_BAD_INPUT;
}

enum status page_phrase(const struct catalogue *texts, struct slice key, const struct page_scope *scope,
                        struct buf *out)
{
    struct frame frame = {scope, NULL};
    struct slice rest = catalogue_find(texts, key);
    struct catalogue_piece piece;
    if (slice_is_absent(rest))
        return STATUS_INTERNAL;
    while (catalogue_next_piece(&rest, &piece)) {
        const struct page_value *value = piece.is_name ? find_value(&frame, piece.text) : NULL;
        if (piece.is_name && !value)
            return STATUS_INTERNAL;
        buf_add(out, piece.is_name ? value->text : piece.text);
    }
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
    buf_add_str(&policy, "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
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
