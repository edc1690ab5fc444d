#include "base/escape.h"
#include "config/config_rows.h"

static const char *source_name(enum config_source source)
{
    static const char *const names[] = {
        [CONFIG_DEFAULT] = "default",      [CONFIG_DEFAULT_IN_DEV] = "default in development",
        [CONFIG_FROM_FLAG] = "flag",       [CONFIG_FROM_FLAG_FILE] = "flag, from a file",
        [CONFIG_FROM_ENV] = "environment", [CONFIG_FROM_ENV_FILE] = "environment, from a file",
    };
    return names[source];
}

/* The same column for every row. */
static int name_width(void)
{
    size_t width = 0;
    for (size_t i = 0; i < config_row_count; i++)
        width = strlen(config_rows[i].name) > width ? strlen(config_rows[i].name) : width;
    return (int)width;
}

static void write_table_row(const struct config_row *row, struct slice shown, enum config_source source,
                            struct buf *out)
{
    buf_addf(out, "%-*s  ", name_width(), row->name);
    if (slice_is_absent(shown))
        buf_addf(out, "(%s)", row->initial_shown ? row->initial_shown : "not set");
    else
        escape_terminal(out, shown);
    buf_addf(out, "  [%s]\n", source_name(source));
}

static void write_json_row(const struct config_row *row, struct slice shown, enum config_source source, struct buf *out)
{
    buf_addf(out, "\"%s\":{\"value\":", row->name);
    buf_add_str(out, slice_is_absent(shown) ? "null" : "\"");
    escape_json(out, shown);
    buf_addf(out, "%s,\"source\":\"%s\"}", slice_is_absent(shown) ? "" : "\"", source_name(source));
}

/* For a file that `docker run --env-file` and the like read: no quoting there. */
static void write_env_row(const struct config_row *row, struct slice shown, struct buf *out)
{
    buf_addf(out, "%s=", row->name);
    escape_terminal(out, shown);
    buf_add_byte(out, '\n');
}

/* Whether the sealing key is in a file that nobody named. */
static bool has_dev_key(const struct config *config, const struct config_row *row)
{
    return config->dev && row->offset == offsetof(struct config, secrets_keys) && slice_is_absent(config->secrets_keys);
}

static void write_row(const struct config *config, size_t i, enum config_print how, struct arena *scratch,
                      struct buf *out)
{
    const struct config_row *row = &config_rows[i];
    struct slice shown = config_shown(row, config->values[i].text, scratch);
    if (how == CONFIG_PRINT_TABLE && has_dev_key(config, row)) {
        struct buf path = buf_in(scratch);
        config_dev_key_write_path(config, &path);
        shown = buf_slice(&path);
    }
    switch (how) {
    case CONFIG_PRINT_TABLE:
        write_table_row(row, shown, config->values[i].source, out);
        return;
    case CONFIG_PRINT_JSON:
        buf_add_str(out, i == 0 ? "{" : ",");
        write_json_row(row, shown, config->values[i].source, out);
        return;
    case CONFIG_PRINT_ENV:
        write_env_row(row, shown, out);
        return;
    }
}

void config_write(const struct config *config, enum config_print how, struct buf *out)
{
    struct arena scratch;
    arena_init(&scratch, 1 << 20);
    for (size_t i = 0; i < config_row_count; i++)
        write_row(config, i, how, &scratch, out);
    if (how == CONFIG_PRINT_JSON)
        buf_add_str(out, "}\n");
    arena_done(&scratch);
}

/* Words of `text` in lines of at most 100 columns, each behind `indent` spaces. */
static void write_wrapped(struct buf *out, struct slice text, size_t indent)
{
    enum { COLUMNS = 100 };
    size_t column = indent;
    buf_addf(out, "%*s", (int)indent, "");
    for (bool more = true, first = true; more; first = false) {
        struct slice word = slice_cut(&text, ' ', &more);
        if (!first && column + 1 + word.len > COLUMNS) {
            buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            buf_add_byte(out, ' ');
            column++;
        }
        buf_add(out, word);
        column += word.len;
    }
    buf_add_byte(out, '\n');
}

static const char *default_shown(const struct config_row *row, enum config_service service)
{
    return row->initial_shown ? row->initial_shown : config_row_initial(row, service);
}

bool config_next_flag(enum config_service service, size_t *row, struct config_flag_text *ret_text)
{
    while (*row < config_row_count && !(config_rows[*row].services & service))
        (*row)++;
    if (*row == config_row_count)
        return false;
    const struct config_row *it = &config_rows[(*row)++];
    *ret_text = (struct config_flag_text){.flag = it->flag,
                                          .variable = it->name,
                                          .placeholder = it->placeholder,
                                          .help = it->help,
                                          .initial = default_shown(it, service)};
    return true;
}

void config_write_help(enum config_service service, struct buf *out)
{
    struct config_flag_text flag;
    buf_add_str(out, "Configuration (flags win over the environment; each variable also as NAME_FILE, each flag as\n"
                     "--NAME-file, with a file to read the value from):\n");
    for (size_t row = 0; config_next_flag(service, &row, &flag);) {
        buf_addf(out, "  --%s %s, %s\n", flag.flag, flag.placeholder, flag.variable);
        write_wrapped(out, slice_str(flag.help), 6);
        if (flag.initial)
            buf_addf(out, "      Default: %s\n", flag.initial);
    }
}

static void write_markdown_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

static void write_markdown_default(const struct config_row *row, struct buf *out)
{
    if (row->initial_shown)
        write_markdown_text(out, row->initial_shown);
    else if (row->initial && row->initial_introspection)
        buf_addf(out, "`%s`; introspection: `%s`", row->initial, row->initial_introspection);
    else if (row->initial)
        buf_addf(out, "`%s`", row->initial);
}

void config_write_markdown(struct buf *out)
{
    static const char *const used_by[] = {
        [CONFIG_AUTH] = "auth",
        [CONFIG_INTROSPECTION] = "introspection",
        [CONFIG_AUTH | CONFIG_INTROSPECTION] = "both",
    };
    buf_add_str(out, "| variable | flag | default | used by | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < config_row_count; i++) {
        const struct config_row *row = &config_rows[i];
        buf_addf(out, "| `%s` | `--%s ", row->name, row->flag);
        write_markdown_text(out, row->placeholder);
        buf_add_str(out, "` | ");
        write_markdown_default(row, out);
        buf_addf(out, " | %s | ", used_by[row->services]);
        write_markdown_text(out, row->help);
        buf_add_str(out, " |\n");
    }
}
