#include "oauth/params.h"

#include <endian.h>

enum status params_init(struct oauth_params *params, struct arena *arena, size_t capacity)
{
    if (capacity > OAUTH_PARAMS_MAX)
        capacity = OAUTH_PARAMS_MAX;
    struct oauth_param *rows = arena_alloc(arena, capacity * sizeof *rows);
    if (!rows)
        return STATUS_NO_MEMORY;
    *params = (struct oauth_params){rows, 0, capacity};
    return STATUS_OK;
}

static enum status make_canonical(struct arena *arena, enum plus plus, struct slice *text, bool *is_plain)
{
    size_t room = text->len * 3;
    size_t len = 0;
    char *out = arena_bytes(arena, room);
    if (!out)
        return STATUS_NO_MEMORY;
    if (!percent_canonical(*text, plus, out, &len))
        return STATUS_MALFORMED;
    arena_trim(arena, out, room, len);
    *text = slice_of(out, len);
    *is_plain = false;
    return STATUS_OK;
}

static uint64_t order_of(struct slice name)
{
    uint64_t first = 0;
    if (name.len >= sizeof first)
        memcpy(&first, name.ptr, sizeof first);
    else if (name.len)
        memcpy(&first, name.ptr, name.len);
    return be64toh(first);
}

/* Makes room by doubling the rows. The old rows stay in the arena, unused. */
static enum status grow_rows(struct oauth_params *params, struct arena *arena)
{
    if (params->count < params->capacity)
        return STATUS_OK;
    if (params->count == OAUTH_PARAMS_MAX)
        return STATUS_TOO_LARGE;
    struct oauth_params grown = {0};
    TRY(params_init(&grown, arena, params->capacity ? params->capacity * 2 : 1));
    if (params->count)
        memcpy(grown.rows, params->rows, params->count * sizeof *params->rows);
    grown.count = params->count;
    *params = grown;
    return STATUS_OK;
}

static void append_row(struct oauth_params *params, struct slice name, struct slice value, bool is_plain,
                       enum param_source source)
{
    struct oauth_param *row = &params->rows[params->count++];
    row->name = name;
    row->value = value;
    row->order = order_of(name);
    row->source = source;
    row->is_plain = is_plain;
    row->is_oauth = slice_starts_with(name, SLICE("oauth_"));
    row->is_signed = !slice_eq(name, SLICE("oauth_signature"));
}

enum status params_add_plain(struct oauth_params *params, struct arena *arena, struct slice name, struct slice value,
                             enum param_source source)
{
    TRY(grow_rows(params, arena));
    append_row(params, name, value, true, source);
    return STATUS_OK;
}

enum status params_add(struct oauth_params *params, struct arena *arena, struct slice name, struct slice value,
                       enum plus plus, enum param_source source)
{
    bool is_plain = true;
    TRY(grow_rows(params, arena));
    if (!percent_is_plain(name))
        TRY(make_canonical(arena, plus, &name, &is_plain));
    if (!percent_is_plain(value))
        TRY(make_canonical(arena, plus, &value, &is_plain));
    append_row(params, name, value, is_plain, source);
    return STATUS_OK;
}

enum status params_add_form(struct oauth_params *params, struct arena *arena, struct slice form,
                            enum param_source source)
{
    bool more = form.len > 0;
    while (more) {
        struct slice value = slice_cut(&form, '&', &more);
        if (value.len == 0)
            continue;
        bool has_value = false;
        struct slice name = slice_cut(&value, '=', &has_value);
        TRY(params_add(params, arena, name, value, PLUS_IS_SPACE, source));
    }
    return STATUS_OK;
}

/* RFC 5849 §3.4.1.3.2: rows are sorted by the bytes of the encoded name, then of the encoded value. */
static bool row_precedes(const struct oauth_param *a, const struct oauth_param *b)
{
    if (a->order != b->order)
        return a->order < b->order;
    int order = slice_cmp(a->name, b->name);
    return order ? order < 0 : slice_cmp(a->value, b->value) < 0;
}

static void sort_few(const struct oauth_param **rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct oauth_param *row = rows[i];
        size_t at = i;
        for (; at > 0 && row_precedes(row, rows[at - 1]); at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
}

static void sift_down(const struct oauth_param **rows, size_t at, size_t count)
{
    const struct oauth_param *row = rows[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && row_precedes(rows[child], rows[child + 1]))
            child++;
        if (!row_precedes(row, rows[child]))
            break;
        rows[at] = rows[child];
        at = child;
    }
    rows[at] = row;
}

/* Heapsort: no choice of names makes it quadratic. That it is not stable does no harm, since equal rows are the same
 * bytes. */
static void sort_many(const struct oauth_param **rows, size_t count)
{
    for (size_t at = count / 2; at-- > 0;)
        sift_down(rows, at, count);
    for (size_t end = count; end-- > 1;) {
        const struct oauth_param *last = rows[end];
        rows[end] = rows[0];
        rows[0] = last;
        sift_down(rows, 0, end);
    }
}

const struct oauth_param **params_sorted(const struct oauth_params *params, struct arena *arena, size_t *ret_count)
{
    enum { FEW = 24 };
    const struct oauth_param **sorted = arena_alloc(arena, params->count * sizeof *sorted);
    if (!sorted)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < params->count; i++)
        if (params->rows[i].is_signed)
            sorted[count++] = &params->rows[i];
    if (count <= FEW)
        sort_few(sorted, count);
    else
        sort_many(sorted, count);
    *ret_count = count;
    return sorted;
}

struct slice params_decoded(struct slice canonical_text, struct arena *arena)
{
    if (slice_find(canonical_text, '%') == canonical_text.len)
        return canonical_text.ptr ? canonical_text : SLICE("");
    char *out = arena_bytes(arena, canonical_text.len);
    size_t len = 0;
    if (!out || !percent_decode(canonical_text, PLUS_LITERAL, out, &len))
        return SLICE_ABSENT;
    arena_trim(arena, out, canonical_text.len, len);
    return slice_of(out, len);
}
