#include "service/command.h"

#include "base/nearest.h"
#include "base/wipe.h"
#include "service/command_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

enum { FLAGS_MAX = CONFIG_MAX_ROWS * 2, SECRETS_MAX_BYTES = 4 << 20 };

/* The words of one command line while they are read. */
struct parse {
    const struct program *program;
    struct command_line line;
    struct config_flag flags[FLAGS_MAX];
    size_t flag_count;
    struct arena secrets; /* moved here from argv */
    bool help;
};

/* ---- finding the command ---- */

/* How many of the words are the command's name; 0: they are not. */
static int match_words(const struct command *command, int argc, char **argv)
{
    struct slice name = slice_str(command->name);
    int words = 0;
    for (bool more = true; more; words++) {
        struct slice word = slice_cut(&name, ' ', &more);
        if (words >= argc || !slice_eq(slice_str(argv[words]), word))
            return 0;
    }
    return words;
}

static const struct command *find_command(const struct program *program, int argc, char **argv, int *ret_words)
{
    for (const struct command *command = program->commands; command->name; command++) {
        *ret_words = match_words(command, argc, argv);
        if (*ret_words)
            return command;
    }
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* "client" is the group of "client create"; every command is in the group NULL. */
static bool is_in_group(const struct command *command, const char *group)
{
    struct slice verb;
    return !group || (slice_eq(command_group(command, &verb), slice_str(group)) && !slice_is_absent(verb));
}

/* How many commands were listed. */
static int list_commands(const struct program *program, const char *group, FILE *out)
{
    int count = 0;
    for (const struct command *command = program->commands; command->name; command++) {
        if (!is_in_group(command, group))
            continue;
        fprintf(out, "  %-26s %s\n", command->name, command->summary);
        count++;
    }
    return count;
}

static void print_program_help(const struct program *program, FILE *out)
{
    fprintf(out, "%s: %s\n\nusage: %s COMMAND [OPTION…]\n\n", program->name, program->summary, program->name);
    (void)list_commands(program, NULL, out);
    fprintf(out, "\n%s COMMAND --help shows the options of a command, with an example.\n", program->name);
}

/* `client` alone, or with --help: its commands. Anything else is no command. */
static int unknown_command(const struct program *program, int argc, char **argv)
{
    bool wants_help = argc == 2 && asks_for_help(argv[1]);
    if ((argc == 1 || wants_help) && list_commands(program, argv[0], wants_help ? stdout : stderr))
        return wants_help ? EXIT_DONE : EXIT_USAGE;
    char typed[128];
    struct buf words = buf_fixed(typed, sizeof typed);
    for (int i = 0; i < argc && i < 2 && argv[i][0] != '-'; i++) {
        buf_add_str(&words, i ? " " : "");
        buf_add_str(&words, argv[i]);
    }
    return command_tell_unknown(program, buf_slice(&words));
}

/* ---- options ---- */

/* A command that is done on the stores alone takes them, too, where the program has others: it says so. */
static const struct command_option *find_remote_option(const struct parse *parse, struct slice name)
{
    bool has_remote = parse->line.command->run_remote != NULL;
    for (const struct command *command = parse->program->commands; command->name; command++)
        has_remote = has_remote || (command->run_remote && parse->line.command->needs_config);
    return has_remote ? command_find_option(command_remote_options, name) : NULL;
}

static int complain_of_usage(const struct parse *parse, const char *format, ...) PRINTF_LIKE(2, 3);
static int complain_of_usage(const struct parse *parse, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s %s: ", parse->program->name, parse->line.command->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (--help shows how)\n");
    va_end(args);
    return EXIT_USAGE;
}

static int unknown_option(const struct parse *parse, struct slice name)
{
    struct nearest nearest = {.wanted = name};
    const struct command_option *option = NULL;
    for (size_t at = 0; command_next_option(parse->line.command, &at, &option);)
        nearest_consider(&nearest, option->name);
    if (!nearest.name && parse->line.command->needs_config)
        nearest.name = config_closest_flag(name);
    if (nearest.name)
        return complain_of_usage(parse, "unknown option --%.*s; did you mean --%s?", SLICE_ARGS(name), nearest.name);
    return complain_of_usage(parse, "unknown option --%.*s", SLICE_ARGS(name));
}

