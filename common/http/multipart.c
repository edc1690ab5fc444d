#include "http/multipart.h"

#include "base/buf.h"

enum { BOUNDARY_MAX_BYTES = 70, HEADERS_MAX = 8, HEADER_MAX_BYTES = 1024 };

/* ---- the boundary ---- */

static bool is_boundary_byte(char byte)
{
    bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
    return is_letter || (byte && strchr("'()+_,-./:=?", byte)); /* RFC 2046 section 5.1.1 */
}

static struct slice strip_quotes(struct slice text)
{
    bool is_quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    return is_quoted ? slice_sub(text, 1, text.len - 1) : text;
}

/* The value of a parameter behind the ';' of a header: name=text or name="text". Absent without one. */
static struct slice find_parameter(struct slice header, struct slice name)
{
    bool more = true;
    (void)slice_cut(&header, ';', &more);
    while (more) {
        bool has_value = false;
        struct slice value = slice_cut(&header, ';', &more);
        struct slice found = slice_trim(slice_cut(&value, '=', &has_value));
        if (has_value && slice_eq_nocase(found, name))
            return strip_quotes(slice_trim(value));
    }
    return SLICE_ABSENT;
}

/* Appends "\r\n--" and the boundary. False: there is none, or one that no boundary may be. */
static bool write_delimiter(struct slice content_type, struct buf *out)
{
    struct slice boundary = find_parameter(content_type, SLICE("boundary"));
    if (boundary.len == 0 || boundary.len > BOUNDARY_MAX_BYTES)
        return false;
    for (size_t i = 0; i < boundary.len; i++)
        if (!is_boundary_byte(boundary.ptr[i]))
            return false;
    buf_add_str(out, "\r\n--");
    buf_add(out, boundary);
    return true;
}

/* ---- a part ---- */

static bool take_literal(struct slice *rest, struct slice what)
{
    if (!slice_starts_with(*rest, what))
        return false;
    *rest = slice_sub(*rest, what.len, rest->len);
    return true;
}

static bool take_header_line(struct slice *rest, struct slice *ret_line)
{
    struct slice window = slice_sub(*rest, 0, HEADER_MAX_BYTES);
    size_t end = slice_find_slice(window, SLICE("\r\n"));
    if (end == window.len)
        return false;
    *ret_line = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end + 2, rest->len);
    return true;
}

/* "form-data; name="logo"; filename="a.png"": the name. A file name may hold ';' and '=', and comes last. */
static bool take_disposition(struct slice value, struct slice *ret_name)
{
    static const struct slice begin = SLICE_INIT("form-data; name=\"");
    value = slice_trim(value);
    if (!take_literal(&value, begin))
        return false;
    size_t end = slice_find(value, '"');
    *ret_name = slice_sub(value, 0, end);
    return end < value.len && ret_name->len > 0;
}

/* The headers up to the empty line. */
static bool take_headers(struct slice *rest, struct slice *ret_name)
{
    struct slice line = {0};
    size_t names = 0;
    for (size_t i = 0; i < HEADERS_MAX && take_header_line(rest, &line); i++) {
        bool has_value = false;
        if (line.len == 0)
            return names == 1;
        struct slice name = slice_cut(&line, ':', &has_value);
        if (!has_value)
            return false;
        if (!slice_eq_nocase(name, SLICE("Content-Disposition")))
            continue;
        names++;
        if (!take_disposition(line, ret_name))
            return false;
    }
    return false;
}

static bool take_part(struct slice *rest, struct slice delimiter, struct form_field *ret_field)
{
    struct slice name = {0};
    if (!take_literal(rest, SLICE("\r\n")) || !take_headers(rest, &name))
        return false;
    size_t end = slice_find_slice(*rest, delimiter);
    if (end == rest->len)
        return false;
    *ret_field = (struct form_field){name, slice_sub(*rest, 0, end)};
    *rest = slice_sub(*rest, end + delimiter.len, rest->len);
    return true;
}

enum status multipart_parse(struct arena *arena, struct slice content_type, struct slice body, struct form *ret_form)
{
    char memory[BOUNDARY_MAX_BYTES + 4];
    struct buf delimiter = buf_fixed(memory, sizeof memory);
    struct slice rest = body;
    if (!write_delimiter(content_type, &delimiter))
        return STATUS_MALFORMED;
    struct form form = {.fields = arena_calloc(arena, FORM_FIELDS_MAX, sizeof(struct form_field))};
    if (!form.fields)
        return STATUS_NO_MEMORY;
    struct slice whole = buf_slice(&delimiter);
    if (!take_literal(&rest, slice_sub(whole, 2, whole.len))) /* the first stands at the beginning of a line */
        return STATUS_MALFORMED;
    while (!slice_starts_with(rest, SLICE("--")))
        if (form.count == FORM_FIELDS_MAX || !take_part(&rest, whole, &form.fields[form.count++]))
            return STATUS_MALFORMED;
    if (!slice_eq(rest, SLICE("--")) && !slice_eq(rest, SLICE("--\r\n")))
        return STATUS_MALFORMED;
    *ret_form = form;
    return STATUS_OK;
}
