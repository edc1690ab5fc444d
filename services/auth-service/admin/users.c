#include "admin/users.h"

#include "admin/deed.h"
#include "crypto/password.h"
#include "durable/users.h"
#include "rules/password_rules.h"
#include "rules/user_draft.h"
#include "shapes/user_shape.h"

static void answer_user(struct deed_answer *answer, const struct user *user)
{
    struct json_writer json = json_writer(&answer->json);
    user_shape_write(&json, user);
    answer->version = user->version;
}

/* ---- GET users ---- */

static enum status do_list_users(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct deed_list list = deed_list_begin(deed, answer, "users");
    while (!list.is_over) {
        struct user_page *rows = NULL;
        TRY(durable_user_list_blocking(db, list.page, &rows));
        for (size_t i = 0; i < rows->count; i++) {
            const struct user *user = &rows->users[i];
            const struct slice texts[] = {user->username, user->subject, user->email};
            if (deed_list_takes(&list, user->id, texts, COUNT_OF(texts)))
                user_shape_write(&list.json, user);
        }
        deed_list_took(&list, rows->count);
        user_page_free(rows);
    }
    deed_list_end(&list);
    return STATUS_OK;
}

static const char *const list_query[] = {DEED_LIST_QUERY, NULL};
static const struct deed_kind list_kind = {.noun = "user", .query = list_query, .is_list = true, .work = do_list_users};

DEED_ENDPOINT(user_deeds_list, list_kind);

/* ---- POST users ---- */

struct user_input {
    struct slice username, email, password;
    char hash[PASSWORD_HASH_BYTES];
};

static const struct json_field user_fields[] = {
    JSON_FIELD(struct user_input, username, JSON_STRING, true),
    JSON_FIELD(struct user_input, email, JSON_STRING, false),
    JSON_FIELD(struct user_input, password, JSON_STRING, true),
    JSON_FIELDS_END,
};

/* In development a bad one is taken, as `user create` takes it. */
static enum status judge_password(struct deed *deed, const struct user_input *input, const char **ret_why)
{
    enum password_fault fault = password_judge(input->password, input->username);
    bool is_possible = fault != PASSWORD_TOO_LONG && fault != PASSWORD_HAS_NUL && input->password.len > 0;
    if (fault == PASSWORD_GOOD || (deed->is_dev && is_possible))
        return STATUS_OK;
    return deed_wrong(deed, ret_why, "password: the password %s", password_fault_text(fault));
}

static enum status judge_user(struct deed *deed, const char **ret_why)
{
    struct user_fault fault;
    struct user_input *input = deed->input = arena_calloc(&deed->arena, 1, sizeof *input);
    if (!input)
        return STATUS_NO_MEMORY;
    TRY(json_decode(deed->body, user_fields, JSON_NULL_REFUSED, "", &deed->arena, input, NULL, ret_why));
    if (!user_draft_judge(input->username, input->email, &fault))
        return deed_wrong(deed, ret_why, "%s: %s", fault.option, fault.why);
    return judge_password(deed, input, ret_why);
}

static enum status hash_password(struct deed *deed)
{
    struct user_input *input = deed->input;
    return password_hash_blocking(input->password, input->hash);
}

static enum status do_create_user(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct user_input *input = deed->input;
    const struct user user = {
        .username = input->username, .email = input->email, .password_hash = slice_str(input->hash)};
    struct user *made = NULL;
    int64_t id = 0;
    enum status status = durable_user_create_blocking(db, &user, &id);
    if (status == STATUS_CONFLICT)
        return deed_refuse(answer, 409,
                           "there is a user of this name, or of one that differs by upper and lower case alone");
    TRY(status);
    TRY(durable_user_find_blocking(db, id, &made));
    answer_user(answer, made);
    deed_place(answer, "users", made->subject);
    answer->http_status = 201;
    status = deed_audit_entry(
        deed, db, (struct audit_entry){.what = SLICE("user.create"), .subject = made->username, .user = made->subject});
    user_free(made);
    return status;
}

static const struct deed_kind create_kind = {.noun = "user",
                                             .row = CHANGE_USER,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .judge = judge_user,
                                             .prepare = hash_password,
                                             .work = do_create_user};

DEED_ENDPOINT(user_deeds_create, create_kind);

/* ---- GET users/{sub} ---- */

static enum status show_user(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct user *user = NULL;
    TRY(durable_user_find_by_subject_blocking(db, deed->id, &user));
    answer_user(answer, user);
    user_free(user);
    return STATUS_OK;
}

static const struct deed_kind show_kind = {.noun = "user", .work = show_user};

DEED_ENDPOINT(user_deeds_show, show_kind);

/* ---- DELETE users/{sub}; POST users/{sub}/disable, enable ---- */

static enum status do_with_user(const struct deed *deed, struct durable *db, struct deed_answer *answer,
                                const char *what, enum status (*work)(struct durable *db, int64_t id))
{
    struct user *user = NULL;
    TRY(durable_user_find_by_subject_blocking(db, deed->id, &user));
    enum status status = deed_match(deed, answer, user->version);
    if (status == STATUS_OK)
        status = work(db, user->id);
    user_free(user);
    TRY(status);
    return deed_audit(deed, db, what, deed->id);
}

static enum status do_delete_user(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return do_with_user(deed, db, answer, "user.delete", durable_user_delete_blocking);
}

static const struct deed_kind delete_kind = {
    .noun = "user", .row = CHANGE_USER, .writes = true, .needs_match = true, .work = do_delete_user};

DEED_ENDPOINT(user_deeds_delete, delete_kind);

static enum status do_disable_user(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    TRY(do_with_user(deed, db, answer, "user.disable", durable_user_disable_blocking));
    return show_user(deed, db, answer);
}

static const struct deed_kind disable_kind = {
    .noun = "user", .row = CHANGE_USER, .writes = true, .work = do_disable_user};

DEED_ENDPOINT(user_deeds_disable, disable_kind);

static enum status do_enable_user(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    TRY(do_with_user(deed, db, answer, "user.enable", durable_user_enable_blocking));
    return show_user(deed, db, answer);
}

static const struct deed_kind enable_kind = {
    .noun = "user", .row = CHANGE_USER, .writes = true, .work = do_enable_user};

DEED_ENDPOINT(user_deeds_enable, enable_kind);
