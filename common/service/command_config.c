#include "http/listen.h"
#include "service/command.h"
#include "service/descriptors.h"
#include "service/tls_files.h"

#include <stdio.h>

struct named_address {
    const char *variable;
    struct http_listen address;
};

static bool check_address_blocking(const struct named_address *named, struct buf *problems)
{
    struct buf why = BUF_INIT;
    bool is_good = listener_check_blocking(&named->address, &why) == STATUS_OK;
    if (!is_good)
        buf_addf(problems, "%s: %.*s\n", named->variable, SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    return is_good;
}

/* Each address by itself, and against those before it. */
static void check_listeners_blocking(const struct config *config, struct buf *problems)
{
    const struct {
        const char *variable;
        const struct config_listen *listen;
    } listeners[] = {{"OAUTH1_LISTEN", &config->listen},
                     {"OAUTH1_OPS_LISTEN", &config->ops_listen},
                     {"OAUTH1_ADMIN_LISTEN", &config->admin_listen}};
    struct named_address good[COUNT_OF(listeners)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        const struct config_listen *listen = listeners[i].listen;
        if (slice_is_absent(listen->host) &&
            slice_is_absent(listen->unix_path)) /* not of this service, or not parsed */
            continue;
        good[count] = (struct named_address){
            listeners[i].variable, {.host = listen->host, .unix_path = listen->unix_path, .port = listen->port}};
        if (!check_address_blocking(&good[count], problems))
            continue;
        for (size_t j = 0; j < count; j++)
            if (listeners_meet_blocking(&good[count].address, &good[j].address))
                buf_addf(problems, "%s: is the address of %s too; give each its own port\n", good[count].variable,
                         good[j].variable);
        count++;
    }
}

void command_check_blocking(const struct config *config, const void *program, struct buf *problems)
{
    const struct program *it = program;
    (void)!tls_files_check_blocking(config, problems); /* the lines are the answer */
    check_listeners_blocking(config, problems);
    if (it->check_blocking)
        (void)it->check_blocking(config, problems); /* the lines are the answer */
}

/* A configuration with a problem never gets here: command_main has printed all of them. */
static int run_config_check(const struct command_line *line)
{
    struct buf warnings = BUF_INIT;
    const struct descriptors descriptors = descriptors_of(line->config);
    config_warnings(line->config, &warnings);
    descriptors_warn(&descriptors, line->config, &warnings);
    if (!line->quiet) {
        printf("%.*s", SLICE_ARGS(buf_slice(&warnings)));
        printf(
            "connections of clients: %zu; descriptors: %zu, of which %zu are kept for stores, the ops port and files\n",
            descriptors.connections, descriptors.limit, descriptors.kept);
        printf("the configuration is usable\n");
    }
    buf_done(&warnings);
    return EXIT_DONE;
}

const struct command command_config_check = {
    .name = "config check",
    .arguments = "",
    .summary = "reads the configuration and names every problem at once",
    .example = "  OAUTH1_DEV=true auth-service config check",
    .check_config = command_check_blocking,
    .needs_config = true,
    .run = run_config_check,
};

struct print_options {
    struct slice format;
};

static const struct command_option print_table[] = {
    {"format", OPTION_TEXT, "table|json|env|markdown", false, offsetof(struct print_options, format),
     "how to print (table); markdown: docs/configuration.md's table of all variables instead"},
    {0},
};

static int run_config_print(const struct command_line *line)
{
    static const char *const names[] = {
        [CONFIG_PRINT_TABLE] = "table", [CONFIG_PRINT_JSON] = "json", [CONFIG_PRINT_ENV] = "env"};
    const struct print_options *options = line->options;
    struct buf text = BUF_INIT;
    size_t how = 0;
    while (how < COUNT_OF(names) && !slice_eq(options->format, slice_str(names[how])))
        how++;
    if (how < COUNT_OF(names) || slice_is_absent(options->format))
        config_write(line->config, how < COUNT_OF(names) ? (enum config_print)how : CONFIG_PRINT_TABLE, &text);
    else if (slice_eq(options->format, SLICE("markdown")))
        config_write_markdown(&text);
    else
        return command_fail(line, EXIT_USAGE, "--format must be table, json, env or markdown");
    if (text.failed)
        return command_fail(line, EXIT_STORE_DOWN, "out of memory");
    printf("%.*s", SLICE_ARGS(buf_slice(&text)));
    buf_done(&text);
    return EXIT_DONE;
}

const struct command command_config_print = {
    .name = "config print",
    .arguments = "",
    .summary = "shows what is in force and where each value came from; secrets as ***",
    .example = "  auth-service config print --format env",
    .options = print_table,
    .options_size = sizeof(struct print_options),
    .needs_config = true,
    .run = run_config_print,
};
