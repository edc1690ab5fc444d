#include "cli/table.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_MAX = 12, ROWS_KEPT = 200, GAP = 2, NARROWEST = 6, LAST_TURN = 6 };
enum { DAY = 10 /* "2026-11-29" */, MINUTE = 16 /* "2026-11-29 05:26" */ };

const struct table_column table_clients[] = {
    {.member = "client_id"},
    {.member = "name", .turn = 1, .least = NARROWEST},
    {.member = "scope", .turn = 1, .least = NARROWEST},
    {.member = "disabled"},
    {.member = "approval"},
    {.member = "created_at", .turn = 2, .least = DAY, .is_time = true},
    {0},
};
const struct table_column table_tokens[] = {
    {.member = "jti"},
    {.member = "client_id", .turn = 1},
    {.member = "username", .turn = 2, .least = NARROWEST},
    {.member = "sub", .turn = 4},
    {.member = "scope", .turn = 2, .least = NARROWEST},
    {.member = "created_at", .turn = 6},
    {.member = "last_used_at", .turn = 5},
    {.member = "expires_at", .turn = 5},
    {.member = "revoked_at", .turn = 3, .least = NARROWEST},
    {0},
};
const struct table_column table_users[] = {
    {.member = "username"},
    {.member = "sub"},
    {.member = "source", .turn = 2},
    {.member = "email", .turn = 1, .least = NARROWEST},
    {.member = "disabled"},
    {.member = "created_at", .turn = 3, .least = DAY, .is_time = true},
    {0},
};
const struct table_column table_resource_servers[] = {
    {.member = "name"},
    {.member = "origins", .turn = 1, .least = NARROWEST},
    {.member = "tls_sans", .turn = 1, .least = NARROWEST},
    {.member = "allow_explain", .turn = 3, .least = NARROWEST},
    {.member = "created_at", .turn = 4},
    {.member = "revoked_at", .turn = 2, .least = DAY, .is_time = true},
    {0},
};
const struct table_column table_audit[] = {
    {.member = "at", .turn = 2, .least = MINUTE, .is_time = true},
    {.member = "who", .turn = 1, .least = NARROWEST},
    {.member = "what"},
    {.member = "subject"},
    {.member = "client_id", .repeats = "subject", .turn = 4},
    {.member = "sub", .repeats = "subject", .turn = 3},
    {.member = "request_id", .turn = 5},
    {0},
};
const struct table_column table_migrations[] = {
    {.member = "number"},
    {.member = "name"},
    {.member = "applied_at", .turn = 1, .least = DAY, .is_time = true},
    {0},
};

struct table {
    const struct table_column *columns;
    size_t count;
    size_t widths[COLUMNS_MAX]; /* 0: it is left out */
    size_t screen;              /* columns of the terminal; 0: this is none */
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

/* Whether the column may be narrower in this turn; in turn 0, the last one, each may. */
static bool can_give_way(const struct table *table, size_t column, unsigned turn)
{
    const struct table_column *it = &table->columns[column];
    return turn ? it->turn == turn && table->widths[column] > it->least : table->widths[column] > NARROWEST;
}

/* The widest that can give way; that by which a record is known only where no other can. False: none can. */
static bool find_widest(const struct table *table, unsigned turn, size_t *ret_column)
{
    size_t widest = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t width = i || table->columns[i].turn ? table->widths[i] : 1;
        if (!can_give_way(table, i, turn) || width <= widest)
            continue;
        widest = width;
        *ret_column = i;
    }
    return widest > 0;
}

static size_t line_width(const struct table *table)
{
    size_t total = 0;
    for (size_t i = 0; i < table->count; i++)
        if (table->widths[i])
            total += table->widths[i] + (total ? GAP : 0);
    return total;
}

/* Columns give way until all fit, or none can. */
static void fit_to_screen(struct table *table)
{
    size_t column = 0;
    for (unsigned turn = LAST_TURN + 1; turn-- > 0;)
        while (line_width(table) > table->screen && find_widest(table, turn, &column))
            table->widths[column] = turn && table->columns[column].least == 0 ? 0 : table->widths[column] - 1;
}

/* ---- printing ---- */

static bool is_last(const struct table *table, size_t column)
{
    while (++column < table->count)
        if (table->widths[column])
            return false;
    return true;
}

/* One value in its column. `left` is what the terminal has of the line, and becomes less. */
static void print_value(const struct table *table, size_t column, struct slice text, size_t *left)
{
    size_t len = text.len;
    size_t limit = table->screen ? table->widths[column] : SIZE_MAX;
    if (table->widths[column] == 0)
        return;
    limit = limit < *left ? limit : *left;
    size_t width = measure_text(text, limit, &len);
    const struct table_column *it = &table->columns[column];
    bool is_rounded = len < text.len && it->is_time && limit >= it->least;
    bool is_cut = len < text.len && !is_rounded;
    if (is_rounded)
        width = measure_text(text, it->least, &len);
    if (is_cut)
        width = measure_text(text, limit ? limit - 1 : 0, &len) + (limit ? 1 : 0);
    printf("%.*s%s", (int)len, text.ptr, is_cut && limit ? "…" : "");
    *left -= width;
    if (is_last(table, column))
        return;
    size_t pad = (width < table->widths[column] ? table->widths[column] - width : 0) + GAP;
    pad = pad < *left ? pad : *left;
    printf("%*s", (int)pad, "");
    *left -= pad;
}

static void print_header(const struct table *table)
{
    size_t left = table->screen ? table->screen : SIZE_MAX;
    bool is_whole = true;
    for (size_t i = 0; i < table->count; i++) {
        char memory[64];
        struct buf name = buf_fixed(memory, sizeof memory);
        for (const char *at = table->columns[i].member; *at; at++)
            buf_add_byte(&name, *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
        print_value(table, i, buf_slice(&name), &left);
        is_whole = is_whole && table->widths[i];
    }
    puts(is_whole || left < GAP ? "" : " …");
}

/* As wide as what is kept needs. On a terminal, once there are lines, columns stay where they are: but not those that
 * the list is read for, and which people copy. */
static void widen_columns(struct table *table)
{
    bool is_growing = !table->is_fixed || !table->screen;
    const char *value = table->values.ptr;
    for (size_t i = 0; i < table->kept; i++, value += strlen(value) + 1) {
        size_t column = i % table->count;
        size_t width = width_of(slice_str(value));
        if ((is_growing || table->columns[column].turn == 0) && width > table->widths[column])
            table->widths[column] = width;
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

struct table *table_new(const struct table_column *columns, bool has_header)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    *table = (struct table){.columns = columns, .has_header = has_header, .screen = screen_width()};
    for (; columns[table->count].member; table->count++)
        table->widths[table->count] = has_header ? strlen(columns[table->count].member) : 1;
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

const struct table_column *table_columns(const struct table *table)
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
