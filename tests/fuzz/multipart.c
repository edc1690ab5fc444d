/* Whatever is sent: the values of a form lie in its body, one behind the other, and a body that is written anew from
 * them is the same form. The first line of the input is the Content-Type. */
#include "http/multipart.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_order(struct slice body, const struct form *form)
{
    const char *from = body.ptr;
    for (size_t i = 0; i < form->count; i++) {
        struct slice value = form->fields[i].value;
        require(value.ptr >= from && value.ptr + value.len <= body.ptr + body.len);
        require(form->fields[i].name.len > 0);
        from = value.ptr + value.len;
    }
}

/* With a boundary that is in none of the values. */
static bool write_anew(const struct form *form, struct slice boundary, struct buf *out)
{
    for (size_t i = 0; i < form->count; i++) {
        if (slice_find_slice(form->fields[i].value, boundary) < form->fields[i].value.len)
            return false;
        buf_addf(out, "--%.*s\r\nContent-Disposition: form-data; name=\"", SLICE_ARGS(boundary));
        buf_add(out, form->fields[i].name);
        buf_add_str(out, "\"\r\n\r\n");
        buf_add(out, form->fields[i].value);
        buf_add_str(out, "\r\n");
    }
    buf_addf(out, "--%.*s--\r\n", SLICE_ARGS(boundary));
    return !out->failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_of(data, size);
    struct arena arena;
    struct form form, again;
    struct buf anew = BUF_INIT;
    bool more = false;
    struct slice type = slice_cut(&body, '\n', &more);
    arena_init(&arena, 1 << 20);
    if (multipart_parse(&arena, type, body, &form) == STATUS_OK) {
        check_order(body, &form);
        if (write_anew(&form, SLICE("anew-7f3a"), &anew)) {
            require(multipart_parse(&arena, SLICE("multipart/form-data; boundary=anew-7f3a"), buf_slice(&anew),
                                    &again) == STATUS_OK);
            require(again.count == form.count);
            for (size_t i = 0; i < form.count; i++)
                require(slice_eq(again.fields[i].name, form.fields[i].name) &&
                        slice_eq(again.fields[i].value, form.fields[i].value));
        }
    }
    buf_done(&anew);
    arena_done(&arena);
    return 0;
}
