#include "cli/export.h"
#include "durable/users.h"

/* `user export`: the members are those of `user import`. */

/* A number that an earlier version gave to an account here would be a site's where it is imported. */
static struct slice exported_subject(const struct export *export, const struct user *user)
{
    if (user->source == USER_OF_SITE || user_subject_is_local(user->subject))
        return user->subject;
    export_warn(
        export,
        "user %.*s: the sub %.*s, which an earlier version gave, is not exported; `user set-local-subject` gives "
        "another first",
        SLICE_ARGS(user->username), SLICE_ARGS(user->subject));
    return SLICE("");
}

static enum status export_user(struct export *export, const struct user *user)
{
    export_begin(export);
    export_text(export, "username", user->username);
    export_text(export, "sub", exported_subject(export, user));
    export_text(export, "email", user->email);
    if (export->secrets)
        export_text(export, "password_hash", user->password_hash);
    export_flag(export, "disabled", user->disabled);
    export_time(export, "created_at", user->created_ms);
    return export_end(export);
}

static enum status export_numbered(struct export *export, int64_t id)
{
    struct user *user = NULL;
    enum status status = durable_user_find_blocking(&export->store->db, id, &user);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK; /* deleted since its page was read */
    TRY(status);
    status = export_user(export, user);
    user_free(user);
    return status;
}

static enum status export_users(struct export *export)
{
    struct page_request page = {0};
    enum status status = STATUS_OK;
    for (bool more = true; more && status == STATUS_OK;) {
        struct user_page *rows = NULL;
        TRY(durable_user_list_blocking(&export->store->db, page, &rows));
        for (size_t i = 0; i < rows->count && status == STATUS_OK; i++)
            status =
                export->secrets ? export_numbered(export, rows->users[i].id) : export_user(export, &rows->users[i]);
        more = rows->count > 0;
        page.after_id = more ? rows->users[rows->count - 1].id : 0;
        user_page_free(rows);
    }
    return status;
}

static int run_user_export(const struct command_line *line)
{
    return export_run(line, "user.export", export_users);
}

const struct command cli_user_export = {
    .name = "user export",
    .arguments = "[FILE]",
    .arguments_max = 1,
    .summary = "writes every resource owner as `user import` reads it, a JSON line each",
    .example = "  auth-service user export\n"
               "  auth-service user export --secrets users.ndjson\n\n"
               "The secrets are the hashes of passwords.",
    .options = export_table,
    .options_size = sizeof(struct export_options),
    .needs_config = true,
    .run = run_user_export,
};
