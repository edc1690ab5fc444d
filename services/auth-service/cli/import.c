#include "cli/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum {
    LINE_MAX_BYTES = 64 * 1024,
    BATCH_LINES = 500,
    REPEATS_MAX = 20,
    BATCH_ARENA_BYTES = BATCH_LINES * (LINE_MAX_BYTES + 64),
    LINE_ARENA_BYTES = 16 << 20,
};

const struct command_option import_table[] = {
    {"dry-run", OPTION_FLAG, NULL, false, offsetof(struct import_options, dry_run),
     "says what would be imported, skipped and refused, and imports nothing"},
    {0},
};

struct counts {
    int64_t imported, skipped, refused, users_created;
};

struct numbered_line {
    int64_t number;
    struct slice text; /* absent: longer than LINE_MAX_BYTES */
};

struct run {
    const struct command_line *line;
    const struct import_kind *kind;
    bool dry_run;
    struct import import;
    struct arena arena; /* of the lines of the batch */
    struct numbered_line lines[BATCH_LINES];
    size_t count;
    char text[LINE_MAX_BYTES + 1]; /* of the line that is read */
    struct buf complaints;         /* of the batch, told once it is committed */
    struct counts batch;
    struct counts all;
};

enum status import_refuse(struct import *import, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_reset(&import->why);
    buf_addv(&import->why, format, args);
    va_end(args);
    return STATUS_BAD_INPUT;
}

enum status import_audit(struct import *import, const char *what, struct slice subject)
{
    return durable_audit_append_blocking(&import->store->db, SLICE("cli"), slice_str(what), subject);
}

enum status import_race(struct import *import, enum status status)
{
    import->is_overtaken = status == STATUS_CONFLICT;
    return import->is_overtaken ? STATUS_STORE_DOWN : status;
}

/* ---- a batch ---- */

static enum status decode_line(const struct import_kind *kind, struct slice text, struct arena *arena,
                               const void **ret_line, const char **ret_why)
{
    const json_value *value = NULL;
    void *line = arena_calloc(arena, 1, kind->line_size);
    if (!line)
        return STATUS_NO_MEMORY;
    TRY(json_read(text, arena, &value, ret_why));
    TRY(json_decode(value, kind->fields, JSON_NULL_IS_ABSENT, "", arena, line, NULL, ret_why));
    *ret_line = line;
    return STATUS_OK;
}

static enum status take_line(struct run *run, struct slice text)
{
    struct import *import = &run->import;
    const void *line = NULL;
    const char *why = NULL;
    arena_reset(&import->arena);
    buf_reset(&import->why);
    if (slice_is_absent(text))
        return import_refuse(import, "it is longer than %d bytes; write one JSON object a line, no array of all",
                             LINE_MAX_BYTES);
    enum status status = decode_line(run->kind, text, &import->arena, &line, &why);
    if (status == STATUS_BAD_INPUT)
        return import_refuse(import, "%s", why);
    TRY(status);
    return run->kind->take(import, line);
}

static enum status count_line(struct run *run, const struct numbered_line *line)
{
    enum status status = take_line(run, line->text);
    run->batch.imported += status == STATUS_OK;
    run->batch.skipped += status == STATUS_CONFLICT;
    if (status != STATUS_BAD_INPUT)
        return status == STATUS_CONFLICT ? STATUS_OK : status;
    run->batch.refused++;
    buf_addf(&run->complaints, "%s: line %lld: ", run->line->command->name, (long long)line->number);
    buf_add(&run->complaints, buf_slice(&run->import.why));
    buf_add_byte(&run->complaints, '\n');
    return STATUS_OK;
}

/* A sql_work_fn. A dry run ends with a status that rolls back. */
static enum status take_lines(struct sql *sql, void *context)
{
    struct run *run = context;
    (void)sql;
    run->batch = (struct counts){0};
    run->import.users_created = 0;
    buf_reset(&run->complaints);
    for (size_t i = 0; i < run->count; i++)
        TRY(count_line(run, &run->lines[i]));
    if (run->complaints.failed)
        return STATUS_NO_MEMORY;
    return run->dry_run ? STATUS_CONFLICT : STATUS_OK;
}

/* Again where another import got in between. */
static enum status commit_batch(struct run *run)
{
    struct durable *db = &run->import.store->db;
    for (int repeats = 0;; repeats++) {
        run->import.is_overtaken = false;
        enum status status = durable_transaction_blocking(db, take_lines, run);
        bool again = status == STATUS_STORE_DOWN && (run->import.is_overtaken || sql_may_repeat(db->sql));
        if (!again || repeats == REPEATS_MAX)
            return status;
    }
}

