#include "oauth/auth_header.h"

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

/* Which bytes end a name, and which a value looks twice at: one lookup a byte on the hot path. */
enum { ENDS_NAME = 1, ENDS_VALUE = 2 };
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
};

static inline size_t find_class(struct slice list, size_t at, unsigned char class)
{
    while (at < list.len && !(classes[(unsigned char)list.ptr[at]] & class))
        at++;
    return at;
}

static size_t skip_blanks(struct slice list, size_t at)
{
    while (at < list.len && is_blank(list.ptr[at]))
        at++;
    return at;
}

/* The closing quote of the value that begins at `at`; list.len if it is broken. */
static size_t value_end(struct slice list, size_t at, bool escapes)
{
    while ((at = find_class(list, at, ENDS_VALUE)) < list.len) {
        if (list.ptr[at] == '"')
            return at;
        if (list.ptr[at] != '\\' || !escapes || at + 1 == list.len || is_control(list.ptr[at + 1]))
            return list.len;
        at += 2;
    }
    return list.len;
}

enum auth_header_item auth_header_next(struct slice *list, struct slice *ret_name, struct slice *ret_value)
{
    size_t at = 0;
    while (at < list->len && (is_blank(list->ptr[at]) || list->ptr[at] == ','))
        at++;
    if (at == list->len)
        return AUTH_HEADER_END;
    size_t end = find_class(*list, at, ENDS_NAME);
    struct slice name = slice_sub(*list, at, end);
    at = skip_blanks(*list, end);
    if (name.len == 0 || at == list->len || list->ptr[at] != '=')
        return AUTH_HEADER_BROKEN;
    at = skip_blanks(*list, at + 1);
    if (at == list->len || list->ptr[at] != '"')
        return AUTH_HEADER_BROKEN;
    end = value_end(*list, at + 1, auth_header_is_realm(name));
    if (end == list->len)
        return AUTH_HEADER_BROKEN;
    struct slice value = slice_sub(*list, at + 1, end);
    at = skip_blanks(*list, end + 1);
    if (at < list->len && list->ptr[at] != ',')
        return AUTH_HEADER_BROKEN;
    *list = slice_sub(*list, at, list->len);
    *ret_name = name;
    *ret_value = value;
    return AUTH_HEADER_PARAMETER;
}
