#include "service/command_options.h"

#include "base/nearest.h"

#include <stdio.h>

const struct command_option command_remote_options[] = {
    {"server", OPTION_TEXT, "URL", false, offsetof(struct command_remote, server),
     "have it done by the admin API of the service there, not on the stores"},
    {"admin-token-file", OPTION_TEXT, "FILE", false, offsetof(struct command_remote, token_file),
     "a file that holds a token of that service's OAUTH1_ADMIN_TOKEN"},
    {"ca", OPTION_TEXT, "FILE", false, offsetof(struct command_remote, ca_file),
     "PEM, what its certificate is verified against (left out: the system's authorities)"},
    {0},
};

/* The parser knows these three itself. `format` comes first: some commands have formats of their own. */
static const struct command_option everybodys[] = {
    {"format", OPTION_TEXT, "table|json|env", false, 0,
     "how to print (table: of a list a terminal shows what fits, a pipe or a file gets all of it)"},
    {"quiet", OPTION_FLAG, NULL, false, 0, "leave out notes: done, none, how many, what is going on"},
    {"help", OPTION_FLAG, NULL, false, 0, "show this, and do nothing"},
    {0},
};

const struct command_option *command_find_option(const struct command_option *rows, struct slice name)
{
    for (const struct command_option *option = rows; option && option->name; option++)
        if (slice_eq(slice_str(option->name), name))
            return option;
    return NULL;
}

bool command_next_option(const struct command *command, size_t *at, const struct command_option **ret_option)
{
    bool has_formats = command_find_option(command->options, slice_str(everybodys[0].name)) != NULL;
    const struct command_option *const tables[] = {command->options,
                                                   command->run_remote ? command_remote_options : NULL,
                                                   has_formats ? everybodys + 1 : everybodys};
    size_t position = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (const struct command_option *option = tables[i]; option && option->name; option++) {
            if (position++ < *at)
                continue;
            *at = position;
            *ret_option = option;
            return true;
        }
    }
    return false;
}

struct slice command_group(const struct command *command, struct slice *ret_verb)
{
    bool more = false;
    *ret_verb = slice_str(command->name);
    struct slice group = slice_cut(ret_verb, ' ', &more);
    if (!more)
        *ret_verb = SLICE_ABSENT;
    return group;
}

int command_tell_unknown(const struct program *program, struct slice words)
{
    struct nearest nearest = {.wanted = words};
    for (const struct command *command = program->commands; command->name; command++)
        nearest_consider(&nearest, command->name);
    fprintf(stderr, "%s: there is no command \"%.*s\"", program->name, SLICE_ARGS(words));
    if (nearest.name)
        fprintf(stderr, "; did you mean \"%s\"?\n", nearest.name);
    else
        fprintf(stderr, "; %s --help lists them\n", program->name);
    return EXIT_USAGE;
}

const char *command_exit_codes(const struct command *command)
{
    if (command->exit_codes)
        return command->exit_codes;
    return command->needs_config ? "0 done, 1 refused or not found, 2 usage, 3 a store is down"
                                 : "0 done, 1 refused, 2 usage, 3 out of memory"; /* it has no store */
}
