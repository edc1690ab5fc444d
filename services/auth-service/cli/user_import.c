#include "cli/import.h"

static int run_user_import(const struct command_line *line)
{
    return import_run(line, &intake_user);
}

static int run_user_import_remote(const struct command_line *line)
{
    return import_run_remote(line, &intake_user);
}

const struct command cli_user_import = {
    .name = "user import",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "takes over accounts of another system with the hashes of their passwords, a JSON line each",
    .example =
        "  auth-service user import --dry-run users.ndjson\n\n"
        "  {\"username\": \"jane\", \"email\": \"jane@example.com\", \"password_hash\": \"pbkdf2_sha256$…\"}\n\n"
        "Members: username (needed), email, password_hash, disabled, created_at (seconds since 1970), sub. A sub "
        "makes\n"
        "the user your site's, who logs in there and has no password here (but local-…, which accounts made here\n"
        "have: an export of another Countersign). password_hash is Django's PBKDF2 or Argon2, WordPress's phpass or\n"
        "$wp$2y$, or bcrypt, of 2 000 000 rounds, 64 MB and cost 12 at most; it is replaced by one of our own when\n"
        "its user logs in. A user who is there already is skipped, so a run can be repeated; a password that was not\n"
        "used here yet becomes the line's. A line that is refused is named, and the others are imported. Without\n"
        "FILE, or with -, standard input is read.",
    .options = import_table,
    .options_size = sizeof(struct import_options),
    .needs_config = true,
    .run = run_user_import,
    .run_remote = run_user_import_remote,
};
