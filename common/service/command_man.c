#include "base/buf.h"
#include "service/command_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- roff ---- */

/* What roff would read as its own is escaped, a line that begins with a dot is no request, and a URL may be broken
 * behind a slash. */
static void add_text(struct buf *out, const char *text)
{
    for (bool begins = true; *text; text++) {
        if (begins && *text == '.')
            buf_add_str(out, "\\&");
        begins = *text == '\n';
        switch (*text) {
        case '\\':
            buf_add_str(out, "\\(rs");
            break;
        case '-':
            buf_add_str(out, "\\-");
            break;
        case '\'':
            buf_add_str(out, "\\(aq");
            break;
        case '`':
            buf_add_str(out, "\\(ga");
            break;
        case '^':
            buf_add_str(out, "\\(ha");
            break;
        case '~':
            buf_add_str(out, "\\(ti");
            break;
        case '/':
            buf_add_str(out, "/\\:");
            break;
        default:
            buf_add_byte(out, *text);
        }
    }
}

/* `text` in font `font`: B or I. */
static void add_in_font(struct buf *out, char font, const char *text)
{
    buf_addf(out, "\\f%c", font);
    add_text(out, text);
    buf_add_str(out, "\\fR");
}

/* "auth-service-client-create": the name of a command's page. */
static void add_page_name(struct buf *out, const struct program *program, const struct command *command)
{
    buf_addf(out, "%s%s", program->name, command ? "-" : "");
    for (const char *at = command ? command->name : ""; *at; at++)
        buf_add_byte(out, *at == ' ' ? '-' : *at);
}

static void add_page_reference(struct buf *out, const struct program *program, const struct command *command)
{
    struct buf name = BUF_INIT;
    add_page_name(&name, program, command);
    const char *text = buf_string(&name);
    add_in_font(out, 'B', text ? text : "");
    buf_add_str(out, "(1)");
    buf_done(&name);
}

/* The page bears no date, so that it is the same whenever it is made. */
static void begin_page(struct buf *out, const struct program *program, const struct command *command,
                       const char *summary)
{
    struct buf name = BUF_INIT;
    add_page_name(&name, program, command);
    const char *text = buf_string(&name);
    buf_addf(out, ".TH \"%s\" 1 \"\" \"Countersign %s\" Countersign\n.SH NAME\n", text ? text : "",
             COUNTERSIGN_VERSION);
    add_text(out, text ? text : "");
    buf_add_str(out, " \\- ");
    add_text(out, summary);
    buf_add_str(out, "\n.SH SYNOPSIS\n.nh\n.ad l\n");
    buf_done(&name);
}

static void add_call(struct buf *out, const struct command *command)
{
    add_in_font(out, 'B', command->name);
    buf_add_str(out, command->arguments[0] ? " " : "");
    add_in_font(out, 'I', command->arguments);
}

/* ---- the page of the program ---- */

static void add_commands(struct buf *out, const struct program *program)
{
    buf_add_str(out, ".SH COMMANDS\n");
    for (const struct command *command = program->commands; command->name; command++) {
        buf_add_str(out, ".TP\n");
        add_call(out, command);
        buf_add_byte(out, '\n');
        add_text(out, command->summary);
        buf_add_str(out, "\n.br\nSee ");
        add_page_reference(out, program, command);
        buf_add_str(out, ".\n");
    }
}

static void add_configuration(struct buf *out, const struct program *program)
{
    struct config_flag_text flag;
    buf_add_str(out, ".SH CONFIGURATION\nEach value is a variable of the environment or a flag; a flag wins. "
                     "Each variable comes as \\fINAME\\fB_FILE\\fR too, and each flag as "
                     "\\fB\\-\\-\\fINAME\\fB\\-file\\fR, with a file to read the value from.\n");
    for (size_t row = 0; config_next_flag(program->service, &row, &flag);) {
        buf_add_str(out, ".TP\n");
        add_in_font(out, 'B', flag.variable);
        buf_add_str(out, ", \\fB\\-\\-");
        add_text(out, flag.flag);
        buf_add_str(out, "\\fR ");
        add_in_font(out, 'I', flag.placeholder);
        buf_add_byte(out, '\n');
        add_text(out, flag.help);
        buf_add_byte(out, '\n');
        if (!flag.initial)
            continue;
        buf_add_str(out, ".br\nDefault: ");
        add_text(out, flag.initial);
        buf_add_byte(out, '\n');
    }
}

static void write_program_page(struct buf *out, const struct program *program)
{
    begin_page(out, program, NULL, program->summary);
    add_in_font(out, 'B', program->name);
    buf_add_str(out, " \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n");
    add_text(out, program->name);
    buf_add_str(out, " is a part of Countersign, an OAuth 1.0a (RFC 5849) provider. ");
    add_text(out, "Every command works on the stores that serve has with the same configuration, and shows its options "
                  "with --help.\n");
    add_commands(out, program);
    add_configuration(out, program);
    buf_add_str(out, ".SH EXIT STATUS\n0 done, 1 refused or not found, 2 usage, 3 a store is down; a command's page "
                     "says where it differs.\n");
}

/* ---- the page of a command ---- */

static void add_option(struct buf *out, const struct command_option *option)
{
    buf_add_str(out, ".TP\n\\fB\\-\\-");
    add_text(out, option->name);
    buf_add_str(out, "\\fR ");
    if (option->value)
        add_in_font(out, 'I', option->value);
    buf_addf(out, "%s\n", option->kind == OPTION_LIST ? " ..." : "");
    add_text(out, option->help);
    buf_add_str(out, option->required ? " (needed)\n" : "\n");
}

