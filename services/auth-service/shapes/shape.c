#include "shapes/shape.h"

enum { MS_PER_SECOND = 1000 };

void shape_write_time(struct json_writer *json, const char *name, int64_t ms)
{
    if (ms)
        json_member_int(json, name, ms / MS_PER_SECOND);
}

void shape_write_text(struct json_writer *json, const char *name, struct slice text)
{
    if (text.len)
        json_member_string(json, name, text);
}

void shape_write_words(struct json_writer *json, const char *name, struct slice words)
{
    json_member_array(json, name);
    for (bool more = words.len > 0; more;)
        json_string(json, slice_cut(&words, ' ', &more));
    json_end_array(json);
}

/* The options of lists are called by their items. */
static void write_member(struct buf *out, struct slice option)
{
    static const struct slice lists[] = {SLICE_INIT("callback"), SLICE_INIT("signature-method"), SLICE_INIT("origin"),
                                         SLICE_INIT("tls-san")};
    bool is_list = false;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        is_list = is_list || slice_eq(option, lists[i]);
    for (size_t i = 0; i < option.len; i++)
        buf_add_byte(out, option.ptr[i] == '-' ? '_' : option.ptr[i]);
    buf_add_str(out, is_list ? "s" : "");
}

const char *shape_why(struct slice why, struct arena *arena)
{
    struct buf text = buf_in(arena);
    size_t end = 0;
    while (end < why.len && why.ptr[end] != ' ' && why.ptr[end] != ':')
        end++;
    write_member(&text, slice_sub(why, 0, end));
    buf_add(&text, slice_sub(why, end, why.len));
    return buf_string(&text);
}
