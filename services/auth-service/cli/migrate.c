#include "cli/cli.h"
#include "cli/table.h"
#include "durable/migrations.h"
#include "shapes/shape.h"
#include "json/json_writer.h"

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
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    json_begin_object(&json);
    json_member_int(&json, "number", migration->number);
    json_member_string(&json, "name", migration->name);
    json_member_bool(&json, "applied", migration->applied);
    shape_write_time(&json, "applied_at", migration->applied_at_ms);
    json_end_object(&json);
    cli_record(context, &text);
    buf_done(&text);
    return STATUS_OK;
}

/* The verdict comes last, where it is seen. For programs it is the exit code. */
static int tell_state(const struct command_line *line, enum schema_state state, const struct buf *why)
{
    if (state == SCHEMA_AHEAD)
        (void)fprintf(stderr, "note: %.*s\n", SLICE_ARGS(buf_slice(why)));
    else if (state != SCHEMA_CURRENT)
        return command_fail(line, EXIT_REFUSED, "%.*s", SLICE_ARGS(buf_slice(why)));
    else if (line->format == FORMAT_TABLE && !line->quiet)
        printf("the schema is the one that this version needs\n");
    return EXIT_DONE;
}

static int run_migrate_status(const struct command_line *line)
{
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    enum schema_state state = SCHEMA_CURRENT;
    enum status status = open_bare(line, &why, &sql);
    if (status == STATUS_OK) {
        struct cli_output out = cli_list_begin(line, table_migrations);
        status = migrations_status_blocking(sql, show_migration, &out);
        cli_output_end(&out);
    }
    if (status == STATUS_OK)
        status = migrations_check_blocking(sql, &why, &state);
    int code = status == STATUS_OK ? tell_state(line, state, &why) : fail_migration(line, status, sql, &why);
    sql_close(sql);
    buf_done(&why);
    return code;
}

const struct command cli_migrate_status = {
    .name = "migrate status",
    .arguments = "",
    .summary = "lists the migrations, and says whether the schema fits this version (exit 1: it does not)",
    .example = "  auth-service migrate status --format json",
    .needs_config = true,
    .run = run_migrate_status,
};