static enum status take_batch(struct run *run)
{
    if (run->count == 0)
        return STATUS_OK;
    enum status status = commit_batch(run);
    if (run->dry_run && status == STATUS_CONFLICT)
        status = STATUS_OK;
    TRY(status);
    fprintf(stderr, "%.*s", SLICE_ARGS(buf_slice(&run->complaints)));
    run->all.imported += run->batch.imported;
    run->all.skipped += run->batch.skipped;
    run->all.refused += run->batch.refused;
    run->all.users_created += run->import.users_created;
    run->count = 0;
    arena_reset(&run->arena);
    return STATUS_OK;
}

/* ---- the file ---- */

static enum status add_line(struct run *run, int64_t number, struct slice text)
{
    struct slice copy = SLICE_ABSENT;
    if (slice_trim(text).len == 0)
        return STATUS_OK;
    if (text.len <= LINE_MAX_BYTES) {
        copy = arena_copy(&run->arena, text);
        if (slice_is_absent(copy))
            return STATUS_NO_MEMORY;
    }
    run->lines[run->count++] = (struct numbered_line){number, copy};
    return run->count == BATCH_LINES ? take_batch(run) : STATUS_OK;
}

/* The next line, without its end, into `line`, which keeps the front of one that is too long: a byte more than may be.
 * False: there is none. */
static bool read_line(FILE *file, struct buf *line)
{
    int byte = getc_unlocked(file);
    bool found = byte != EOF;
    buf_reset(line);
    for (; byte != EOF && byte != '\n'; byte = getc_unlocked(file))
        if (line->len < line->cap)
            buf_add_byte(line, (char)byte);
    return found;
}

static enum status take_file(struct run *run, FILE *file)
{
    enum status status = STATUS_OK;
    struct buf line = buf_fixed(run->text, sizeof run->text);
    for (int64_t number = 1; status == STATUS_OK && read_line(file, &line); number++)
        status = add_line(run, number, buf_slice(&line));
    buf_done(&line); /* wiped: lines hold secrets */
    return status == STATUS_OK ? take_batch(run) : status;
}

static void show_counts(const struct run *run)
{
    struct cli_output out = cli_output_begin(run->line, false);
    cli_record_begin(&out);
    cli_field_int(&out, "imported", run->all.imported);
    cli_field_int(&out, "skipped", run->all.skipped);
    cli_field_int(&out, "refused", run->all.refused);
    cli_field_int(&out, "users_created", run->all.users_created);
    cli_field_bool(&out, "dry_run", run->dry_run);
    cli_record_end(&out);
    cli_output_end(&out);
}

static struct slice name_input(const struct command_line *line)
{
    bool named = line->argument_count && !slice_eq(line->arguments[0], SLICE("-"));
    return named ? line->arguments[0] : SLICE("standard input");
}

static int import_file(const struct command_line *line, struct run *run, FILE *file)
{
    struct cli_store store;
    int code = cli_open_to_seal(line, &store);
    if (code != EXIT_DONE)
        return code;
    run->import.store = &store;
    enum status status = take_file(run, file);
    int64_t lines = run->all.imported + run->all.skipped + run->all.refused;
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "after %lld lines (imported lines stay; run it again)",
                                (long long)lines);
    else if (ferror(file))
        code = command_fail(line, EXIT_REFUSED, "%.*s cannot be read to its end: %s", SLICE_ARGS(name_input(line)),
                            strerror(errno));
    cli_close(&store);
    if (code == EXIT_DONE || lines > 0)
        show_counts(run);
    return code == EXIT_DONE && run->all.refused ? EXIT_REFUSED : code;
}

static int run_on(const struct command_line *line, const struct import_kind *kind, FILE *file)
{
    const struct import_options *options = line->options;
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_MEMORY));
    run->line = line;
    run->kind = kind;
    run->dry_run = options->dry_run;
    arena_init(&run->arena, BATCH_ARENA_BYTES);
    arena_init(&run->import.arena, LINE_ARENA_BYTES);
    int code = import_file(line, run, file);
    buf_done(&run->complaints);
    buf_done(&run->import.why);
    arena_done(&run->import.arena);
    arena_done(&run->arena);
    free(run);
    return code;
}

int import_run(const struct command_line *line, const struct import_kind *kind)
{
    char path[4096];
    struct slice name = line->argument_count ? line->arguments[0] : SLICE("-");
    if (slice_eq(name, SLICE("-")))
        return run_on(line, kind, stdin);
    (void)snprintf(path, sizeof path, "%.*s", SLICE_ARGS(name));
    FILE *file = fopen(path, "re");
    if (!file)
        return command_fail(line, EXIT_USAGE, "%s: %s", path, strerror(errno));
    int code = run_on(line, kind, file);
    (void)fclose(file);
    return code;
}
