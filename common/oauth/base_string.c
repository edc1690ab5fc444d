#include "oauth/base_string.h"

#include "base/percent.h"

static void write_method(struct slice method, struct buf *out)
{
    size_t start = out->len;
    percent_encode(out, method);
    for (size_t i = start; i < out->len; i++) /* RFC 5849 §3.4.1.1: in upper case */
        if (out->ptr[i] >= 'a' && out->ptr[i] <= 'z')
            out->ptr[i] = (char)(out->ptr[i] - 32);
}

static void write_uri(const struct oauth_url *url, struct buf *out)
{
    char memory[512];
    struct buf origin = buf_fixed(memory, sizeof memory);
    oauth_url_write_origin(url, &origin);
    if (origin.failed) { /* the host is longer than any on the wire */
        out->failed = true;
        return;
    }
    percent_encode(out, buf_slice(&origin));
    percent_encode(out, url->path);
}

/* A text that needed no encoding the first time needs none the second time. */
static void write_parameter(const struct oauth_param *param, struct buf *out)
{
    if (param->is_plain)
        buf_add(out, param->name);
    else
        percent_encode(out, param->name);
    buf_add(out, SLICE("%3D")); /* RFC 5849 §3.4.1.3.2: a name without a value has its '=', too */
    if (param->is_plain)
        buf_add(out, param->value);
    else
        percent_encode(out, param->value);
}

/* The greatest length that the base string can have: every byte may be encoded. */
static size_t longest_bytes(const struct message *message, const struct oauth_param **ordered, size_t count)
{
    size_t bytes = message->method.len + message->url.host.len + message->url.path.len + 32;
    for (size_t i = 0; i < count; i++)
        bytes += ordered[i]->name.len + ordered[i]->value.len + 2;
    return bytes * 3;
}

enum status base_string_build_ordered(const struct message *message, const struct oauth_param **ordered, size_t count,
                                      struct arena *arena, struct slice *ret_base_string)
{
    size_t room = longest_bytes(message, ordered, count);
    char *memory = arena_bytes(arena, room);
    if (!memory)
        return STATUS_NO_MEMORY;
    struct buf out = buf_fixed(memory, room);
    write_method(message->method, &out);
    buf_add_byte(&out, '&');
    write_uri(&message->url, &out);
    buf_add_byte(&out, '&');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add(&out, SLICE("%26"));
        write_parameter(ordered[i], &out);
    }
    if (out.failed)
        return STATUS_NO_MEMORY;
    arena_trim(arena, memory, room, out.len);
    *ret_base_string = buf_slice(&out);
    return STATUS_OK;
}

enum status base_string_build(const struct message *message, struct arena *arena, struct slice *ret_base_string)
{
    size_t count = 0;
    const struct oauth_param **sorted = params_sorted(&message->params, arena, &count);
    if (!sorted)
        return STATUS_NO_MEMORY;
    return base_string_build_ordered(message, sorted, count, arena, ret_base_string);
}

enum status base_string_write_parameters(const struct message *message, struct arena *arena, struct buf *out)
{
    size_t count = 0;
    const struct oauth_param **sorted = params_sorted(&message->params, arena, &count);
    if (!sorted)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_byte(out, '&');
        buf_add(out, sorted[i]->name);
        buf_add_byte(out, '=');
        buf_add(out, sorted[i]->value);
    }
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
