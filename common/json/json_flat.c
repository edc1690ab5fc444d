#include "json/json_flat.h"

#include "base/json_plain.h"

/* Each function below reads from `at` on, and returns false if the text is not of the kind that json_flat reads. */
struct flat {
    struct slice text;
    size_t at;
    const struct json_field *fields;
    struct arena *arena;
    char *out;
    uint64_t given;
};

static struct slice rest_of(const struct flat *f)
{
    return slice_sub(f->text, f->at, f->text.len);
}

static bool take_flat_byte(struct flat *f, char byte)
{
    if (f->at == f->text.len || f->text.ptr[f->at] != byte)
        return false;
    f->at++;
    return true;
}

static void skip_white(struct flat *f)
{
    while (take_flat_byte(f, ' ') || take_flat_byte(f, '\n') || take_flat_byte(f, '\r') || take_flat_byte(f, '\t'))
        ;
}

/* Reads what stands behind a '\\'. */
static bool take_escaped(struct flat *f, char *ret_byte)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *letter = f->at < f->text.len && f->text.ptr[f->at] ? strchr(letters, f->text.ptr[f->at]) : NULL;
    if (!letter)
        return false;
    f->at++;
    *ret_byte = meant[letter - letters];
    return true;
}

/* Reads the rest of a string; `begun` is what stands before its first '\\'. */
static bool take_escaped_string(struct flat *f, struct slice begun, struct slice *ret_string)
{
    size_t room = begun.len + rest_of(f).len;
    char *copy = arena_bytes(f->arena, room);
    if (!copy)
        return false;
    memcpy(copy, begun.ptr, begun.len);
    size_t len = begun.len;
    while (take_flat_byte(f, '\\') && take_escaped(f, &copy[len])) {
        size_t run = json_plain_run(rest_of(f));
        memcpy(copy + len + 1, f->text.ptr + f->at, run);
        len += 1 + run;
        f->at += run;
    }
    arena_trim(f->arena, copy, room, len);
    *ret_string = slice_of(copy, len);
    return take_flat_byte(f, '"');
}

static bool take_string(struct flat *f, struct slice *ret_string)
{
    if (!take_flat_byte(f, '"'))
        return false;
    size_t run = json_plain_run(rest_of(f));
    *ret_string = slice_sub(f->text, f->at, f->at + run);
    f->at += run;
    return take_flat_byte(f, '"') || take_escaped_string(f, *ret_string, ret_string);
}

static bool take_bool(struct flat *f, bool *ret_value)
{
    struct slice rest = rest_of(f);
    *ret_value = slice_starts_with(rest, SLICE("true"));
    if (!*ret_value && !slice_starts_with(rest, SLICE("false")))
        return false;
    f->at += *ret_value ? 4 : 5;
    return true;
}

/* Reads the name of a member, which must be that of a field and must not have been there before. */
static bool take_flat_name(struct flat *f, const struct json_field **ret_field)
{
    struct slice name;
    size_t row = 0;
    if (!take_string(f, &name))
        return false;
    while (f->fields[row].name && !slice_eq(slice_str(f->fields[row].name), name))
        row++;
    uint64_t bit = UINT64_C(1) << row;
    *ret_field = &f->fields[row];
    if (!f->fields[row].name || (f->given & bit))
        return false;
    f->given |= bit;
    return true;
}

static bool take_member(struct flat *f)
{
    const struct json_field *field;
    if (!take_flat_name(f, &field))
        return false;
    skip_white(f);
    if (!take_flat_byte(f, ':'))
        return false;
    skip_white(f);
    void *place = f->out + field->offset;
    return field->kind == JSON_STRING ? take_string(f, place) : field->kind == JSON_BOOL && take_bool(f, place);
}

static bool has_required(const struct flat *f)
{
    for (size_t row = 0; f->fields[row].name; row++)
        if (f->fields[row].required && !(f->given >> row & 1))
            return false;
    return true;
}

bool json_flat(struct slice text, const struct json_field *fields, struct arena *arena, void *out, uint64_t *ret_given)
{
    struct flat f = {.text = text, .fields = fields, .arena = arena, .out = out};
    skip_white(&f);
    if (!take_flat_byte(&f, '{'))
        return false;
    do {
        skip_white(&f);
        if (!take_member(&f))
            return false;
        skip_white(&f);
    } while (take_flat_byte(&f, ','));
    if (!take_flat_byte(&f, '}'))
        return false;
    skip_white(&f);
    *ret_given = f.given;
    return f.at == text.len && has_required(&f);
}
