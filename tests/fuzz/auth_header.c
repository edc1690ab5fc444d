/* The Authorization header: what was read, written down plainly, reads as the same. */
#include "oauth/auth_header.h"

#include "base/buf.h"
#include "base/percent.h"
#include "support/fuzz.h"

static void check_item(const struct auth_header_pair *pair)
{
    struct slice name = pair->name;
    struct slice value = pair->value;
    require(name.len > 0);
    require(pair->is_plain == (percent_is_plain(name) && percent_is_plain(value)));
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
    struct auth_header_pair pair = {0};
    enum auth_header_item item = auth_header_next(&list, &pair);
    for (; item == AUTH_HEADER_PARAMETER; item = auth_header_next(&list, &pair)) {
        check_item(&pair);
        buf_add(out, pair.name);
        buf_add(out, SLICE("=\""));
        buf_add(out, pair.value);
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
