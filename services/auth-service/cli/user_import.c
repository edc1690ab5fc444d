#include "cli/import.h"
#include "crypto/password.h"
#include "durable/passwords.h"
#include "durable/users.h"

/* `user import`: the accounts of another system, with the hashes of their passwords. */

enum { MS = 1000, EMAIL_MAX_BYTES = 254 };

struct line {
    struct slice username, sub, email, password_hash;
    bool disabled;
    int64_t created_at; /* seconds since 1970; 0: now */
};

static const struct json_field fields[] = {
    JSON_FIELD(struct line, username, JSON_STRING, true),
    JSON_FIELD(struct line, sub, JSON_STRING, false),
    JSON_FIELD(struct line, email, JSON_STRING, false),
    JSON_FIELD(struct line, password_hash, JSON_STRING, false),
    JSON_FIELD(struct line, disabled, JSON_BOOL, false),
    JSON_FIELD(struct line, created_at, JSON_INT, false),
    JSON_FIELDS_END,
};

/* ---- what the line says by itself ---- */

static bool line_is_sites(const struct line *line)
{
    return !slice_is_absent(line->sub) && !user_subject_is_local(line->sub);
}

static bool is_account_name(struct slice text)
{
    return text.len > 0 && text.len <= IDENTIFIER_MAX_BYTES && slice_is_printable(text);
}

static enum status check_account_names(struct import *import, const struct line *line)
{
    if (!is_account_name(line->username))
        return import_refuse(import, "username must have 1 to %d bytes, without control characters",
                             IDENTIFIER_MAX_BYTES);
    if (line_is_sites(line) && !user_subject_is_sites(line->sub))
        return import_refuse(import,
                             "sub must have 1 to %d bytes, without control characters, and not begin as those of "
                             "accounts made here do (" USER_LOCAL_PREFIX ") in another case",
                             IDENTIFIER_MAX_BYTES);
    if (!line_is_sites(line) && slice_find(line->username, '@') < line->username.len)
        return import_refuse(import,
                             "username has an '@', so that it could be another's e-mail address: give the address "
                             "as email, users may log in with it too");
    return STATUS_OK;
}

static enum status check_account_line(struct import *import, const struct line *line)
{
    struct password_work work;
    const char *why = NULL;
    int64_t now = clock_wall_ms(&import->store->clock) / MS;
    TRY(check_account_names(import, line));
    if (line->email.len > EMAIL_MAX_BYTES || !slice_is_printable(line->email))
        return import_refuse(import, "email may have %d bytes, without control characters", EMAIL_MAX_BYTES);
    if (line->created_at < 0 || line->created_at > now)
        return import_refuse(import, "created_at must be a time in the past, in seconds since 1970");
    if (line->password_hash.len == 0)
        return STATUS_OK;
    if (line_is_sites(line))
        return import_refuse(import, "a user with a sub of a site's logs in there: leave out password_hash, or sub");
    return password_kind_judge(line->password_hash, &work, &why) == STATUS_OK
               ? STATUS_OK
               : import_refuse(import, "password_hash: %s", why);
}

/* ---- what the store says ---- */

/* A password that was changed here, or was used and is hashed as ours are, stays. One that was imported before and has
 * not been used here yet becomes the line's: the user changed it there meanwhile. */
static enum status take_hash(struct import *import, const struct line *line, const struct user *user)
{
    struct slice known = user->password_hash;
    if (line->password_hash.len == 0 || slice_eq(known, line->password_hash) || known.len == 0 ||
        password_is_ours(known))
        return STATUS_CONFLICT;
    TRY(import_race(import,
                    durable_password_rehash_blocking(&import->store->db, user->id, known, line->password_hash)));
    return import_audit(import, "user.import", user->username);
}

static enum status check_account(struct import *import, const struct line *line, const struct user *user)
{
    if (!slice_eq(user->username, line->username))
        return import_refuse(import, "the user with sub %.*s is called %.*s here", SLICE_ARGS(line->sub),
                             SLICE_ARGS(user->username));
    if (!slice_is_absent(line->sub) && !slice_eq(user->subject, line->sub))
        return import_refuse(import, "there is an account %.*s here already, with another sub",
                             SLICE_ARGS(line->username));
    if (line_is_sites(line) != (user->source == USER_OF_SITE))
        return import_refuse(import,
                             "sub %.*s is that of an account made here (auth-service user set-local-subject "
                             "%.*s gives it another)",
                             SLICE_ARGS(line->sub), SLICE_ARGS(user->username));
    return take_hash(import, line, user);
}

static enum status create_account(struct import *import, const struct line *line)
{
    struct durable *db = &import->store->db;
    const struct user user = {.source = line_is_sites(line) ? USER_OF_SITE : USER_MADE_HERE,
                              .subject = slice_is_absent(line->sub) ? SLICE("") : line->sub,
                              .username = line->username,
                              .email = line->email,
                              .password_hash = line->password_hash,
                              .disabled = line->disabled,
                              .created_ms = line->created_at * MS};
    int64_t id = 0;
    enum status status = durable_user_create_blocking(db, &user, &id);
    if (status == STATUS_CONFLICT)
        return import_refuse(
            import, "there is an account here already whose name differs by upper and lower case alone, or whose "
                    "sub is this one");
    TRY(status);
    return import_audit(import, "user.import", line->username);
}

/* By sub where there is one, else among the accounts made here; one that brings its sub along may be here by name. */
static enum status find_account(struct import *import, const struct line *line, struct user **ret_user)
{
    struct durable *db = &import->store->db;
    enum status status = STATUS_NOT_FOUND;
    if (!slice_is_absent(line->sub))
        status = durable_user_find_by_subject_blocking(db, line->sub, ret_user);
    if (status == STATUS_NOT_FOUND && !line_is_sites(line))
        status = durable_user_find_by_name_blocking(db, line->username, ret_user);
    return status;
}

static enum status import_user(struct import *import, const void *decoded)
{
    const struct line *line = decoded;
    struct user *user = NULL;
    TRY(check_account_line(import, line));
    enum status status = find_account(import, line, &user);
    if (status == STATUS_NOT_FOUND)
        return create_account(import, line);
    TRY(status);
    status = check_account(import, line, user);
    user_free(user);
    return status;
}

static int run_user_import(const struct command_line *line)
{
    static const struct import_kind kind = {fields, sizeof(struct line), import_user};
    return import_run(line, &kind);
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
};