static void write_command_page(struct buf *out, const struct program *program, const struct command *command)
{
    const struct command_option *option = NULL;
    begin_page(out, program, command, command->summary);
    add_in_font(out, 'B', program->name);
    buf_add_byte(out, ' ');
    add_call(out, command);
    buf_add_str(out, " [\\fIOPTION\\fR...]\n.SH OPTIONS\n");
    for (size_t at = 0; command_next_option(command, &at, &option);)
        add_option(out, option);
    if (command->needs_config) {
        buf_add_str(out, ".PP\nThe stores and all else are configured by the variables and flags in ");
        add_page_reference(out, program, NULL);
        buf_add_str(out, ".\n");
    }
    if (command->example) {
        buf_add_str(out, ".SH EXAMPLES\n.nf\n");
        add_text(out, command->example);
        buf_add_str(out, "\n.fi\n");
    }
    buf_add_str(out, ".SH EXIT STATUS\n");
    add_text(out, command_exit_codes(command));
    buf_add_str(out, "\n.SH SEE ALSO\n");
    add_page_reference(out, program, NULL);
    buf_add_byte(out, '\n');
}

/* `command` NULL: the program's. */
static void write_page(struct buf *out, const struct program *program, const struct command *command)
{
    if (command)
        write_command_page(out, program, command);
    else
        write_program_page(out, program);
}

/* ---- the command ---- */

struct man_options {
    struct slice into;
};

static const struct command_option man_table[] = {
    {"into", OPTION_TEXT, "DIR", false, offsetof(struct man_options, into),
     "write every page into this folder, as NAME.1, instead"},
    {0},
};

static int write_file(const struct command_line *line, const char *path, const struct buf *page)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t written = fd < 0 ? -1 : write(fd, page->ptr, page->len);
    const char *why = written < 0 ? strerror(errno) : (size_t)written < page->len ? "the disk is full" : NULL;
    if (fd >= 0 && close(fd) != 0 && !why)
        why = strerror(errno);
    return why ? command_fail(line, EXIT_REFUSED, "%s: %s", path, why) : EXIT_DONE;
}

static int write_page_file(const struct command_line *line, struct slice folder, const struct command *command)
{
    struct buf page = BUF_INIT;
    struct buf path = BUF_INIT;
    write_page(&page, line->program, command);
    buf_addf(&path, "%.*s/", SLICE_ARGS(folder));
    add_page_name(&path, line->program, command);
    buf_add_str(&path, ".1");
    const char *name = buf_string(&path);
    int code =
        name && !page.failed ? write_file(line, name, &page) : command_fail(line, EXIT_STORE_DOWN, "out of memory");
    buf_done(&page);
    buf_done(&path);
    return code;
}

/* Says what is wrong with the folder itself; the pages would all fail for it. */
static int check_folder(const struct command_line *line, struct slice folder)
{
    struct buf path = BUF_INIT;
    struct stat found;
    buf_add(&path, folder);
    const char *name = buf_string(&path);
    int code = EXIT_DONE;
    if (!name)
        code = command_fail(line, EXIT_STORE_DOWN, "out of memory");
    else if (stat(name, &found) != 0 && errno == ENOENT)
        code = command_fail(line, EXIT_REFUSED, "--into %s: there is no such folder; make it first (mkdir -p)", name);
    else if (stat(name, &found) != 0)
        code = command_fail(line, EXIT_REFUSED, "--into %s: %s", name, strerror(errno));
    else if (!S_ISDIR(found.st_mode))
        code = command_fail(line, EXIT_REFUSED, "--into %s: it is no folder; the pages are many files", name);
    buf_done(&path);
    return code;
}

static int write_all(const struct command_line *line, struct slice folder)
{
    int code = check_folder(line, folder);
    if (code == EXIT_DONE)
        code = write_page_file(line, folder, NULL);
    for (const struct command *command = line->program->commands; command->name && code == EXIT_DONE; command++)
        code = write_page_file(line, folder, command);
    return code;
}

/* The words of the arguments are a command's name; *ret_command is NULL where there are none. */
static int find_page(const struct command_line *line, const struct command **ret_command)
{
    struct buf words = BUF_INIT;
    *ret_command = NULL;
    for (size_t i = 0; i < line->argument_count; i++)
        buf_addf(&words, "%s%.*s", i ? " " : "", SLICE_ARGS(line->arguments[i]));
    for (const struct command *command = line->program->commands; command->name; command++)
        if (slice_eq(slice_str(command->name), buf_slice(&words)))
            *ret_command = command;
    int code =
        line->argument_count && !*ret_command ? command_tell_unknown(line->program, buf_slice(&words)) : EXIT_DONE;
    buf_done(&words);
    return code;
}

static int run_man(const struct command_line *line)
{
    const struct man_options *options = line->options;
    const struct command *command = NULL;
    struct buf page = BUF_INIT;
    if (!slice_is_absent(options->into) && line->argument_count)
        return command_fail(line, EXIT_USAGE, "--into writes every page: leave out the command");
    if (!slice_is_absent(options->into))
        return write_all(line, options->into);
    int code = find_page(line, &command);
    if (code != EXIT_DONE)
        return code;
    write_page(&page, line->program, command);
    if (page.failed)
        code = command_fail(line, EXIT_STORE_DOWN, "out of memory");
    else
        printf("%.*s", SLICE_ARGS(buf_slice(&page)));
    buf_done(&page);
    return code;
}

const struct command command_man = {
    .name = "man",
    .arguments = "[COMMAND]",
    .arguments_max = 2,
    .summary = "prints the manual page of a command, or of the program, for man",
    .example = "  auth-service man client create | man -l -",
    .options = man_table,
    .options_size = sizeof(struct man_options),
    .run = run_man,
};
