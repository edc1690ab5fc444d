#include "cli/cli.h"

#include "durable/migrations.h"

/* Opened here and not by cli_open, which brings an embedded database up to date by itself. */
static enum status open_bare(const struct command_line *line, struct buf *why, struct sql **ret_sql)
{
    const struct sql_options options = {
        .busy_timeout_ms = SQL_COMMAND_BUSY_MS,
        .answer_timeout_ms = SQL_MIGRATION_ANSWER_MS, /* an index on a large table takes its time */
        .password = line->config->database_password,
    };
    return sql_open_blocking(line->config->database_url, &options, why, ret_sql);
}

static int fail_migration(const struct command_line *line, enum status status, const struct sql *sql,
                          const struct buf *why)
{
    struct slice text = why->len ? buf_slice(why) : slice_str(sql ? sql_last_error(sql) : "");
    return command_fail(line, command_exit_code(status), "%.*s",
                        SLICE_ARGS(text.len ? text : slice_str(status_text(status))));
}

static int run_migrate_up(const struct command_line *line)
{
    struct clock clock = clock_system(0);
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    size_t applied = 0;
    int code = EXIT_DONE;
    enum status status = open_bare(line, &why, &sql);
    if (status == STATUS_OK)
        status = migrations_up_blocking(sql, clock_wall_ms(&clock), &why, &applied);
    if (status != STATUS_OK)
        code = fail_migration(line, status, sql, &why);
    else if (!line->quiet)
        printf("applied %zu migration%s; the schema is current\n", applied, applied == 1 ? "" : "s");
    sql_close(sql);
    buf_done(&why);
    return code;
}

const struct command cli_migrate_up = {
    .name = "migrate up",
    .arguments = "",
    .summary = "brings the database to the schema that this version needs",
    .example = "  auth-service migrate up",
    .needs_config = true,
    .run = run_migrate_up,
};

static enum status show_migration(void *context, const struct migration *migration)
{
    struct cli_output *out = context;
    cli_record_begin(out);
    cli_field_int(out, "number", migration->number);
    cli_field(out, "name", migration->name);
    cli_field_bool(out, "applied", migration->applied);
    cli_field_time(out, "applied_at", migration->applied_at_ms);
    cli_record_end(out);
    return STATUS_OK;
}

static int run_migrate_status(const struct command_line *line)
{
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    enum schema_state state = SCHEMA_CURRENT;
    int code = EXIT_DONE;
    enum status status = open_bare(line, &why, &sql);
    if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, true);
        status = migrations_status_blocking(sql, show_migration, &out);
        cli_output_end(&out);
    }
    if (status == STATUS_OK)
        status = migrations_check_blocking(sql, &why, &state);
    if (status != STATUS_OK)
        code = fail_migration(line, status, sql, &why);
    else if (state == SCHEMA_AHEAD)
        (void)fprintf(stderr, "note: %.*s\n", SLICE_ARGS(buf_slice(&why)));
    else if (state != SCHEMA_CURRENT)
        code = command_fail(line, EXIT_REFUSED, "%.*s", SLICE_ARGS(buf_slice(&why)));
    sql_close(sql);
    buf_done(&why);
    return code;
}

const struct command cli_migrate_status = {
    .name = "migrate status",
    .arguments = "",
    .summary = "lists the migrations; exit 1 if the schema does not fit this version",
    .example = "  auth-service migrate status --format json",
    .needs_config = true,
    .run = run_migrate_status,
};
