#include "oauth/auth_header.h"

#include "base/block.h"

bool auth_header_is_oauth(struct slice value, struct slice *ret_list)
{
    static const struct slice scheme = SLICE_INIT("OAuth");
    value = slice_trim(value);
    if (!slice_eq_nocase(slice_sub(value, 0, scheme.len), scheme))
        return false;
    struct slice list = slice_sub(value, scheme.len, value.len);
    if (list.len && list.ptr[0] != ' ' && list.ptr[0] != '\t')
        return false;
    *ret_list = list;
    return true;
}

bool auth_header_is_realm(struct slice name)
{
    return slice_eq_nocase(name, SLICE("realm"));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

/* The classes of each byte, so that the hot path looks a byte up once. */
enum { PLAIN = 1, ENDS_NAME = 2, ENDS_VALUE = 4 };
static const unsigned char classes[256] = {
    [0x00 ... 0x08] = ENDS_NAME | ENDS_VALUE,
    ['\t'] = ENDS_NAME,
    [0x0A ... 0x1F] = ENDS_NAME | ENDS_VALUE,
    [0x7F] = ENDS_NAME | ENDS_VALUE,
    [' '] = ENDS_NAME,
    ['='] = ENDS_NAME,
    [','] = ENDS_NAME,
    ['"'] = ENDS_NAME | ENDS_VALUE,
    ['\\'] = ENDS_VALUE,
    ['-'] = PLAIN,
    ['.'] = PLAIN,
    ['_'] = PLAIN,
    ['~'] = PLAIN,
    ['0' ... '9'] = PLAIN,
    ['A' ... 'Z'] = PLAIN,
    ['a' ... 'z'] = PLAIN,
};

/* Returns where the first byte of class `stop` is, from `at` on. *plain stays true if all bytes before it are plain. */
static inline size_t find_class(struct slice list, size_t at, unsigned char stop, bool *plain)
{
    unsigned char common = PLAIN;
    for (; at < list.len; at++) {
        unsigned char class = classes[(unsigned char)list.ptr[at]];
        if (class & stop)
            break;
        common &= class;
    }
    *plain = *plain && common;
    return at;
}

/* Marks the bytes that neither end a value nor are refused in one. */
static inline block is_inside(block bytes)
{
    return (block)((block)(bytes >= 0x20) | (block)(bytes == '\t')) & (block)(bytes != '"') & (block)(bytes != '\\') &
           (block)(bytes != 0x7F);
}

/* find_class for ENDS_NAME. */
static inline size_t find_name_end(struct slice list, size_t at, bool *plain)
{
    for (size_t run = BLOCK_BYTES; run == BLOCK_BYTES && list.len - at >= BLOCK_BYTES; at += run)
        run = block_run(block_unreserved(block_load(list.ptr + at)));
    return find_class(list, at, ENDS_NAME, plain);
}

/* find_class for ENDS_VALUE, many bytes at a time: values are long, signatures most of all. */
static inline size_t find_value_end(struct slice list, size_t at, bool *plain)
{
    for (size_t run = BLOCK_BYTES; run == BLOCK_BYTES && list.len - at >= BLOCK_BYTES; at += run) {
        block bytes = block_load(list.ptr + at);
        run = block_run(is_inside(bytes));
        *plain = *plain && block_run(block_unreserved(bytes)) >= run;
    }
    return find_class(list, at, ENDS_VALUE, plain);
}

static size_t skip_blanks(struct slice list, size_t at)
{
    while (at < list.len && is_blank(list.ptr[at]))
        at++;
    return at;
}

/* Returns where the closing quote of the value is that begins at `at`; list.len if the value is broken. */
static size_t value_end(struct slice list, size_t at, bool escapes, bool *plain)
{
    while ((at = find_value_end(list, at, plain)) < list.len) {
        if (list.ptr[at] == '"')
            return at;
        if (list.ptr[at] != '\\' || !escapes || at + 1 == list.len || is_control(list.ptr[at + 1]))
            return list.len;
        at += 2;
        *plain = false;
    }
    return list.len;
}

enum auth_header_item auth_header_next(struct slice *list, struct auth_header_pair *ret_pair)
{
    struct slice rest = *list;
    bool plain = true;
    size_t at = 0;
    while (at < rest.len && (is_blank(rest.ptr[at]) || rest.ptr[at] == ','))
        at++;
    if (at == rest.len)
        return AUTH_HEADER_END;
    size_t end = find_name_end(rest, at, &plain);
    struct slice name = slice_sub(rest, at, end);
    at = skip_blanks(rest, end);
    if (name.len == 0 || at == rest.len || rest.ptr[at] != '=')
        return AUTH_HEADER_BROKEN;
    at = skip_blanks(rest, at + 1);
    if (at == rest.len || rest.ptr[at] != '"')
        return AUTH_HEADER_BROKEN;
    end = value_end(rest, at + 1, auth_header_is_realm(name), &plain);
    if (end == rest.len)
        return AUTH_HEADER_BROKEN;
    struct slice value = slice_sub(rest, at + 1, end);
    at = skip_blanks(rest, end + 1);
    if (at < rest.len && rest.ptr[at] != ',')
        return AUTH_HEADER_BROKEN;
    *list = slice_sub(rest, at, rest.len);
    *ret_pair = (struct auth_header_pair){name, value, plain};
    return AUTH_HEADER_PARAMETER;
}
