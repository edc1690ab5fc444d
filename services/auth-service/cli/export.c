#include "cli/export.h"

#include "base/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

const struct command_option export_table[] = {
    {"secrets", OPTION_FLAG, NULL, false, offsetof(struct export_options, secrets),
     "with the secrets, into a new FILE that you alone may read; the audit log says so"},
    {0},
};

/* ---- a line ---- */

void export_begin(struct export *export)
{
    buf_reset(&export->text);
}

static void begin_member(struct export *export, const char *name)
{
    buf_addf(&export->text, "%s\"%s\": ", export->text.len ? ", " : "{", name);
}

static void add_string(struct buf *out, struct slice text)
{
    buf_add_byte(out, '"');
    escape_json(out, text);
    buf_add_byte(out, '"');
}

void export_any_text(struct export *export, const char *name, struct slice text)
{
    begin_member(export, name);
    add_string(&export->text, text);
}

void export_text(struct export *export, const char *name, struct slice text)
{
    if (text.len)
        export_any_text(export, name, text);
}

void export_list(struct export *export, const char *name, const struct slice *items, size_t count)
{
    if (count == 0)
        return;
    begin_member(export, name);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&export->text, i ? ", " : "[");
        add_string(&export->text, items[i]);
    }
    buf_add_byte(&export->text, ']');
}

void export_flag(struct export *export, const char *name, bool value)
{
    if (!value)
        return;
    begin_member(export, name);
    buf_add_str(&export->text, "true");
}

void export_time(struct export *export, const char *name, int64_t ms)
{
    if (ms == 0)
        return;
    begin_member(export, name);
    buf_add_i64(&export->text, ms / 1000);
}

enum status export_end(struct export *export)
{
    struct buf *text = &export->text;
    buf_add_str(text, "}\n");
    if (text->failed)
        return STATUS_NO_MEMORY;
    export->written++;
    return fwrite(text->ptr, 1, text->len, export->out) == text->len ? STATUS_OK : STATUS_STORE_DOWN;
}

void export_warn(const struct export *export, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", export->line->command->name);
    (void)vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
}

bool export_leaves_out(struct export *export, struct slice damage)
{
    if (damage.len == 0)
        return false;
    export_warn(export, "%.*s", SLICE_ARGS(damage));
    export->left_out += export->secrets;
    return export->secrets;
}

/* ---- the file ---- */

static bool names_file(const struct command_line *line)
{
    return line->argument_count && !slice_eq(line->arguments[0], SLICE("-"));
}

/* Never one that is there: it could be read by others, or be a link to what others read. */
static int open_output(const struct command_line *line, struct export *export)
{
    char path[4096];
    if (export->secrets && !names_file(line))
        return command_fail(line, EXIT_USAGE, "--secrets: name a FILE to write to, which must not exist yet");
    if (!names_file(line)) {
        export->out = stdout;
        return EXIT_DONE;
    }
    (void)snprintf(path, sizeof path, "%.*s", SLICE_ARGS(line->arguments[0]));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    export->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (export->out)
        return EXIT_DONE;
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    return command_fail(line, EXIT_USAGE, "%s: %s", path,
                        why == EEXIST ? "it exists already; name another file, or delete it first" : strerror(why));
}

/* On the disk before anybody relies on it. */
static int close_output(const struct command_line *line, struct export *export, int code)
{
    FILE *out = export->out;
    bool failed = fflush(out) != 0 || (out != stdout && fsync(fileno(out)) != 0) || ferror(out);
    int why = errno;
    if (out != stdout)
        failed |= fclose(out) != 0;
    if (failed && code == EXIT_DONE)
        return command_fail(line, EXIT_REFUSED, "the lines could not be written to their end: %s", strerror(why));
    return code;
}

static enum status append_audit(struct durable *db, const char *what, struct slice subject)
{
    char memory[CLI_WHO_BYTES];
    struct buf who = buf_fixed(memory, sizeof memory);
    cli_who(&who);
    return durable_audit_append_blocking(db, buf_slice(&who), slice_str(what), subject);
}

static int write_rows(const struct command_line *line, struct export *export, const char *what, export_fn write)
{
    struct durable *db = &export->store->db;
    enum status status = STATUS_OK;
    if (export->secrets)
        status = append_audit(db, what, line->arguments[0]);
    if (status == STATUS_OK)
        status = write(export);
    buf_done(&export->text);
    return status == STATUS_OK || ferror(export->out)
               ? EXIT_DONE
               : cli_store_failed(line, export->store, status, "after %lld lines", (long long)export->written);
}

static int tell_written(const struct command_line *line, const struct export *export)
{
    if (export->left_out)
        return command_fail(
            line, EXIT_REFUSED,
            "%lld lines; %lld left out, whose secrets do not open, as told above: mend them, and export "
            "again to another file",
            (long long)export->written, (long long)export->left_out);
    if (!line->quiet)
        fprintf(stderr, "%s: %lld lines%s\n", line->command->name, (long long)export->written,
                export->secrets ? "" : ", without secrets (--secrets writes them)");
    return EXIT_DONE;
}

int export_run(const struct command_line *line, const char *what, export_fn write)
{
    struct cli_store store;
    struct export export = {
        .line = line, .store = &store, .secrets = ((const struct export_options *)line->options)->secrets};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    code = open_output(line, &export);
    if (code == EXIT_DONE)
        code = close_output(line, &export, write_rows(line, &export, what, write));
    if (code == EXIT_DONE)
        code = tell_written(line, &export);
    cli_close(&store);
    return code;
}
