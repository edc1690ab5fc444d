#include "cli/import.h"
#include "durable/clients.h"

#define TEXT_NAME(member, ...)                  ", " #member
#define FLAG_NAME(NAME, bit, column, json, ...) ", " #json
#define TEXT_NAMES                              CLIENT_PLAIN_TEXTS(TEXT_NAME)
#define FLAG_NAMES                              CLIENT_FLAGS(FLAG_NAME)

static int run_client_import(const struct command_line *line)
{
    return import_run(line, &intake_client);
}

static int run_client_import_remote(const struct command_line *line)
{
    return import_run_remote(line, &intake_client);
}

const struct command cli_client_import = {
    .name = "client import",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "registers clients of another provider with their identifiers and secrets, a JSON line each",
    .example =
        "  auth-service client import --dry-run clients.ndjson\n\n"
        "  {\"client_id\": \"printer\", \"client_secret\": \"…\", \"name\": \"Photo printer\",\n"
        "   \"callbacks\": [\"https://printer.example/ready\"], \"scope\": \"photos:read\"}      (on one line)\n\n"
        "Members: client_id and client_secret or rsa_public_key (needed);\n"
        "name" TEXT_NAMES ";\n"
        "callbacks, default_callback, signature_methods,\n"
        "scope, default_scope" FLAG_NAMES ",\n"
        "disabled, approval (approved, pending, rejected).\n"
        "A client that is there already with this secret or key is skipped, so a run can be repeated; a line\n"
        "that is refused is named, and the others are imported. Without FILE, or with -, standard input is read.",
    .options = import_table,
    .options_size = sizeof(struct import_options),
    .needs_config = true,
    .run = run_client_import,
    .run_remote = run_client_import_remote,
};
