#include "crypto/password.h"
#include "durable/passwords.h"
#include "durable/users.h"
#include "intake/intake.h"

/* The accounts of another system, with the hashes of their passwords. */

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

static enum status check_account_names(struct intake *intake, const struct line *line)
{
    if (!is_account_name(line->username))
        return intake_refuse(intake, "username must have 1 to %d bytes, without control characters",
                             IDENTIFIER_MAX_BYTES);
    if (line_is_sites(line) && !user_subject_is_sites(line->sub))
        return intake_refuse(intake,
                             "sub must have 1 to %d bytes, without control characters, and not begin as those of "
                             "accounts made here do (" USER_LOCAL_PREFIX ") in another case",
                             IDENTIFIER_MAX_BYTES);
    if (!line_is_sites(line) && slice_find(line->username, '@') < line->username.len)
        return intake_refuse(intake,
                             "username has an '@', so that it could be another's e-mail address: give the address "
                             "as email, users may log in with it too");
    return STATUS_OK;
}

static enum status check_account_line(struct intake *intake, const struct line *line)
{
    struct password_work work;
    const char *why = NULL;
    int64_t now = clock_wall_ms(intake->db->clock) / MS;
    TRY(check_account_names(intake, line));
    if (line->email.len > EMAIL_MAX_BYTES || !slice_is_printable(line->email))
        return intake_refuse(intake, "email may have %d bytes, without control characters", EMAIL_MAX_BYTES);
    if (line->created_at < 0 || line->created_at > now)
        return intake_refuse(intake, "created_at must be a time in the past, in seconds since 1970");
    if (line->password_hash.len == 0)
        return STATUS_OK;
    if (line_is_sites(line))
        return intake_refuse(intake, "a user with a sub of a site's logs in there: leave out password_hash, or sub");
    return password_kind_judge(line->password_hash, &work, &why) == STATUS_OK
               ? STATUS_OK
               : intake_refuse(intake, "password_hash: %s", why);
}

/* ---- what the store says ---- */

/* A password that was changed here, or was used and is hashed as ours are, stays. One that was imported before and has
 * not been used here yet becomes the line's: the user changed it there meanwhile. */
static enum status take_hash(struct intake *intake, const struct line *line, const struct user *user)
{
    struct slice known = user->password_hash;
    if (line->password_hash.len == 0 || slice_eq(known, line->password_hash) || known.len == 0 ||
        password_is_ours(known))
        return STATUS_CONFLICT;
    TRY(intake_race(intake, durable_password_rehash_blocking(intake->db, user->id, known, line->password_hash)));
    return intake_audit(intake, "user.import", user->username);
}

static enum status check_account(struct intake *intake, const struct line *line, const struct user *user)
{
    if (!slice_eq(user->username, line->username))
        return intake_refuse(intake, "the user with sub %.*s is called %.*s here", SLICE_ARGS(line->sub),
                             SLICE_ARGS(user->username));
    if (!slice_is_absent(line->sub) && !slice_eq(user->subject, line->sub))
        return intake_refuse(intake, "there is an account %.*s here already, with another sub",
                             SLICE_ARGS(line->username));
    if (line_is_sites(line) != (user->source == USER_OF_SITE))
        return intake_refuse(intake,
                             "sub %.*s is that of an account made here (auth-service user set-local-subject "
                             "%.*s gives it another)",
                             SLICE_ARGS(line->sub), SLICE_ARGS(user->username));
    return take_hash(intake, line, user);
}

static enum status create_account(struct intake *intake, const struct line *line)
{
    struct durable *db = intake->db;
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
        return intake_refuse(
            intake, "there is an account here already whose name differs by upper and lower case alone, or whose "
                    "sub is this one");
    TRY(status);
    return intake_audit(intake, "user.import", line->username);
}

/* By sub where there is one, else among the accounts made here; one that brings its sub along may be here by name. */
static enum status find_account(struct intake *intake, const struct line *line, struct user **ret_user)
{
    struct durable *db = intake->db;
    enum status status = STATUS_NOT_FOUND;
    if (!slice_is_absent(line->sub))
        status = durable_user_find_by_subject_blocking(db, line->sub, ret_user);
    if (status == STATUS_NOT_FOUND && !line_is_sites(line))
        status = durable_user_find_by_name_blocking(db, line->username, ret_user);
    return status;
}

static enum status take_user_line(struct intake *intake, const void *decoded)
{
    const struct line *line = decoded;
    struct user *user = NULL;
    TRY(check_account_line(intake, line));
    enum status status = find_account(intake, line, &user);
    if (status == STATUS_NOT_FOUND)
        return create_account(intake, line);
    TRY(status);
    status = check_account(intake, line, user);
    user_free(user);
    return status;
}

const struct intake_kind intake_user = {"user", fields, sizeof(struct line), take_user_line};
