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

/* What the letter behind a backslash means; NUL: nothing, or no byte of its own. */
static char meaning_of(char letter)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found = strchr(letters, letter); /* NUL: the end of letters, as of what they mean */
    return found ? meant[found - letters] : '\0';
}

static bool skip_escape(struct flat *f)
{
    if (!take_flat_byte(f, '\\') || f->at == f->text.len || !meaning_of(f->text.ptr[f->at]))
        return false;
    f->at++;
    return true;
}

/* `written` was read before: each backslash has a letter behind it. */
static bool copy_escaped(struct arena *arena, struct slice written, struct slice *ret_string)
{
    char *copy = arena_bytes(arena, written.len);
    size_t len = 0;
    if (!copy)
        return false;
    for (size_t at = 0; at < written.len; at += 2) {
        size_t run = json_plain_run(slice_sub(written, at, written.len));
        memcpy(copy + len, written.ptr + at, run);
        len += run;
        at += run;
        if (at < written.len)
            copy[len++] = meaning_of(written.ptr[at + 1]);
    }
    *ret_string = slice_of(copy, len);
    return true;
}

static bool take_string(struct flat *f, struct slice *ret_string)
{
    bool is_plain = true;
    if (!take_flat_byte(f, '"'))
        return false;
    size_t from = f->at;
    for (;; is_plain = false) {
        f->at += json_plain_run(rest_of(f));
        if (take_flat_byte(f, '"'))
            break;
        if (!skip_escape(f))
            return false;
    }
    *ret_string = slice_sub(f->text, from, f->at - 1);
    return is_plain || copy_escaped(f->arena, *ret_string, ret_string);
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
