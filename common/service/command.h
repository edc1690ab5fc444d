/* command: the command line that both binaries share: a table of subcommands, each with a table of
 * options.
 *
 *   auth-service client create --name Demo --callback https://a.example/cb --format json
 *                \_ command __/ \_ its options ________________________/ \_ everybody's _/
 *
 * Every command also takes the configuration's flags (--database-url …), so that it works on the same
 * stores as `serve`. No process of ours can be traced or leaves a core dump, and secrets among the words are
 * overwritten in argv, which every user of the machine can read. Exit codes: 0 done, 1 refused or not found, 2 usage, 3
 * a store is down. */
#ifndef COUNTERSIGN_SERVICE_COMMAND_H
#define COUNTERSIGN_SERVICE_COMMAND_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_STORE_DOWN = 3 };

enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_ENV };

enum option_kind {
    OPTION_TEXT,   /* struct slice; absent where not given */
    OPTION_SECRET, /* likewise; no longer in argv once it was read */
    OPTION_LIST,   /* struct option_list: may be given again and again */
    OPTION_FLAG,   /* bool */
};

enum { OPTION_LIST_MAX = 64, COMMAND_ARGUMENTS_MAX = 8 };

struct option_list {
    struct slice items[OPTION_LIST_MAX];
    size_t count;
};

struct command_option {
    const char *name; /* without dashes */
    enum option_kind kind;
    const char *value; /* its name in the help: "URL"; NULL for a flag */
    bool required;
    size_t offset; /* in the command's own struct of options */
    const char *help;
};

struct program;

/* The running service that does the command's work by its admin API. */
struct command_remote {
    struct slice server;     /* its URL; absent: the command works on the stores */
    struct slice token_file; /* what it is asked with */
    struct slice ca_file;    /* absent: the system's authorities */
};

struct command_line {
    const struct program *program;
    const struct command *command;
    void *options; /* the command's own struct, filled by its table */
    struct slice arguments[COMMAND_ARGUMENTS_MAX];
    size_t argument_count;
    enum output_format format;
    bool quiet;
    struct command_remote remote;
    struct config *config; /* NULL where the command takes none, and for run_remote */
};

struct command {
    const char *name;      /* "client create" */
    const char *arguments; /* "METHOD URL"; "" */
    size_t arguments_min, arguments_max;
    const char *summary;                  /* one line */
    const char *example;                  /* lines to be shown in --help */
    const struct command_option *options; /* ends with a row without a name; NULL: none */
    size_t options_size;                  /* of the struct */
    const char *exit_codes;               /* for --help; NULL: the usual ones */
    /* What else is asked of the configuration, with the struct program; its problems are told with the others. NULL:
     * none */
    config_check_fn check_config;
    bool needs_config;
    bool lists_config;                           /* --help lists every flag and variable of the configuration */
    int (*run)(const struct command_line *line); /* the exit code */
    /* The same with --server URL: by the admin API of a running service. NULL: it cannot do that. */
    int (*run_remote)(const struct command_line *line);
};

/* What a value may be whose name in the help is `name`: "METHOD" is one of "HMAC-SHA1|HMAC-SHA256|…". */
struct command_choice {
    const char *name, *words;
};

struct program {
    const char *name; /* "auth-service" */
    const char *summary;
    const struct command_choice *choices; /* for completion; ends with a row without a name; NULL: none */
    enum config_service service;
    const struct command *commands; /* ends with a row without a name */
    /* What `serve` would refuse of a configuration that loads: a line for each problem is appended. NULL: nothing. */
    enum status (*check_blocking)(const struct config *config, struct buf *problems);
};

/* Parses, loads the configuration where it is needed, runs; returns the exit code. What is wrong with
 * the words goes to stderr with "did you mean". */
int command_main(const struct program *program, int argc, char **argv);

/* Prints "NAME: text" to stderr and returns the exit code: for the end of a command. */
int command_fail(const struct command_line *line, int exit_code, const char *format, ...) PRINTF_LIKE(3, 4);
/* 3 for a store that is down or damaged, else 1. */
int command_exit_code(enum status status);

enum { COMMAND_FILE_MAX = 16 << 20 };

/* The whole of a file, or of standard input for "-", into `out`; one trailing newline is left off.
 * STATUS_BAD_INPUT: it cannot be read or is too large; STATUS_NO_MEMORY. *ret_why says why. */
MUST_USE enum status command_read_file(struct slice path, struct buf *out, const char **ret_why);

/* What a service cannot be served with, though it can be parsed: a listening address, a file, a URL. The check of
 * `config check` and of `serve`, so that the one refuses what the other does. `program` is the struct program. */
void command_check_blocking(const struct config *config, const void *program, struct buf *problems);

/* Commands of both binaries: `config check`, `config print`, `healthcheck`, `completion`, `man`. */
extern const struct command command_config_check;
extern const struct command command_config_print;
extern const struct command command_healthcheck;
extern const struct command command_completion;
extern const struct command command_man;

#endif
