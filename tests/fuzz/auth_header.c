/* The Authorization header: what was read, written down plainly, reads as the same. */
#include "oauth/auth_header.h"

#include "base/buf.h"
#include "support/fuzz.h"

static void check_item(struct slice name, struct slice value)
{
    require(name.len > 0);
    for (size_t i = 0; i < name.len; i++)
        require((unsigned char)name.ptr[i] > ' ' && name.ptr[i] != 0x7F && name.ptr[i] != '=' && name.ptr[i] != ',' &&
                name.ptr[i] != '"');
    for (size_t i = 0; i < value.len; i++)
        require(((unsigned char)value.ptr[i] >= ' ' || value.ptr[i] == '\t') && value.ptr[i] != 0x7F);
    if (!auth_header_is_realm(name))
        require(slice_find(value, '"') == value.len && slice_find(value, '\\') == value.len);
}

/* Writes every item as name="value", and tells whether the list ended well. */
static bool rewrite(struct slice list, struct buf *out)
{
    struct slice name = {0};
    struct slice value = {0};
    enum auth_header_item item = auth_header_next(&list, &name, &value);
    for (; item == AUTH_HEADER_PARAMETER; item = auth_header_next(&list, &name, &value)) {
        check_item(name, value);
        buf_add(out, name);
        buf_add(out, SLICE("=\""));
        buf_add(out, value);
        buf_add(out, SLICE("\","));
    }
    require(!out->failed);
    return item == AUTH_HEADER_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice list = SLICE("");
    struct buf first = BUF_INIT;
    struct buf second = BUF_INIT;
    if (!auth_header_is_oauth(slice_of(data, size), &list))
        return 0;
    (void)rewrite(list, &first);
    require(rewrite(buf_slice(&first), &second));
    require(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_done(&second);
    buf_done(&first);
    return 0;
}
