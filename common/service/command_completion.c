#include "base/buf.h"
#include "service/command_options.h"

#include <stdio.h>

/* Of a value, from its name in the help: what there is to offer. */
enum offer { OFFER_NOTHING, OFFER_WORDS, OFFER_FILES, OFFER_FOLDERS };

static enum offer offer_of(const char *value)
{
    struct slice text = slice_str(value);
    if (slice_find_slice(text, SLICE("FILE")) < text.len)
        return OFFER_FILES;
    if (slice_find_slice(text, SLICE("DIR")) < text.len)
        return OFFER_FOLDERS;
    return slice_find(text, '|') < text.len ? OFFER_WORDS : OFFER_NOTHING;
}

/* "table|json|env" as "table json env". */
static void add_words(struct buf *out, const char *value)
{
    for (; *value; value++)
        buf_add_byte(out, *value == '|' ? ' ' : *value);
}

/* The words behind a name that the program has a list for; any other value stands for itself. */
static const char *choices_of(const struct program *program, const char *value)
{
    for (const struct command_choice *row = program->choices; row && row->name; row++)
        if (strcmp(row->name, value) == 0)
            return row->words;
    return value;
}

/* A name of a shell's function: "auth_service". */
static void add_identifier(struct buf *out, const char *name)
{
    for (; *name; name++)
        buf_add_byte(out, *name == '-' ? '_' : *name);
}

static bool is_first_of_group(const struct program *program, const struct command *command, struct slice group)
{
    struct slice verb;
    for (const struct command *before = program->commands; before != command; before++)
        if (slice_eq(command_group(before, &verb), group))
            return false;
    return true;
}

static void add_groups(const struct program *program, struct buf *out)
{
    struct slice verb;
    for (const struct command *command = program->commands; command->name; command++) {
        struct slice group = command_group(command, &verb);
        if (!is_first_of_group(program, command, group))
            continue;
        buf_add_byte(out, ' ');
        buf_add(out, group);
    }
}

static void add_verbs(const struct program *program, struct slice wanted, struct buf *out)
{
    struct slice verb;
    for (const struct command *command = program->commands; command->name; command++) {
        if (!slice_eq(command_group(command, &verb), wanted) || slice_is_absent(verb))
            continue;
        buf_add_byte(out, ' ');
        buf_add(out, verb);
    }
}

/* ---- bash ---- */

static void bash_offer(const struct program *program, struct buf *out, const char *name)
{
    const char *value = choices_of(program, name);
    switch (offer_of(value)) {
    case OFFER_WORDS:
        buf_add_str(out, "words='");
        add_words(out, value);
        buf_add_byte(out, '\'');
        return;
    case OFFER_FILES:
        buf_add_str(out, "offer=files");
        return;
    case OFFER_FOLDERS:
        buf_add_str(out, "offer=folders");
        return;
    case OFFER_NOTHING:
        buf_add_str(out, "offer=nothing");
        return;
    }
}

static void bash_command(const struct program *program, const struct command *command, struct buf *out)
{
    const struct command_option *option = NULL;
    buf_addf(out, "    '%s '*)\n      ", command->name);
    bash_offer(program, out, command->arguments);
    buf_addf(out, "\n      flags=%s\n      options='--help", command->needs_config ? "yes" : "no");
    for (size_t at = 0; command_next_option(command, &at, &option);)
        if (strcmp(option->name, "help") != 0)
            buf_addf(out, " --%s", option->name);
    buf_add_str(out, "'\n      case $prev in\n");
    for (size_t at = 0; command_next_option(command, &at, &option);) {
        if (!option->value)
            continue;
        buf_addf(out, "        --%s) value=yes ", option->name);
        bash_offer(program, out, option->value);
        buf_add_str(out, " ;;\n");
    }
    buf_add_str(out, "      esac\n      ;;\n");
}

