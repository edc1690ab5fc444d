#include "cli/import.h"

#include "base/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 64 * 1024,
    BATCH_LINES = 500,
    REPEATS_MAX = 20,
    BATCH_ARENA_BYTES = BATCH_LINES * (LINE_MAX_BYTES + 64),
    LINE_ARENA_BYTES = 16 << 20,
};

static const int64_t progress_ns = 5LL * 1000 * 1000 * 1000;

const struct command_option import_table[] = {
    {"dry-run", OPTION_FLAG, NULL, false, offsetof(struct import_options, dry_run),
     "says what would be imported, skipped and refused, and imports nothing"},
    {"from-line", OPTION_TEXT, "N", false, offsetof(struct import_options, from_line),
     "begins at this line: where an earlier run said that it got to"},
    {"report", OPTION_TEXT, "FILE", false, offsetof(struct import_options, report),
     "writes what was refused into FILE, a JSON line each, and not on standard error"},
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
    uint64_t from_line;
    FILE *report; /* NULL: standard error */
    struct import import;
    struct arena arena; /* of the lines of the batch */
    struct numbered_line lines[BATCH_LINES];
    size_t count;
    char text[LINE_MAX_BYTES + 1]; /* of the line that is read */
    struct buf complaints;         /* of the batch, told once it is committed */
    struct counts batch;
    struct counts all;
    int64_t last_line; /* that is done with, and committed */
    int64_t progress_at_ns;
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
    char memory[CLI_WHO_BYTES];
    struct buf who = buf_fixed(memory, sizeof memory);
    cli_who(&who);
    return durable_audit_append_blocking(&import->store->db, buf_slice(&who), slice_str(what), subject);
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

static void add_complaint(struct run *run, int64_t line, struct slice why)
{
    struct buf *out = &run->complaints;
    if (run->report) {
        buf_addf(out, "{\"line\": %lld, \"why\": \"", (long long)line);
        escape_json(out, why);
        buf_add_str(out, "\"}\n");
        return;
    }
    buf_addf(out, "%s: line %lld: ", run->line->command->name, (long long)line);
    buf_add(out, why);
    buf_add_byte(out, '\n');
}

static enum status count_line(struct run *run, const struct numbered_line *line)
{
    enum status status = take_line(run, line->text);
    run->batch.imported += status == STATUS_OK;
    run->batch.skipped += status == STATUS_CONFLICT;
    if (status != STATUS_BAD_INPUT)
        return status == STATUS_CONFLICT ? STATUS_OK : status;
    run->batch.refused++;
    add_complaint(run, line->number, buf_slice(&run->import.why));
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

/* What is committed, and where to go on if this run is cut. */
static void show_progress(struct run *run)
{
    int64_t now_ns = clock_monotonic_ns();
    if (run->line->quiet || now_ns - run->progress_at_ns < progress_ns)
        return;
    run->progress_at_ns = now_ns;
    fprintf(stderr, "%s: up to line %lld: imported %lld, skipped %lld, refused %lld\n", run->line->command->name,
            (long long)run->last_line, (long long)run->all.imported, (long long)run->all.skipped,
            (long long)run->all.refused);
}

static enum status take_batch(struct run *run)
{
    if (run->count == 0)
        return STATUS_OK;
    enum status status = commit_batch(run);
    if (run->dry_run && status == STATUS_CONFLICT)
        status = STATUS_OK;
    TRY(status);
    fprintf(run->report ? run->report : stderr, "%.*s", SLICE_ARGS(buf_slice(&run->complaints)));
    run->last_line = run->lines[run->count - 1].number;
    run->all.imported += run->batch.imported;
    run->all.skipped += run->batch.skipped;
    run->all.refused += run->batch.refused;
    run->all.users_created += run->import.users_created;
    run->count = 0;
    arena_reset(&run->arena);
    show_progress(run);
    return STATUS_OK;
}

/* ---- the file ---- */

static enum status add_line(struct run *run, int64_t number, struct slice text)
{
    struct slice copy = SLICE_ABSENT;
    if (slice_trim(text).len == 0 || (uint64_t)number < run->from_line)
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
        code = cli_store_failed(line, &store, status,
                                "after line %lld (what was imported stays; run it again, with --from-line %lld)",
                                (long long)run->last_line, (long long)run->last_line + 1);
    else if (ferror(file))
        code = command_fail(line, EXIT_REFUSED, "%.*s cannot be read to its end: %s", SLICE_ARGS(name_input(line)),
                            strerror(errno));
    cli_close(&store);
    if (code == EXIT_DONE || lines > 0)
        show_counts(run);
    return code == EXIT_DONE && run->all.refused ? EXIT_REFUSED : code;
}

/* The exit code. */
static int take_import_options(const struct command_line *line, struct run *run)
{
    const struct import_options *options = line->options;
    char path[4096];
    run->dry_run = options->dry_run;
    if (!slice_is_absent(options->from_line) &&
        (!slice_to_u64(options->from_line, INT64_MAX, &run->from_line) || run->from_line == 0))
        return command_fail(line, EXIT_USAGE, "--from-line: it must be the number of a line, from 1 on");
    if (slice_is_absent(options->report))
        return EXIT_DONE;
    (void)snprintf(path, sizeof path, "%.*s", SLICE_ARGS(options->report));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    run->report = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (run->report)
        return EXIT_DONE;
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    return command_fail(line, EXIT_USAGE, "--report %s: %s", path, strerror(why));
}

/* A report that did not get onto the disk is no report. */
static int end_report(const struct command_line *line, struct run *run, int code)
{
    bool failed = run->report && (ferror(run->report) | fclose(run->report)) != 0;
    return failed
               ? command_fail(line, EXIT_REFUSED, "--report: it could not be written to its end: %s", strerror(errno))
               : code;
}

static int run_on(const struct command_line *line, const struct import_kind *kind, FILE *file)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_MEMORY));
    run->line = line;
    run->kind = kind;
    run->progress_at_ns = clock_monotonic_ns();
    arena_init(&run->arena, BATCH_ARENA_BYTES);
    arena_init(&run->import.arena, LINE_ARENA_BYTES);
    int code = take_import_options(line, run);
    if (code == EXIT_DONE)
        code = end_report(line, run, import_file(line, run, file));
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
