#include "cli/table.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *const table_clients[] = {"client_id", "name", "scope", "disabled", "approval", "created_at", NULL};
const char *const table_tokens[] = {"jti",        "client_id",    "username",   "sub",        "scope",
                                    "created_at", "last_used_at", "expires_at", "revoked_at", NULL};
const char *const table_users[] = {"username", "sub", "source", "email", "disabled", "created_at", NULL};
const char *const table_resource_servers[] = {"name",       "origins",    "tls_sans", "allow_explain",
                                              "created_at", "revoked_at", NULL};
const char *const table_audit[] = {"at", "who", "what", "subject", "client_id", "sub", "request_id", NULL};

enum { COLUMNS_MAX = 12, ROWS_KEPT = 200, GAP = 2, NARROWEST = 6 };

struct table {
    const char *const *columns;
    size_t count;
    size_t widths[COLUMNS_MAX];
    size_t screen; /* columns of the terminal; 0: this is none */
    bool has_header;
    bool is_fixed;     /* there are lines already */
    struct buf values; /* of the rows that are kept, each ended by NUL */
    size_t kept;       /* how many values */
};

/* ---- widths ---- */

/* How many columns of a terminal the character at `at` takes: 0 for one that is put onto the one before. */
static size_t character_width(struct slice text, size_t at, size_t len)
{
    static const struct {
        uint32_t first, last;
        size_t width;
    } ranges[] = {{0x300, 0x36f, 0},    {0x200b, 0x200f, 0}, {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2},
                  {0x2e80, 0xa4cf, 2},  {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},
                  {0xff00, 0xff60, 2},  {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1faff, 2},
                  {0x20000, 0x3fffd, 2}};
    uint32_t code = (unsigned char)text.ptr[at];
    if (len > 1)
        code &= 0xffU >> (len + 1);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text.ptr[at + i] & 0x3f);
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

/* The columns that `text` takes, as far as it fits into `limit` of them; *ret_len is how many bytes that is. */
static size_t measure_text(struct slice text, size_t limit, size_t *ret_len)
{
    size_t width = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t len = slice_utf8_sequence(text, at);
        size_t wide = character_width(text, at, len ? len : 1);
        if (width + wide > limit)
            break;
        width += wide;
        at += len ? len : 1;
    }
    *ret_len = at;
    return width;
}

static size_t width_of(struct slice text)
{
    size_t len = 0;
    return measure_text(text, SIZE_MAX, &len);
}

/* COLUMNS is what a shell or a person says of the terminal; without it the terminal is asked. */
static size_t screen_width(void)
{
    enum { WIDEST = 10000, USUAL = 80 };
    uint64_t columns = 0;
    struct winsize size = {0};
    const char *told = getenv("COLUMNS");
    if (!isatty(STDOUT_FILENO))
        return 0;
    if (told && slice_to_u64(slice_str(told), WIDEST, &columns) && columns > 0)
        return columns;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : USUAL;
}

/* The widest behind the first column; that one, by which a record is known, gives way last. */
static size_t *find_widest(struct table *table)
{
    size_t *widest = &table->widths[table->count - 1];
    for (size_t i = 1; i < table->count; i++)
        widest = table->widths[i] > *widest ? &table->widths[i] : widest;
    return *widest > NARROWEST ? widest : &table->widths[0];
}

/* Columns give way until all fit, or none can be narrower. */
static void fit_to_screen(struct table *table)
{
    size_t total = 0;
    for (size_t i = 0; i < table->count; i++)
        total += table->widths[i] + (i ? GAP : 0);
    for (; total > table->screen; total--) {
        size_t *widest = find_widest(table);
        if (*widest <= NARROWEST)
            return;
        (*widest)--;
    }
}

/* ---- printing ---- */

/* One value in its column. `left` is what the terminal has of the line, and becomes less. */
static void print_value(const struct table *table, size_t column, struct slice text, size_t *left)
{
    size_t len = text.len;
    size_t limit = table->screen ? table->widths[column] : SIZE_MAX;
    limit = limit < *left ? limit : *left;
    size_t width = measure_text(text, limit, &len);
    bool is_cut = len < text.len;
    if (is_cut)
        width = measure_text(text, limit ? limit - 1 : 0, &len) + (limit ? 1 : 0);
    printf("%.*s%s", (int)len, text.ptr, is_cut && limit ? "…" : "");
    *left -= width;
    if (column + 1 == table->count)
        return;
    size_t pad = (width < table->widths[column] ? table->widths[column] - width : 0) + GAP;
    pad = pad < *left ? pad : *left;
    printf("%*s", (int)pad, "");
    *left -= pad;
}

static void print_header(const struct table *table)
{
    size_t left = table->screen ? table->screen : SIZE_MAX;
    for (size_t i = 0; i < table->count; i++) {
        char memory[64];
        struct buf name = buf_fixed(memory, sizeof memory);
        for (const char *at = table->columns[i]; *at; at++)
            buf_add_byte(&name, *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
        print_value(table, i, buf_slice(&name), &left);
    }
    putchar('\n');
}

/* As wide as what is kept needs. On a terminal, once there are lines, columns stay where they are: but not the first,
 * by which a record is known and which people copy. */
static void widen_columns(struct table *table)
{
    size_t growing = table->is_fixed && table->screen ? 1 : table->count;
    const char *value = table->values.ptr;
    for (size_t i = 0; i < table->kept; i++, value += strlen(value) + 1) {
        size_t width = width_of(slice_str(value));
        if (i % table->count < growing && width > table->widths[i % table->count])
            table->widths[i % table->count] = width;
    }
    if (table->screen)
        fit_to_screen(table);
    table->is_fixed = true;
}

void table_flush(struct table *table)
{
    if (table->kept == 0)
        return;
    if (table->values.failed)
        fprintf(stderr, "out of memory: %zu rows are left out\n", table->kept / table->count);
    if (table->values.failed)
        table->kept = 0;
    bool is_first = !table->is_fixed;
    widen_columns(table);
    if (is_first && table->has_header)
        print_header(table);
    const char *value = table->values.ptr;
    size_t left = 0;
    for (size_t i = 0; i < table->kept; i++, value += strlen(value) + 1) {
        if (i % table->count == 0)
            left = table->screen ? table->screen : SIZE_MAX;
        print_value(table, i % table->count, slice_str(value), &left);
        if ((i + 1) % table->count == 0)
            putchar('\n');
    }
    buf_reset(&table->values);
    table->kept = 0;
}

/* ---- rows ---- */

struct table *table_new(const char *const *columns, bool has_header)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    *table = (struct table){.columns = columns, .has_header = has_header, .screen = screen_width()};
    for (; columns[table->count]; table->count++)
        table->widths[table->count] = has_header ? strlen(columns[table->count]) : 1;
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    table_flush(table);
    buf_done(&table->values);
    free(table);
}

const char *const *table_columns(const struct table *table)
{
    return table->columns;
}

void table_add(struct table *table, struct slice value)
{
    if (value.len)
        escape_terminal(&table->values, value);
    else
        buf_add_byte(&table->values, '-');
    buf_add_byte(&table->values, '\0');
    table->kept++;
    if (table->kept % table->count == 0 && (table->is_fixed || table->kept / table->count == ROWS_KEPT))
        table_flush(table);
}
