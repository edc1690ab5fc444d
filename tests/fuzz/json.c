/* What json_read takes, json_writer can write, and json_read takes that again as the same; json_flat reads nothing in
 * another way. */
#include "json/json_flat.h"
#include "json/json_reader.h"
#include "json/json_writer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void write_value(struct json_writer *w, const json_value *value)
{
    enum json_kind kind = json_kind_of(value);
    if (kind == JSON_STRING)
        json_string(w, json_string_of(value));
    else if (kind == JSON_INT)
        json_int(w, json_int_of(value));
    else if (kind == JSON_BOOL)
        json_bool(w, json_bool_of(value));
    else if (kind == JSON_NULL)
        json_null(w);
    else
        kind == JSON_OBJECT ? json_begin_object(w) : json_begin_array(w);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return;
    for (const json_value *inner = json_first(value); inner; inner = json_next(inner)) {
        if (kind == JSON_OBJECT) {
            /* json_name takes our own literals alone: a name from outside is written as a string */
            json_string(w, json_name_of(inner));
            buf_add_byte(w->out, ':');
            w->comma = false;
        }
        write_value(w, inner);
    }
    kind == JSON_OBJECT ? json_end_object(w) : json_end_array(w);
}

/* The canonical text of what was taken; false where it is refused. */
static bool rewrite(struct slice text, struct arena *arena, struct buf *out)
{
    const json_value *value = NULL;
    const char *why = NULL;
    struct json_writer w = json_writer(out);
    enum status status = json_read(text, arena, &value, &why);
    require(status == STATUS_OK ? value != NULL : why != NULL && value == NULL);
    if (status != STATUS_OK)
        return false;
    write_value(&w, value);
    require(!out->failed && slice_is_utf8(buf_slice(out)));
    return true;
}

struct members {
    struct slice name, value;
    bool flag;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct members, name, JSON_STRING, false),
    JSON_FIELD(struct members, value, JSON_STRING, false),
    JSON_FIELD(struct members, flag, JSON_BOOL, false),
    JSON_FIELDS_END,
};

/* What is read in one pass is what the tree says. */
static void read_both_ways(struct slice text, struct arena *arena)
{
    struct members flat = {0}, tree = {0};
    uint64_t flat_given = 0, tree_given = 0;
    const json_value *value = NULL;
    const char *why = NULL;
    if (!json_flat(text, fields, arena, &flat, &flat_given))
        return;
    require(json_read(text, arena, &value, &why) == STATUS_OK);
    require(json_decode(value, fields, JSON_NULL_REFUSED, "", arena, &tree, &tree_given, &why) == STATUS_OK);
    require(flat_given == tree_given && flat.flag == tree.flag);
    require(slice_eq(flat.name, tree.name) && slice_eq(flat.value, tree.value));
    require(slice_is_absent(flat.name) == slice_is_absent(tree.name));
    require(slice_is_absent(flat.value) == slice_is_absent(tree.value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf first = BUF_INIT, second = BUF_INIT;
    arena_init(&arena, 64 << 20);
    read_both_ways(slice_of(data, size), &arena);
    if (rewrite(slice_of(data, size), &arena, &first)) {
        /* a name may grow beyond its bound by being escaped */
        if (rewrite(buf_slice(&first), &arena, &second))
            require(slice_eq(buf_slice(&first), buf_slice(&second)));
        else
            require(first.len > JSON_MAX_NAME_BYTES);
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&arena);
    return 0;
}
