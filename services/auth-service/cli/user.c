#include "cli/remote.h"
#include "cli/table.h"
#include "crypto/password.h"
#include "durable/users.h"
#include "rules/password_rules.h"
#include "rules/user_draft.h"
#include "shapes/user_shape.h"

struct password_options {
    struct slice username, email, password_file;
};

static const struct command_option create_table[] = {
    {"username", OPTION_TEXT, "U", true, offsetof(struct password_options, username), "what the user logs in with"},
    {"email", OPTION_TEXT, "E", false, offsetof(struct password_options, email),
     "the user may log in with it too, if no other account has it"},
    {"password-file", OPTION_TEXT, "FILE", true, offsetof(struct password_options, password_file),
     "a file that holds the password, - for standard input"},
    {0},
};

/* In development a bad one is said to be one, and taken. */
static int judge_password(const struct command_line *line, struct slice password, struct slice username)
{
    enum password_fault fault = password_judge(password, username);
    bool is_possible = fault != PASSWORD_TOO_LONG && fault != PASSWORD_HAS_NUL && password.len > 0;
    if (fault == PASSWORD_GOOD)
        return EXIT_DONE;
    if (!line->config->dev || !is_possible)
        return command_fail(line, EXIT_USAGE, "--password-file: the password %s", password_fault_text(fault));
    fprintf(stderr, "%s: warning: taken in development alone: the password %s\n", line->command->name,
            password_fault_text(fault));
    return EXIT_DONE;
}

/* Reads the file, judges the password and hashes it; the exit code. */
static int hash_file(const struct command_line *line, struct slice path, struct slice username,
                     char hash[PASSWORD_HASH_BYTES])
{
    struct buf password = BUF_INIT;
    const char *why = NULL;
    int code = EXIT_DONE;
    if (command_read_file(path, &password, &why) != STATUS_OK) {
        code =
            command_fail(line, EXIT_USAGE, "--password-file %.*s: %s", SLICE_ARGS(path), why ? why : "out of memory");
    } else {
        code = judge_password(line, buf_slice(&password), username);
    }
    if (code == EXIT_DONE) {
        enum status status = password_hash_blocking(buf_slice(&password), hash);
        if (status != STATUS_OK)
            code = command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
    }
    buf_done(&password);
    return code;
}

static void show_user(struct cli_output *out, const struct user *user)
{
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    user_shape_write(&json, user);
    cli_record(out, &text);
    buf_done(&text);
}

/* A row of the audit log bears the user's sub besides what the command was given, which may be the name: the log is
 * searched by it. */
struct deed {
    const struct command_line *line;
    struct audit_entry audit;
    const struct user *given; /* the one to make */
    struct slice sub;         /* else whom to find: by this, or (absent) by the name */
    struct slice hash;
    enum status (*work)(struct durable *db, int64_t id, struct slice hash);
    struct user *user; /* as it is found; user_free */
};

/* One of the time before, which the database has undone, is freed. */
static enum status take_found(struct deed *deed, enum status status, struct user *found)
{
    user_free(deed->user);
    deed->user = found;
    if (status == STATUS_OK)
        deed->audit.user = found->subject;
    return status;
}

static enum status insert_user(struct durable *db, void *context)
{
    struct deed *deed = context;
    struct user *made = NULL;
    int64_t id = 0;
    TRY(durable_user_create_blocking(db, deed->given, &id));
    enum status status = durable_user_find_blocking(db, id, &made);
    return take_found(deed, status, made);
}

static int create_row(const struct command_line *line, struct cli_store *store, const struct user *user)
{
    struct deed deed = {.audit = {.what = SLICE("user.create"), .subject = user->username}, .given = user};
    enum status status = cli_audited_entry(store, &deed.audit, insert_user, &deed);
    struct user *made = deed.user;
    if (status != STATUS_OK)
        user_free(made);
    if (status == STATUS_CONFLICT)
        return command_fail(
            line, EXIT_REFUSED,
            "user %.*s: there is one of this name, or of one that differs by upper and lower case alone; "
            "choose another name (`user list` shows them)",
            SLICE_ARGS(user->username));
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "user %.*s", SLICE_ARGS(user->username));
    struct cli_output out = cli_output_begin(line, false);
    show_user(&out, made);
    cli_output_end(&out);
    user_free(made);
    return EXIT_DONE;
}