/* Copies a value that holds a secret, and overwrites it in argv by what may be shown of it. NULL: no memory. */
static const char *hide_secret(struct parse *parse, char *value, struct slice shown)
{
    size_t len = strlen(value);
    if (slice_eq(slice_of(value, len), shown))
        return value;
    const char *copy = arena_string(&parse->secrets, slice_of(value, len));
    wipe_bytes(value, len);
    memcpy(value, shown.ptr, shown.len < len ? shown.len : 0);
    return copy;
}

/* `options` is the struct that the option's table fills. */
static int set_option(struct parse *parse, const struct command_option *option, void *options, char *word)
{
    char *place = (char *)options + option->offset;
    const char *value = option->kind == OPTION_SECRET ? hide_secret(parse, word, SLICE("***")) : word;
    if (option->kind == OPTION_SECRET && !value)
        return complain_of_usage(parse, "out of memory");
    if (option->kind == OPTION_FLAG) {
        *(bool *)(void *)place = true;
    } else if (option->kind != OPTION_LIST) {
        struct slice *text = (struct slice *)(void *)place;
        if (!slice_is_absent(*text))
            return complain_of_usage(parse, "--%s is given twice", option->name);
        *text = slice_str(value);
    } else {
        struct option_list *list = (struct option_list *)(void *)place;
        if (list->count == OPTION_LIST_MAX)
            return complain_of_usage(parse, "--%s is given more than %d times", option->name, OPTION_LIST_MAX);
        list->items[list->count++] = slice_str(value);
    }
    return EXIT_DONE;
}

static int set_flag(struct parse *parse, const struct config_row *row, bool is_file, char *value)
{
    struct config_flag *flag = &parse->flags[parse->flag_count];
    if (parse->flag_count == FLAGS_MAX)
        return complain_of_usage(parse, "too many options");
    *flag = (struct config_flag){row, is_file, value};
    if (value)
        flag->value = hide_secret(parse, value, config_flag_shown(flag, &parse->secrets));
    if (value && !flag->value)
        return complain_of_usage(parse, "out of memory");
    parse->flag_count++;
    return EXIT_DONE;
}

static int set_format(struct parse *parse, const char *value)
{
    static const char *const names[] = {[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_ENV] = "env"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        parse->line.format = (enum output_format)i;
        return EXIT_DONE;
    }
    return complain_of_usage(parse, "--format must be table, json or env");
}

/* One word that begins with "--": *at is moved on where its value is the next word. */
static int parse_option(struct parse *parse, int argc, char **argv, int *at)
{
    struct slice rest = slice_str(argv[*at] + 2);
    bool joined = false;
    struct slice name = slice_cut(&rest, '=', &joined);
    const struct command_option *own = command_find_option(parse->line.command->options, name);
    const struct command_option *option = own ? own : find_remote_option(parse, name);
    bool is_file = false;
    bool optional = false;
    bool is_format = !option && slice_eq(name, SLICE("format"));
    const struct config_row *row = NULL;
    if (!option && slice_eq(name, SLICE("help"))) {
        parse->help = true;
        return EXIT_DONE;
    }
    if (!option && slice_eq(name, SLICE("quiet"))) {
        parse->line.quiet = true;
        return EXIT_DONE;
    }
    if (!option && !is_format && parse->line.command->needs_config)
        row = config_find_flag(name, &is_file, &optional);
    if (!option && !is_format && !row)
        return unknown_option(parse, name);
    bool takes_value = option ? option->kind != OPTION_FLAG : !(row && optional);
    char *value = joined ? argv[*at] + 2 + name.len + 1 : NULL;
    if (option && option->kind == OPTION_FLAG && joined)
        return complain_of_usage(parse, "--%s takes no value", option->name);
    if (!value && takes_value) {
        if (*at + 1 >= argc)
            return complain_of_usage(parse, "--%.*s needs a value", SLICE_ARGS(name));
        value = argv[++*at];
    }
    if (option)
        return set_option(parse, option, own ? parse->line.options : (void *)&parse->line.remote, value);
    if (is_format)
        return set_format(parse, value);
    return set_flag(parse, row, is_file, value);
}

