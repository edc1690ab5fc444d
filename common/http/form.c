#include "http/form.h"

#include "base/buf.h"

#include "base/percent.h"

static size_t count_fields(struct slice text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '&';
    return count;
}

static enum status decode_text(struct arena *arena, struct slice text, struct slice *ret_decoded)
{
    char *bytes = arena_bytes(arena, text.len);
    if (!bytes)
        return STATUS_NO_MEMORY;
    size_t len;
    if (!percent_decode(text, PLUS_IS_SPACE, bytes, &len))
        return STATUS_MALFORMED;
    *ret_decoded = slice_of(bytes, len);
    return STATUS_OK;
}

static enum status parse_pair(struct arena *arena, struct slice pair, struct form_field *ret_field)
{
    bool has_value;
    struct slice name = slice_cut(&pair, '=', &has_value);
    TRY(decode_text(arena, name, &ret_field->name));
    return decode_text(arena, has_value ? pair : SLICE(""), &ret_field->value);
}

enum status form_parse(struct arena *arena, struct slice text, struct form *ret_form)
{
    size_t most = count_fields(text);
    if (most > FORM_FIELDS_MAX)
        return STATUS_MALFORMED;
    struct form form = {.fields = arena_calloc(arena, most, sizeof(struct form_field))};
    if (!form.fields)
        return STATUS_NO_MEMORY;
    for (bool more = text.len > 0; more;) {
        struct slice pair = slice_cut(&text, '&', &more);
        if (pair.len > 0)
            TRY(parse_pair(arena, pair, &form.fields[form.count++]));
    }
    *ret_form = form;
    return STATUS_OK;
}

struct slice form_get(const struct form *form, const char *name, size_t *ret_count)
{
    struct slice wanted = slice_str(name);
    struct slice value = SLICE_ABSENT;
    size_t count = 0;
    for (size_t i = 0; i < form->count; i++)
        if (slice_eq(form->fields[i].name, wanted) && count++ == 0)
            value = form->fields[i].value;
    if (ret_count)
        *ret_count = count;
    return value;
}

enum status form_get_single(const struct form *form, const char *name, struct slice *ret_value)
{
    size_t count;
    struct slice value = form_get(form, name, &count);
    if (count == 0)
        return STATUS_PARAMETER_ABSENT;
    if (count > 1)
        return STATUS_MALFORMED;
    *ret_value = value;
    return STATUS_OK;
}

enum status form_join(struct arena *arena, const struct form *form, const char *name, struct slice *ret_values)
{
    struct buf values = buf_in(arena);
    for (size_t i = 0; i < form->count; i++) {
        if (!slice_eq(form->fields[i].name, slice_str(name)))
            continue;
        buf_add(&values, form->fields[i].value);
        buf_add_byte(&values, ' ');
    }
    *ret_values = buf_slice(&values);
    return values.failed ? STATUS_NO_MEMORY : STATUS_OK;
}
