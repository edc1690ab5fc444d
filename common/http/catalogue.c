#include "http/catalogue.h"

#include "json/json_reader.h"

#include <stdlib.h>

bool catalogue_is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return text.len > 0;
}

bool catalogue_next_piece(struct slice *rest, struct catalogue_piece *ret_piece)
{
    if (rest->len == 0)
        return false;
    size_t brace = slice_find(*rest, '{');
    bool is_placeholder = brace == 0;
    size_t end = is_placeholder ? slice_find(*rest, '}') : brace;
    *ret_piece = (struct catalogue_piece){slice_sub(*rest, is_placeholder, end), is_placeholder};
    *rest = slice_sub(*rest, end + is_placeholder, rest->len);
    return true;
}

static bool has_good_braces(struct slice text)
{
    struct catalogue_piece piece;
    while (catalogue_next_piece(&text, &piece)) {
        bool is_closed = !piece.is_name || piece.text.ptr[piece.text.len] == '}';
        if (piece.is_name ? !is_closed || !catalogue_is_name(piece.text) : slice_find(piece.text, '}') < piece.text.len)
            return false;
    }
    return true;
}

/* ---- reading ---- */

static enum status refuse_text(struct arena *arena, struct slice key, const char *what, const char **ret_why)
{
    struct buf why = buf_in(arena);
    buf_addf(&why, "%.*s: %s", SLICE_ARGS(key), what);
    *ret_why = buf_string(&why);
    if (*ret_why)
        return STATUS_BAD_INPUT;
    *ret_why = status_text(STATUS_NO_MEMORY);
    return STATUS_NO_MEMORY;
}

static const char *text_fault(const json_value *value)
{
    if (json_kind_of(value) != JSON_STRING)
        return "must be a text";
    if (json_string_of(value).len == 0)
        return "is empty; write the sentence";
    return has_good_braces(json_string_of(value)) ? NULL : "has a brace that encloses no name; write {name}";
}

static enum status take_sentence(struct arena *arena, struct slice section, const json_value *value,
                                 struct catalogue_text *ret_text, const char **ret_why)
{
    struct buf key = buf_in(arena);
    buf_add(&key, section);
    buf_add_byte(&key, '.');
    buf_add(&key, json_name_of(value));
    if (key.failed)
        return refuse_text(arena, section, "", ret_why);
    if (!catalogue_is_name(section) || !catalogue_is_name(json_name_of(value)))
        return refuse_text(arena, buf_slice(&key), "is no key; keys are of a-z, 0-9 and _", ret_why);
    const char *fault = text_fault(value);
    if (fault)
        return refuse_text(arena, buf_slice(&key), fault, ret_why);
    *ret_text = (struct catalogue_text){buf_slice(&key), json_string_of(value)};
    return STATUS_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return slice_cmp(((const struct catalogue_text *)a)->key, ((const struct catalogue_text *)b)->key);
}

static enum status count_texts(const json_value *root, struct arena *arena, size_t *ret_count, const char **ret_why)
{
    if (json_kind_of(root) != JSON_OBJECT) {
        *ret_why = "must be an object of objects of texts";
        return STATUS_BAD_INPUT;
    }
    *ret_count = 0;
    for (const json_value *section = json_first(root); section; section = json_next(section)) {
        if (json_kind_of(section) != JSON_OBJECT)
            return refuse_text(arena, json_name_of(section), "must be an object of texts", ret_why);
        *ret_count += json_count(section);
    }
    return STATUS_OK;
}

enum status catalogue_read(struct slice json, struct arena *arena, struct catalogue *ret_catalogue,
                           const char **ret_why)
{
    const json_value *root = NULL;
    size_t count = 0;
    size_t taken = 0;
    TRY(json_read(json, arena, &root, ret_why));
    TRY(count_texts(root, arena, &count, ret_why));
    struct catalogue_text *texts = arena_calloc(arena, count + 1, sizeof *texts);
    *ret_why = status_text(STATUS_NO_MEMORY);
    if (!texts)
        return STATUS_NO_MEMORY;
    for (const json_value *section = json_first(root); section; section = json_next(section))
        for (const json_value *value = json_first(section); value; value = json_next(value))
            TRY(take_sentence(arena, json_name_of(section), value, &texts[taken++], ret_why));
    qsort(texts, count, sizeof *texts, compare_texts);
    *ret_catalogue = (struct catalogue){texts, count};
    return STATUS_OK;
}

struct slice catalogue_find(const struct catalogue *catalogue, struct slice key)
{
    const struct catalogue_text wanted = {.key = key};
    const struct catalogue_text *found =
        catalogue->count ? bsearch(&wanted, catalogue->texts, catalogue->count, sizeof wanted, compare_texts) : NULL;
    return found ? found->text : SLICE_ABSENT;
}

/* ---- comparing ---- */

static bool has_placeholder(struct slice text, struct slice name)
{
    struct catalogue_piece piece;
    while (catalogue_next_piece(&text, &piece))
        if (piece.is_name && slice_eq(piece.text, name))
            return true;
    return false;
}

/* The first placeholder of `text` that `other` does not have; absent: there is none. */
static struct slice find_stranger(struct slice text, struct slice other)
{
    struct catalogue_piece piece;
    while (catalogue_next_piece(&text, &piece))
        if (piece.is_name && !has_placeholder(other, piece.text))
            return piece.text;
    return SLICE_ABSENT;
}

static void check_text(const struct catalogue_text *it, struct slice model, const char *file, struct buf *problems)
{
    struct slice unknown = find_stranger(it->text, model);
    struct slice missing = find_stranger(model, it->text);
    if (!slice_is_absent(unknown))
        buf_addf(problems, "%s: %.*s: {%.*s} is no placeholder of this text\n", file, SLICE_ARGS(it->key),
                 SLICE_ARGS(unknown));
    if (!slice_is_absent(missing))
        buf_addf(problems, "%s: %.*s: lacks the placeholder {%.*s}\n", file, SLICE_ARGS(it->key), SLICE_ARGS(missing));
}

void catalogue_check(const struct catalogue *catalogue, const struct catalogue *model, const char *file,
                     struct buf *problems)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        struct slice expected = catalogue_find(model, catalogue->texts[i].key);
        if (slice_is_absent(expected))
            buf_addf(problems, "%s: %.*s: is a key that no page has; take it out\n", file,
                     SLICE_ARGS(catalogue->texts[i].key));
        else
            check_text(&catalogue->texts[i], expected, file, problems);
    }
    for (size_t i = 0; i < model->count; i++)
        if (slice_is_absent(catalogue_find(catalogue, model->texts[i].key)))
            buf_addf(problems, "%s: %.*s: is missing; the English text is \"%.*s\"\n", file,
                     SLICE_ARGS(model->texts[i].key), SLICE_ARGS(model->texts[i].text));
}