static int parse_words(struct parse *parse, int argc, char **argv)
{
    bool only_arguments = false;
    for (int at = 0; at < argc; at++) {
        if (!only_arguments && strcmp(argv[at], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strcmp(argv[at], "-h") == 0) {
            parse->help = true;
        } else if (!only_arguments && argv[at][0] == '-' && argv[at][1] == '-') {
            int code = parse_option(parse, argc, argv, &at);
            if (code != EXIT_DONE)
                return code;
        } else if (!only_arguments && argv[at][0] == '-' && argv[at][1]) {
            return complain_of_usage(parse, "unknown option %s", argv[at]);
        } else if (parse->line.argument_count == COMMAND_ARGUMENTS_MAX) {
            return complain_of_usage(parse, "too many arguments");
        } else {
            parse->line.arguments[parse->line.argument_count++] = slice_str(argv[at]);
        }
    }
    return EXIT_DONE;
}

static int check_words(const struct parse *parse)
{
    const struct command *command = parse->line.command;
    if (parse->line.argument_count < command->arguments_min)
        return complain_of_usage(parse, "it needs %s", command->arguments);
    if (parse->line.argument_count > command->arguments_max)
        return complain_of_usage(parse, "unexpected argument \"%.*s\"",
                                 SLICE_ARGS(parse->line.arguments[command->arguments_max]));
    for (const struct command_option *option = command->options; option && option->name; option++)
        if (option->required && option->kind != OPTION_LIST && option->kind != OPTION_FLAG &&
            slice_is_absent(*(const struct slice *)(const void *)((const char *)parse->line.options + option->offset)))
            return complain_of_usage(parse, "--%s %s is needed", option->name, option->value);
    return EXIT_DONE;
}

/* Whether --server and what goes with it fit the command. */
static int check_remote(const struct parse *parse)
{
    const struct command_remote *remote = &parse->line.remote;
    const struct command *command = parse->line.command;
    if (slice_is_absent(remote->server) && slice_is_absent(remote->token_file) && slice_is_absent(remote->ca_file))
        return EXIT_DONE;
    if (!command->run_remote)
        return complain_of_usage(parse,
                                 "no server does %s for you: leave out --server and what goes with it, and run it "
                                 "where the stores are",
                                 command->name);
    if (slice_is_absent(remote->server))
        return complain_of_usage(parse, "--admin-token-file and --ca go with --server URL, the admin port of a "
                                        "running service");
    if (slice_is_absent(remote->token_file))
        return complain_of_usage(parse, "--server needs --admin-token-file FILE: a file that holds a token of that "
                                        "service's OAUTH1_ADMIN_TOKEN, the part behind the name");
    if (parse->flag_count)
        return complain_of_usage(parse, "with --server the stores are those of that service: leave out the "
                                        "configuration's options");
    return EXIT_DONE;
}

/* One row of the help. Padded by characters rather than bytes, which an ellipsis has three of. */
static void print_help_row(const char *name, const char *help, bool is_needed)
{
    enum { NAME_COLUMNS = 28 };
    int columns = 0;
    for (const char *at = name; *at; at++)
        columns += (*at & 0xc0) != 0x80;
    printf("  %s%*s %s%s\n", name, columns < NAME_COLUMNS ? NAME_COLUMNS - columns : 0, "", help,
           is_needed ? " (needed)" : "");
}

static void print_options(const struct command *command)
{
    const struct command_option *option = NULL;
    printf("\nOptions:\n");
    for (size_t at = 0; command_next_option(command, &at, &option);) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s%s%s%s", option->name, option->value ? " " : "",
                       option->value ? option->value : "", option->kind == OPTION_LIST ? " …" : "");
        print_help_row(name, option->help, option->required);
    }
}

static void print_configuration(const struct program *program, const struct command *command)
{
    struct buf help = BUF_INIT;
    if (!command->lists_config) {
        printf(
            "\nThe stores and all else are configured as for `%s serve`, whose --help lists every flag and variable.\n",
            program->name);
        return;
    }
    config_write_help(program->service, &help);
    printf("\n%.*s", SLICE_ARGS(buf_slice(&help)));
    buf_done(&help);
}

static void print_command_help(const struct program *program, const struct command *command)
{
    printf("usage: %s %s %s%s[OPTION…]\n\n%s\n", program->name, command->name, command->arguments,
           command->arguments[0] ? " " : "", command->summary);
    print_options(command);
    if (command->example)
        printf("\nExample:\n%s\n", command->example);
    printf("\nExit codes: %s\n", command_exit_codes(command));
    if (command->needs_config)
        print_configuration(program, command);
}

/* ---- running ---- */