static int run_user_create(const struct command_line *line)
{
    const struct password_options *options = line->options;
    char hash[PASSWORD_HASH_BYTES];
    struct cli_store store;
    struct user_fault fault;
    if (!user_draft_judge(options->username, options->email, &fault))
        return command_fail(line, EXIT_USAGE, "--%s: %s", fault.option, fault.why);
    int code = hash_file(line, options->password_file, options->username, hash);
    if (code == EXIT_DONE)
        code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    const struct user user = {.username = options->username, .email = options->email, .password_hash = slice_str(hash)};
    code = create_row(line, &store, &user);
    cli_close(&store);
    return code;
}

static int send_user(const struct command_line *line, struct slice password)
{
    const struct password_options *options = line->options;
    struct remote remote;
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    const struct remote_call call = {
        .method = "POST", .folder = "users", .body = &body, .noun = "user", .name = options->username};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    json_begin_object(&json);
    json_member_string(&json, "username", options->username);
    json_member_if(&json, "email", options->email);
    json_member_string(&json, "password", password);
    json_end_object(&json);
    code = remote_show(&remote, &call);
    buf_done(&body);
    remote_close(&remote);
    return code;
}

/* The server judges the password and hashes it. */
static int run_user_create_remote(const struct command_line *line)
{
    const struct password_options *options = line->options;
    struct user_fault fault;
    struct buf password = BUF_INIT;
    const char *why = NULL;
    if (!user_draft_judge(options->username, options->email, &fault))
        return command_fail(line, EXIT_USAGE, "--%s: %s", fault.option, fault.why);
    int code = command_read_file(options->password_file, &password, &why) == STATUS_OK
                   ? send_user(line, buf_slice(&password))
                   : command_fail(line, EXIT_USAGE, "--password-file %.*s: %s", SLICE_ARGS(options->password_file),
                                  why ? why : "out of memory");
    buf_done(&password);
    return code;
}

const struct command cli_user_create = {
    .name = "user create",
    .arguments = "",
    .summary = "makes a resource owner who logs in with a password",
    .example = "  printf 'granite otter lamp' | auth-service user create --username jane --password-file -",
    .options = create_table,
    .options_size = sizeof(struct password_options),
    .needs_config = true,
    .run = run_user_create,
    .run_remote = run_user_create_remote,
};

static int run_user_list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_list_begin(line, table_users);
    for (bool more = true; more;) {
        struct user_page *rows = NULL;
        enum status status = durable_user_list_blocking(&store.db, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, &store, status, "the list of users");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            show_user(&out, &rows->users[i]);
        more = rows->count > 0;
        page.after_id = more ? rows->users[rows->count - 1].id : 0;
        user_page_free(rows);
    }
    cli_output_end(&out);
    cli_close(&store);
    return code;
}

static int run_user_list_remote(const struct command_line *line)
{
    struct remote remote;
    const struct remote_call call = {.method = "GET", .folder = "users", .noun = "the list of users"};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_list(&remote, &call, "users", table_users);
    remote_close(&remote);
    return code;
}

const struct command cli_user_list = {
    .name = "user list",
    .arguments = "",
    .summary = "lists the resource owners",
    .example = "  auth-service user list",
    .needs_config = true,
    .run = run_user_list,
    .run_remote = run_user_list_remote,
};

struct named_options {
    struct slice sub;
};

static const struct command_option named_table[] = {
    {"sub", OPTION_TEXT, "SUB", false, offsetof(struct named_options, sub),
     "the user with this sub, instead of USERNAME: a site's user is named so"},
    {0},
};

/* A user is named by the user name of an account made here, or by its sub. */
static enum status find_named(const struct command_line *line, struct durable *db, struct slice sub,
                              struct user **ret_user)
{
    return slice_is_absent(sub) ? durable_user_find_by_name_blocking(db, line->arguments[0], ret_user)
                                : durable_user_find_by_subject_blocking(db, sub, ret_user);
}

static enum status do_change(struct durable *db, void *context)
{
    struct deed *deed = context;
    struct user *found = NULL;
    enum status status = find_named(deed->line, db, deed->sub, &found);
    TRY(take_found(deed, status, found));
    return deed->work(db, found->id, deed->hash);
}

/* `named` is no user's name (or, with `is_sub`, no user's sub), but it may be the other. */
static int tell_no_user(const struct command_line *line, struct slice named, bool is_sub, bool is_other)
{
    if (!is_other)
        return cli_not_found(line, "user", named);
    if (is_sub)
        return command_fail(line, EXIT_REFUSED, "user %.*s: no user has this sub; it is a user name: leave --sub out",
                            SLICE_ARGS(named));
    return command_fail(
        line, EXIT_REFUSED, "user %.*s: no account made here has this name; it is a user's sub: %s", SLICE_ARGS(named),
        line->command->options == named_table ? "give it with --sub" : "`user list` shows the name that belongs to it");
}

