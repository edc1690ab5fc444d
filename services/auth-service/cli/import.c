#include "cli/import.h"

#include "base/escape.h"
#include "cli/import_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH_ARENA_BYTES = INTAKE_LINES_MAX * (INTAKE_LINE_MAX_BYTES + 64) };

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

struct run {
    const struct command_line *line;
    uint64_t from_line;
    FILE *report; /* NULL: standard error */
    struct cli_store store;
    struct remote remote;
    bool is_remote;
    struct arena arena; /* of the lines of the batch */
    struct intake_batch *batch;
    size_t batch_bytes;
    char text[INTAKE_LINE_MAX_BYTES + 1]; /* of the line that is read */
    struct counts all;
    int64_t last_line; /* that is done with, and committed */
    int64_t progress_at_ns;
};

/* ---- a batch ---- */

static void tell_refusal(const struct run *run, const struct intake_refusal *refusal)
{
    struct buf out = BUF_INIT;
    if (run->report) {
        buf_addf(&out, "{\"line\": %lld, \"why\": \"", (long long)refusal->number);
        escape_json(&out, refusal->why);
        buf_add_str(&out, "\"}\n");
    } else {
        buf_addf(&out, "%s: line %lld: ", run->line->command->name, (long long)refusal->number);
        buf_add(&out, refusal->why);
        buf_add_byte(&out, '\n');
    }
    fprintf(run->report ? run->report : stderr, "%.*s", SLICE_ARGS(buf_slice(&out)));
    buf_done(&out);
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

#define GO_ON_ARGS(run) (long long)(run)->last_line, (long long)(run)->last_line + 1

/* The exit code. */
static int commit_batch(struct run *run)
{
    if (run->is_remote) {
        int code = import_remote_take(&run->remote, run->batch);
        if (code == EXIT_STORE_DOWN)
            fprintf(stderr, "%s: what was imported up to line %lld stays; run it again, with --from-line %lld\n",
                    run->line->command->name, GO_ON_ARGS(run));
        return code;
    }
    int64_t begun_ns = clock_monotonic_ns();
    enum status status = intake_batch_take_blocking(&run->store.db, run->batch);
    if (status == STATUS_OK && config_database_is_embedded(run->line->config))
        cli_let_others_write(begun_ns);
    if (status == STATUS_OK)
        return EXIT_DONE;
    return cli_store_failed(run->line, &run->store, status,
                            "after line %lld (what was imported stays; run it again, with --from-line %lld)",
                            GO_ON_ARGS(run));
}

static int take_batch(struct run *run)
{
    struct intake_batch *batch = run->batch;
    int code = batch->count ? commit_batch(run) : EXIT_DONE;
    if (code != EXIT_DONE || batch->count == 0)
        return code;
    for (size_t i = 0; i < batch->refusal_count; i++)
        tell_refusal(run, &batch->refusals[i]);
    run->last_line = batch->lines[batch->count - 1].number;
    run->all.imported += batch->imported;
    run->all.skipped += batch->skipped;
    run->all.refused += (int64_t)batch->refusal_count;
    run->all.users_created += batch->users_created;
    batch->count = run->batch_bytes = 0;
    arena_reset(&run->arena);
    show_progress(run);
    return EXIT_DONE;
}

/* ---- the file ---- */

static bool has_room(const struct run *run, struct slice text)
{
    size_t bytes = run->batch_bytes + text.len + 1;
    return run->batch->count < INTAKE_LINES_MAX && (!run->is_remote || bytes <= INTAKE_BODY_MAX_BYTES);
}

static int add_line(struct run *run, int64_t number, struct slice text)
{
    struct intake_batch *batch = run->batch;
    if (slice_trim(text).len == 0 || (uint64_t)number < run->from_line)
        return EXIT_DONE;
    int code = has_room(run, text) ? EXIT_DONE : take_batch(run);
    if (code != EXIT_DONE)
        return code;
    struct slice copy = arena_copy(&run->arena, text);
    if (slice_is_absent(copy))
        return command_fail(run->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_MEMORY));
    batch->lines[batch->count++] = (struct intake_line){.number = number, .text = copy};
    run->batch_bytes += text.len + 1;
    return EXIT_DONE;
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

static struct slice name_input(const struct command_line *line)
{
    bool named = line->argument_count && !slice_eq(line->arguments[0], SLICE("-"));
    return named ? line->arguments[0] : SLICE("standard input");
}

static int take_file(struct run *run, FILE *file)
{
    int code = EXIT_DONE;
    struct buf line = buf_fixed(run->text, sizeof run->text);
    for (int64_t number = 1; code == EXIT_DONE && read_line(file, &line); number++)
        code = add_line(run, number, buf_slice(&line));
    buf_done(&line); /* wiped: lines hold secrets */
    if (code == EXIT_DONE)
        code = take_batch(run);
    if (code == EXIT_DONE && ferror(file))
        code = command_fail(run->line, EXIT_REFUSED, "%.*s cannot be read to its end: %s",
                            SLICE_ARGS(name_input(run->line)), strerror(errno));
    return code;
}

static void show_counts(const struct run *run)
{
    struct cli_output out = cli_output_begin(run->line, false);
    cli_record_begin(&out);
    cli_field_int(&out, "imported", run->all.imported);
    cli_field_int(&out, "skipped", run->all.skipped);
    cli_field_int(&out, "refused", run->all.refused);
    cli_field_int(&out, "users_created", run->all.users_created);
    cli_field_bool(&out, "dry_run", run->batch->is_dry);
    cli_record_end(&out);
    cli_output_end(&out);
}

static int import_file(struct run *run, FILE *file)
{
    int code = run->is_remote ? remote_open(run->line, &run->remote) : cli_open_to_import(run->line, &run->store);
    if (code != EXIT_DONE)
        return code;
    code = take_file(run, file);
    if (run->is_remote)
        remote_close(&run->remote);
    else
        cli_close(&run->store);
    if (code == EXIT_DONE || run->all.imported + run->all.skipped + run->all.refused > 0)
        show_counts(run);
    return code == EXIT_DONE && run->all.refused ? EXIT_REFUSED : code;
}

/* ---- the command ---- */

/* The exit code. */
static int take_import_options(struct run *run)
{
    const struct command_line *line = run->line;
    const struct import_options *options = line->options;
    char path[4096];
    run->batch->is_dry = options->dry_run;
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
static int end_report(struct run *run, int code)
{
    bool failed = run->report && (ferror(run->report) | fclose(run->report)) != 0;
    return failed ? command_fail(run->line, EXIT_REFUSED, "--report: it could not be written to its end: %s",
                                 strerror(errno))
                  : code;
}

/* With a batch. */
static int run_on(struct run *run, FILE *file)
{
    char memory[CLI_WHO_BYTES];
    struct buf who = buf_fixed(memory, sizeof memory);
    cli_who(&who);
    run->batch->who = buf_slice(&who);
    run->progress_at_ns = clock_monotonic_ns();
    arena_init(&run->arena, BATCH_ARENA_BYTES);
    int code = take_import_options(run);
    if (code == EXIT_DONE)
        code = end_report(run, import_file(run, file));
    arena_done(&run->arena);
    return code;
}

static int run_file(const struct command_line *line, const struct intake_kind *kind, bool is_remote, FILE *file)
{
    struct run *run = calloc(1, sizeof *run);
    struct intake_batch *batch = intake_batch_new();
    int code = EXIT_STORE_DOWN;
    if (run && batch) {
        run->line = line;
        run->is_remote = is_remote;
        run->batch = batch;
        batch->kind = kind;
        code = run_on(run, file);
    } else {
        (void)command_fail(line, code, "%s", status_text(STATUS_NO_MEMORY));
    }
    intake_batch_free(batch);
    free(run);
    return code;
}

static int run_named(const struct command_line *line, const struct intake_kind *kind, bool is_remote)
{
    char path[4096];
    struct slice name = line->argument_count ? line->arguments[0] : SLICE("-");
    if (slice_eq(name, SLICE("-")))
        return run_file(line, kind, is_remote, stdin);
    (void)snprintf(path, sizeof path, "%.*s", SLICE_ARGS(name));
    FILE *file = fopen(path, "re");
    if (!file)
        return command_fail(line, EXIT_USAGE, "%s: %s", path, strerror(errno));
    int code = run_file(line, kind, is_remote, file);
    (void)fclose(file);
    return code;
}

int import_run(const struct command_line *line, const struct intake_kind *kind)
{
    return run_named(line, kind, false);
}

int import_run_remote(const struct command_line *line, const struct intake_kind *kind)
{
    return run_named(line, kind, true);
}