static int load_and_run(struct parse *parse)
{
    struct config config;
    struct buf problems = BUF_INIT;
    if (!slice_is_absent(parse->line.remote.server))
        return parse->line.command->run_remote(&parse->line);
    if (!parse->line.command->needs_config)
        return parse->line.command->run(&parse->line);
    enum status status = config_load(parse->flags, parse->flag_count, environ, parse->program->service,
                                     parse->line.command->check_config, parse->program, &config, &problems);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: the configuration is not usable:\n%.*s", parse->program->name,
                SLICE_ARGS(buf_slice(&problems)));
        buf_done(&problems);
        return EXIT_USAGE;
    }
    buf_done(&problems);
    log_init(STDERR_FILENO, config.log_level, config.log_format);
    parse->line.config = &config;
    int code = parse->line.command->run(&parse->line);
    config_done(&config);
    return code;
}

static int run_command(struct parse *parse, int argc, char **argv)
{
    int code = parse_words(parse, argc, argv);
    if (parse->help) {
        print_command_help(parse->program, parse->line.command);
        return EXIT_DONE;
    }
    if (code == EXIT_DONE)
        code = check_remote(parse);
    if (code == EXIT_DONE)
        code = check_words(parse);
    return code == EXIT_DONE ? load_and_run(parse) : code;
}

int command_main(const struct program *program, int argc, char **argv)
{
    int words = 0;
    (void)prctl(PR_SET_DUMPABLE, 0); /* no secret in a core dump, nor for whoever would trace us */
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        printf("%s %s\n", program->name, COUNTERSIGN_VERSION);
        return EXIT_DONE;
    }
    if (argc < 2 || asks_for_help(argv[1])) {
        print_program_help(program, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    const struct command *command = find_command(program, argc - 1, argv + 1, &words);
    if (!command)
        return unknown_command(program, argc - 1, argv + 1);
    struct parse *parse = calloc(1, sizeof *parse);
    void *options = calloc(1, command->options_size ? command->options_size : 1);
    int code = EXIT_STORE_DOWN;
    if (parse && options) {
        parse->program = program;
        parse->line.program = program;
        parse->line.command = command;
        parse->line.options = options;
        arena_init(&parse->secrets, SECRETS_MAX_BYTES);
        code = run_command(parse, argc - 1 - words, argv + 1 + words);
        arena_done(&parse->secrets);
    } else {
        fprintf(stderr, "%s: out of memory\n", program->name);
    }
    free(options);
    free(parse);
    if (fflush(stdout) != 0 && code == EXIT_DONE) {
        fprintf(stderr, "%s: standard output: %s\n", program->name, strerror(errno));
        code = EXIT_REFUSED;
    }
    return code;
}

int command_fail(const struct command_line *line, int exit_code, const char *format, ...)
{
    va_list args;
    (void)fflush(stdout); /* what was printed comes first, where both streams are one */
    va_start(args, format);
    fprintf(stderr, "%s: ", line->command->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return exit_code;
}

int command_exit_code(enum status status)
{
    if (status == STATUS_OK)
        return EXIT_DONE;
    return status_is_infrastructure(status) ? EXIT_STORE_DOWN : EXIT_REFUSED;
}

static enum status read_to_end(int fd, struct buf *out, const char **ret_why)
{
    while (out->len <= COMMAND_FILE_MAX) {
        if (!buf_reserve(out, 4096)) {
            *ret_why = status_text(STATUS_NO_MEMORY);
            return STATUS_NO_MEMORY;
        }
        ssize_t got = read(fd, out->ptr + out->len, out->cap - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *ret_why = strerror(errno);
            return STATUS_BAD_INPUT;
        }
        if (got == 0)
            return STATUS_OK;
        out->len += (size_t)got;
    }
    *ret_why = "it is larger than 16 MB";
    return STATUS_BAD_INPUT;
}

enum status command_read_file(struct slice path, struct buf *out, const char **ret_why)
{
    bool is_stdin = slice_eq(path, SLICE("-"));
    struct buf name = BUF_INIT;
    buf_add(&name, path);
    const char *text = buf_string(&name);
    int fd = is_stdin ? STDIN_FILENO : text ? open(text, O_RDONLY | O_CLOEXEC) : -1;
    enum status status = STATUS_BAD_INPUT;
    if (fd < 0)
        *ret_why = strerror(errno);
    else
        status = read_to_end(fd, out, ret_why);
    if (fd >= 0 && !is_stdin)
        (void)close(fd);
    buf_done(&name);
    if (status == STATUS_OK && out->len && out->ptr[out->len - 1] == '\n')
        out->len--;
    return status;
}