/* The configuration's flags: each takes a value, and comes once more as --NAME-file. */
static void bash_flags(const struct program *program, struct buf *out)
{
    struct config_flag_text flag;
    buf_add_str(out, "  local every=\"");
    for (size_t row = 0; config_next_flag(program->service, &row, &flag);)
        buf_addf(out, "%s--%s --%s-file", row > 1 ? "\n" : "", flag.flag, flag.flag);
    buf_add_str(out, "\"\n  if [[ $flags == yes && $value == no ]]; then\n    case $prev in\n");
    for (size_t row = 0; config_next_flag(program->service, &row, &flag);) {
        if (strcmp(flag.placeholder, "BOOL") == 0)
            continue; /* --dev alone */
        buf_addf(out, "      --%s) value=yes ", flag.flag);
        bash_offer(program, out, flag.placeholder);
        buf_add_str(out, " ;;\n");
    }
    buf_add_str(out, "      --*-file) value=yes offer=files ;;\n    esac\n  fi\n");
}

/* A word that bash cut at '=' comes in three. */
static const char bash_begin[] = "()\n{\n"
                                 "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                                 "  local words='' options='' offer=nothing value=no flags=no\n"
                                 "  COMPREPLY=()\n"
                                 "  if [[ $cur == = ]]; then\n"
                                 "    cur=''\n"
                                 "  elif [[ $prev == = ]]; then\n"
                                 "    prev=${COMP_WORDS[COMP_CWORD-2]}\n"
                                 "  fi\n";

static const char bash_end[] = "  if [[ $value == no && $cur == -* ]]; then\n"
                               "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
                               "    if ((${#COMPREPLY[@]} == 0)) && [[ $flags == yes ]]; then\n"
                               "      mapfile -t COMPREPLY < <(compgen -W \"$every\" -- \"$cur\")\n"
                               "    fi\n"
                               "  elif [[ -n $words ]]; then\n"
                               "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                               "  elif [[ $offer == files ]]; then\n"
                               "    compopt -o filenames 2>/dev/null\n"
                               "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                               "  elif [[ $offer == folders ]]; then\n"
                               "    compopt -o filenames 2>/dev/null\n"
                               "    mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
                               "  fi\n"
                               "}\n";

static void bash_first_words(const struct program *program, struct buf *out)
{
    struct slice verb;
    buf_add_str(out, "  if ((COMP_CWORD == 1)); then\n    mapfile -t COMPREPLY < <(compgen -W \"--help --version");
    add_groups(program, out);
    buf_add_str(out, "\" -- \"$cur\")\n    return\n  fi\n  if ((COMP_CWORD == 2)); then\n"
                     "    case ${COMP_WORDS[1]} in\n");
    for (const struct command *command = program->commands; command->name; command++) {
        struct slice group = command_group(command, &verb);
        if (slice_is_absent(verb) || !is_first_of_group(program, command, group))
            continue;
        buf_addf(out, "      %.*s) words='--help", SLICE_ARGS(group));
        add_verbs(program, group, out);
        buf_add_str(out, "' ;;\n");
    }
    buf_add_str(out, "    esac\n    if [[ -n $words ]]; then\n      mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
                     "\"$cur\")\n      return\n    fi\n  fi\n");
}

static void write_bash(const struct program *program, struct buf *out)
{
    buf_addf(out, "# shellcheck shell=bash\n# Completion for bash, made by `%s completion bash`.\n_", program->name);
    add_identifier(out, program->name);
    buf_add_str(out, bash_begin);
    bash_first_words(program, out);
    buf_add_str(out, "  case \"${COMP_WORDS[*]:1:2} \" in\n");
    for (const struct command *command = program->commands; command->name; command++)
        bash_command(program, command, out);
    buf_add_str(out, "  esac\n");
    bash_flags(program, out);
    buf_add_str(out, bash_end);
    buf_add_str(out, "complete -F _");
    add_identifier(out, program->name);
    buf_addf(out, " %s\n", program->name);
}

/* ---- fish ---- */

