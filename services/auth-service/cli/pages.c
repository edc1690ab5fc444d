#include "cli/cli.h"
#include "look/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pages_options {
    bool force;
};

static const struct command_option pages_options[] = {
    {"force", OPTION_FLAG, NULL, false, offsetof(struct pages_options, force), "writes over files that are there"},
    {0},
};

/* NULL: written; otherwise why not. */
static const char *write_page_file(const char *path, struct slice bytes, bool force)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0644);
    if (fd < 0)
        return errno == EEXIST ? "is there already; --force writes over it" : strerror(errno);
    ssize_t written = write(fd, bytes.ptr, bytes.len);
    const char *why = written < 0 ? strerror(errno) : (size_t)written < bytes.len ? "the disk is full" : NULL;
    return close(fd) != 0 && !why ? strerror(errno) : why;
}

/* Whatever is there stays as it is: one that would be in the way is found before the first is written. */
static int write_files(const struct command_line *line, const char *folder, const struct embedded_file *files,
                       bool only_look)
{
    const struct pages_options *o = line->options;
    for (; files->name; files++) {
        struct buf path = BUF_INIT;
        buf_addf(&path, "%s/%s", folder, files->name);
        const char *text = buf_string(&path);
        const char *why = text ? NULL : status_text(STATUS_NO_MEMORY);
        if (text && only_look && !o->force && access(text, F_OK) == 0)
            why = "is there already; --force writes over it";
        if (text && !only_look)
            why = write_page_file(text, files->contents, o->force);
        int code = why ? command_fail(line, EXIT_REFUSED, "%s: %s", text ? text : files->name, why) : EXIT_DONE;
        buf_done(&path);
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}

static int make_folder(const struct command_line *line, const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return EXIT_DONE;
    return command_fail(line, EXIT_REFUSED, "%s: the folder cannot be made (%s)", path, strerror(errno));
}

static int export_to(const struct command_line *line, const char *folder, const char *catalogues)
{
    int code = write_files(line, folder, auth_pages, true);
    if (code == EXIT_DONE)
        code = write_files(line, catalogues, auth_catalogues, true);
    if (code == EXIT_DONE)
        code = make_folder(line, folder);
    if (code == EXIT_DONE)
        code = make_folder(line, catalogues);
    if (code == EXIT_DONE)
        code = write_files(line, folder, auth_pages, false);
    return code == EXIT_DONE ? write_files(line, catalogues, auth_catalogues, false) : code;
}

static int run_export(const struct command_line *line)
{
    struct buf folder = BUF_INIT;
    struct buf catalogues = BUF_INIT;
    buf_add(&folder, line->arguments[0]);
    buf_addf(&catalogues, "%.*s/catalogues", SLICE_ARGS(line->arguments[0]));
    const char *one = buf_string(&folder);
    const char *other = buf_string(&catalogues);
    int code = one && other ? export_to(line, one, other)
                            : command_fail(line, EXIT_REFUSED, "%s", status_text(STATUS_NO_MEMORY));
    buf_done(&folder);
    buf_done(&catalogues);
    return code;
}

const struct command cli_pages_export = {
    .name = "pages export",
    .arguments = "DIR",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "writes the built-in templates, style sheet and catalogues to a folder, to be changed and named in "
               "OAUTH1_PAGES_DIR",
    .example = "  auth-service pages export ./pages",
    .options = pages_options,
    .options_size = sizeof(struct pages_options),
    .run = run_export,
};