static int fail_to_change(const struct command_line *line, struct cli_store *store, const struct deed *deed,
                          enum status status)
{
    struct slice named = deed->audit.subject;
    bool is_sub = !slice_is_absent(deed->sub);
    struct user *other = NULL;
    enum status looked = status;
    if (status == STATUS_NOT_FOUND && is_sub)
        looked = durable_user_find_by_name_blocking(&store->db, named, &other);
    else if (status == STATUS_NOT_FOUND)
        looked = durable_user_find_by_subject_blocking(&store->db, named, &other);
    bool is_other = status == STATUS_NOT_FOUND && looked == STATUS_OK;
    user_free(other);
    return status == STATUS_NOT_FOUND && !status_is_infrastructure(looked)
               ? tell_no_user(line, named, is_sub, is_other)
               : cli_store_failed(line, store, looked, "user %.*s", SLICE_ARGS(named));
}

/* Finds the user of the first argument, or of --sub (absent: there is none), and does something to it. */
static int change_user(const struct command_line *line, const char *what, struct slice sub,
                       enum status (*work)(struct durable *db, int64_t id, struct slice hash), struct slice hash)
{
    struct cli_store store;
    struct slice named = slice_is_absent(sub) ? line->arguments[0] : sub;
    struct deed deed = {
        .line = line, .audit = {.what = slice_str(what), .subject = named}, .sub = sub, .hash = hash, .work = work};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited_entry(&store, &deed.audit, do_change, &deed);
    if (status != STATUS_OK)
        code = fail_to_change(line, &store, &deed, status);
    if (status == STATUS_OK && !line->quiet)
        fprintf(stderr, "%s: done\n", line->command->name);
    user_free(deed.user);
    cli_close(&store);
    return code;
}

static const struct command_option set_table[] = {
    {"password-file", OPTION_TEXT, "FILE", true, offsetof(struct password_options, password_file),
     "a file that holds the password, - for standard input"},
    {0},
};

static int run_user_set_password(const struct command_line *line)
{
    char hash[PASSWORD_HASH_BYTES];
    int code =
        hash_file(line, ((const struct password_options *)line->options)->password_file, line->arguments[0], hash);
    if (code != EXIT_DONE)
        return code;
    return change_user(line, "user.set-password", SLICE_ABSENT, durable_user_set_password_blocking, slice_str(hash));
}

const struct command cli_user_set_password = {
    .name = "user set-password",
    .arguments = "USERNAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "sets a password",
    .example = "  auth-service user set-password jane --password-file secret.txt",
    .options = set_table,
    .options_size = sizeof(struct password_options),
    .needs_config = true,
    .run = run_user_set_password,
};

static enum status delete_row(struct durable *db, int64_t id, struct slice unused)
{
    (void)unused;
    return durable_user_delete_blocking(db, id);
}

static int check_names_one(const struct command_line *line)
{
    struct slice sub = ((const struct named_options *)line->options)->sub;
    if (slice_is_absent(sub) == (line->argument_count == 0))
        return command_fail(line, EXIT_USAGE, "name one user: by USERNAME (an account made here) or by --sub");
    return EXIT_DONE;
}

static int change_named(const struct command_line *line, const char *what,
                        enum status (*work)(struct durable *db, int64_t id, struct slice unused))
{
    struct slice sub = ((const struct named_options *)line->options)->sub;
    int code = check_names_one(line);
    return code == EXIT_DONE ? change_user(line, what, sub, work, SLICE_ABSENT) : code;
}

/* The sub of whom the command names, into `sub`; the exit code. */
static int find_named_remote(struct remote *remote, struct slice named, bool is_sub, struct buf *sub)
{
    struct buf of_name = BUF_INIT;
    bool has_sub = false;
    int code = remote_has_sub(remote, named, &has_sub);
    if (code == EXIT_DONE && !(is_sub && has_sub))
        code = remote_find_name(remote, named, &of_name);
    if (code == EXIT_DONE && is_sub && has_sub)
        buf_add(sub, named);
    else if (code == EXIT_DONE && !is_sub && of_name.len)
        buf_add(sub, buf_slice(&of_name));
    else if (code == EXIT_DONE)
        code = tell_no_user(remote->line, named, is_sub, is_sub ? of_name.len > 0 : has_sub);
    buf_done(&of_name);
    return code;
}