/* In single quotes, which a fish reads back. */
static void fish_quote(struct buf *out, const char *text)
{
    buf_add_byte(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
    buf_add_byte(out, '\'');
}

static void fish_value(const struct program *program, struct buf *out, const char *name)
{
    const char *value = choices_of(program, name);
    switch (offer_of(value)) {
    case OFFER_WORDS:
        buf_add_str(out, " -x -a '");
        add_words(out, value);
        buf_add_byte(out, '\'');
        return;
    case OFFER_FILES:
        buf_add_str(out, " -r -F");
        return;
    case OFFER_FOLDERS:
        buf_add_str(out, " -x -a '(__fish_complete_directories)'");
        return;
    case OFFER_NOTHING:
        buf_add_str(out, " -x");
        return;
    }
}

/* "complete -c PROGRAM -n 'the words so far are of COMMAND'" */
static void fish_begin(const struct program *program, const char *words, struct buf *out)
{
    buf_addf(out, "complete -c %s -n '__", program->name);
    add_identifier(out, program->name);
    buf_addf(out, "_at %s'", words);
}

/* `value` NULL: it takes none. */
static void fish_option(const struct program *program, const struct command *command, const char *name,
                        const char *value, const char *help, struct buf *out)
{
    fish_begin(program, command->name, out);
    buf_addf(out, " -l %s", name);
    if (value)
        fish_value(program, out, value);
    buf_add_str(out, " -d ");
    fish_quote(out, help);
    buf_add_byte(out, '\n');
}

static void fish_command(const struct program *program, const struct command *command, struct buf *out)
{
    const struct command_option *option = NULL;
    struct config_flag_text flag;
    for (size_t at = 0; command_next_option(command, &at, &option);)
        fish_option(program, command, option->name, option->value, option->help, out);
    if (offer_of(command->arguments) != OFFER_NOTHING) {
        fish_begin(program, command->name, out);
        fish_value(program, out, command->arguments);
        buf_add_byte(out, '\n');
    }
    for (size_t row = 0; command->lists_config && config_next_flag(program->service, &row, &flag);) {
        bool is_alone = strcmp(flag.placeholder, "BOOL") == 0;
        fish_option(program, command, flag.flag, is_alone ? NULL : flag.placeholder, flag.help, out);
    }
}

static void fish_first_words(const struct program *program, struct buf *out)
{
    struct slice verb;
    for (const struct command *command = program->commands; command->name; command++) {
        struct slice group = command_group(command, &verb);
        if (slice_is_absent(verb) || is_first_of_group(program, command, group)) {
            buf_addf(out, "complete -c %s -n __fish_use_subcommand -a %.*s", program->name, SLICE_ARGS(group));
            if (slice_is_absent(verb)) {
                buf_add_str(out, " -d ");
                fish_quote(out, command->summary);
            }
            buf_add_byte(out, '\n');
        }
        if (slice_is_absent(verb))
            continue;
        buf_addf(out, "complete -c %s -n 'test (count (commandline -opc)) -eq 2; and __", program->name);
        add_identifier(out, program->name);
        buf_addf(out, "_at %.*s' -a %.*s -d ", SLICE_ARGS(group), SLICE_ARGS(verb));
        fish_quote(out, command->summary);
        buf_add_byte(out, '\n');
    }
}

static void write_fish(const struct program *program, struct buf *out)
{
    buf_addf(out, "# Completion for fish, made by `%s completion fish`.\nfunction __", program->name);
    add_identifier(out, program->name);
    buf_add_str(out, "_at\n  set -l words (commandline -opc)\n  set -e words[1]\n"
                     "  string match -q -- \"$argv *\" \"$words \"\nend\n");
    buf_addf(out, "complete -c %s -f\n", program->name);
    fish_first_words(program, out);
    for (const struct command *command = program->commands; command->name; command++)
        fish_command(program, command, out);
}

/* ---- the command ---- */

static int run_completion(const struct command_line *line)
{
    struct buf script = BUF_INIT;
    if (slice_eq(line->arguments[0], SLICE("bash")))
        write_bash(line->program, &script);
    else if (slice_eq(line->arguments[0], SLICE("fish")))
        write_fish(line->program, &script);
    else
        return command_fail(line, EXIT_USAGE,
                            "there is completion for bash and fish, not for %.*s (zsh reads bash's: "
                            "autoload -U bashcompinit && bashcompinit)",
                            SLICE_ARGS(line->arguments[0]));
    if (script.failed)
        return command_fail(line, EXIT_STORE_DOWN, "out of memory");
    printf("%.*s", SLICE_ARGS(buf_slice(&script)));
    buf_done(&script);
    return EXIT_DONE;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "bash|fish",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "prints a script by which a shell completes commands, options and their values",
    .example = "  source <(auth-service completion bash)",
    .run = run_completion,
};
