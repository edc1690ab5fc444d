/* Parameters of a form, against a second implementation that is as plain as can be: split, decode,
 * encode, qsort. */
#include "oauth/params.h"

#include "support/fuzz.h"

struct pair {
    struct slice name, value;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* Absent for a broken escape. */
static struct slice plain_canonical(struct slice raw, struct arena *arena)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < raw.len; i++) {
        int byte = (unsigned char)raw.ptr[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            if (i + 2 >= raw.len || hex_digit(raw.ptr[i + 1]) < 0 || hex_digit(raw.ptr[i + 2]) < 0)
                return SLICE_ABSENT;
            byte = hex_digit(raw.ptr[i + 1]) * 16 + hex_digit(raw.ptr[i + 2]);
            i += 2;
        }
        if (is_unreserved((unsigned char)byte))
            buf_add_byte(&out, (char)byte);
        else
            buf_addf(&out, "%%%02X", (unsigned)byte);
    }
    require(!out.failed);
    return buf_slice(&out);
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int order = slice_cmp(left->name, right->name);
    return order ? order : slice_cmp(left->value, right->value);
}

/* False for a broken escape, *count is beyond the limit for too many. */
static bool plain_parse(struct slice form, struct arena *arena, struct pair *pairs, size_t *count)
{
    bool more = true;
    *count = 0;
    while (more) {
        bool has_value = false;
        struct slice value = slice_cut(&form, '&', &more);
        if (value.len == 0)
            continue;
        struct slice name = slice_cut(&value, '=', &has_value);
        if (*count == OAUTH_PARAMS_MAX) {
            *count = OAUTH_PARAMS_MAX + 1;
            return true;
        }
        struct pair pair = {plain_canonical(name, arena), plain_canonical(value, arena)};
        if (slice_is_absent(pair.name) || slice_is_absent(pair.value))
            return false;
        pairs[(*count)++] = pair;
    }
    return true;
}

static void compare(const struct oauth_params *params, struct arena *arena, struct pair *pairs, size_t count)
{
    size_t sorted_count = 0;
    size_t at = 0;
    const struct oauth_param **sorted = params_sorted(params, arena, &sorted_count);
    require(sorted != NULL && params->count == count);
    qsort(pairs, count, sizeof *pairs, by_name_and_value);
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(pairs[i].name, SLICE("oauth_signature")))
            continue;
        require(at < sorted_count && slice_eq(sorted[at]->name, pairs[i].name));
        require(slice_eq(sorted[at]->value, pairs[i].value));
        require(sorted[at]->is_oauth == slice_starts_with(pairs[i].name, SLICE("oauth_")));
        at++;
    }
    require(at == sorted_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pair pairs[OAUTH_PARAMS_MAX];
    struct slice form = slice_of(data, size);
    struct oauth_params params = {0};
    struct arena arena;
    size_t count = 0;
    arena_init(&arena, 64 << 20);
    require(params_init(&params, &arena, 1) == STATUS_OK);
    enum status status = params_add_form(&params, &arena, form, PARAM_FROM_QUERY);
    bool parsed = plain_parse(form, &arena, pairs, &count);
    if (status == STATUS_OK) {
        require(parsed);
        compare(&params, &arena, pairs, count);
    } else if (status == STATUS_TOO_LARGE) {
        require(parsed && count > OAUTH_PARAMS_MAX);
    } else {
        require(status == STATUS_MALFORMED && !parsed);
    }
    arena_done(&arena);
    return 0;
}