static int send_change(struct remote *remote, const char *method, const char *verb)
{
    const struct command_line *line = remote->line;
    struct slice named = ((const struct named_options *)line->options)->sub;
    struct buf sub = BUF_INIT;
    bool is_sub = !slice_is_absent(named);
    if (!is_sub)
        named = line->arguments[0];
    int code = find_named_remote(remote, named, is_sub, &sub);
    const struct remote_call call = {
        .method = method, .folder = "users", .id = buf_slice(&sub), .verb = verb, .noun = "user", .name = named};
    if (code == EXIT_DONE)
        code = remote_change(remote, &call);
    buf_done(&sub);
    return code;
}

static int change_named_remote(const struct command_line *line, const char *method, const char *verb)
{
    struct remote remote;
    int code = check_names_one(line);
    if (code == EXIT_DONE)
        code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = send_change(&remote, method, verb);
    remote_close(&remote);
    return code;
}

static int run_user_delete(const struct command_line *line)
{
    return change_named(line, "user.delete", delete_row);
}

static int run_user_delete_remote(const struct command_line *line)
{
    return change_named_remote(line, "DELETE", NULL);
}

const struct command cli_user_delete = {
    .name = "user delete",
    .arguments = "[USERNAME]",
    .arguments_max = 1,
    .summary = "deletes a resource owner with all tokens",
    .example = "  auth-service user delete jane\n"
               "  auth-service user delete --sub 42",
    .options = named_table,
    .options_size = sizeof(struct named_options),
    .needs_config = true,
    .run = run_user_delete,
    .run_remote = run_user_delete_remote,
};

static enum status disable_row(struct durable *db, int64_t id, struct slice unused)
{
    (void)unused;
    return durable_user_disable_blocking(db, id);
}

static int run_user_disable(const struct command_line *line)
{
    return change_named(line, "user.disable", disable_row);
}

static int run_user_disable_remote(const struct command_line *line)
{
    return change_named_remote(line, "POST", "disable");
}

const struct command cli_user_disable = {
    .name = "user disable",
    .arguments = "[USERNAME]",
    .arguments_max = 1,
    .summary = "ends a resource owner's sessions and tokens, and lets nobody log in until `user enable`",
    .example = "  auth-service user disable jane\n"
               "  auth-service user disable --sub 42\n\n"
               "Tokens are revoked for good: after `user enable` the user has to authorize applications anew.",
    .options = named_table,
    .options_size = sizeof(struct named_options),
    .needs_config = true,
    .run = run_user_disable,
    .run_remote = run_user_disable_remote,
};

static enum status enable_row(struct durable *db, int64_t id, struct slice unused)
{
    (void)unused;
    return durable_user_enable_blocking(db, id);
}

static int run_user_enable(const struct command_line *line)
{
    return change_named(line, "user.enable", enable_row);
}

static int run_user_enable_remote(const struct command_line *line)
{
    return change_named_remote(line, "POST", "enable");
}

const struct command cli_user_enable = {
    .name = "user enable",
    .arguments = "[USERNAME]",
    .arguments_max = 1,
    .summary = "lets a disabled resource owner log in again",
    .example = "  auth-service user enable jane",
    .options = named_table,
    .options_size = sizeof(struct named_options),
    .needs_config = true,
    .run = run_user_enable,
    .run_remote = run_user_enable_remote,
};

static enum status localize_row(struct durable *db, int64_t id, struct slice unused)
{
    (void)unused;
    return durable_user_set_local_subject_blocking(db, id);
}

static int run_user_set_local_subject(const struct command_line *line)
{
    return change_user(line, "user.set-local-subject", SLICE_ABSENT, localize_row, SLICE_ABSENT);
}

const struct command cli_user_set_local_subject = {
    .name = "user set-local-subject",
    .arguments = "USERNAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "gives an account of an earlier version a sub that no site uses",
    .example = "  auth-service user set-local-subject jane\n\n"
               "Earlier versions gave bare numbers (7), new accounts get local-7. A site that logs its users in\n"
               "(OAUTH1_LOGIN_URL) cannot have the same number, so its user 7 is refused until this account has\n"
               "given it up. Resource servers see the new sub within seconds: what they keep under the old one is\n"
               "for you to move.",
    .needs_config = true,
    .run = run_user_set_local_subject,
};
