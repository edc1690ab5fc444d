#include "durable/users.h"

#include "durable/rows.h"
#include "durable/within.h"

#define USER_ROW                                                                                     \
    "SELECT id, version, subject, username, email, password_hash, disabled, created_at, updated_at," \
    " generation FROM users"

void user_free(void *user)
{
    result_free(user);
}

void user_page_free(void *page)
{
    result_free(page);
}

/* ---- reading ---- */

static enum status read_user(struct row_reader *row, struct user *user)
{
    user->id = row_int(row, 0);
    user->version = row_int(row, 1);
    user->subject = row_text(row, 2);
    user->username = row_text(row, 3);
    user->email = row_text(row, 4);
    user->password_hash = row_text(row, 5);
    user->disabled = row_int(row, 6) != 0;
    user->created_ms = row_int(row, 7);
    user->updated_ms = row_int(row, 8);
    user->generation = row_int(row, 9);
    return row_status(row);
}

static enum status read_found(void *context, const struct sql_value *columns, size_t count)
{
    struct user *user = context;
    struct row_reader row = row_reader(&user->arena, columns, count);
    return read_user(&row, user);
}

static enum status find_user_row(struct durable *db, const char *text, struct sql_value param, struct user **ret_user)
{
    struct user *user = result_new(sizeof *user);
    if (!user)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, text, &param, 1, read_found, user);
    if (status == STATUS_OK && user->id == 0)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        user_free(user);
        return status;
    }
    *ret_user = user;
    return STATUS_OK;
}

enum status durable_user_find_blocking(struct durable *db, int64_t id, struct user **ret_user)
{
    return find_user_row(db, USER_ROW " WHERE id = ?", sql_int(id), ret_user);
}

enum status durable_user_find_by_name_blocking(struct durable *db, struct slice username, struct user **ret_user)
{
    return find_user_row(db, USER_ROW " WHERE username = ?", sql_text(username), ret_user);
}

enum status durable_user_find_by_subject_blocking(struct durable *db, struct slice subject, struct user **ret_user)
{
    return find_user_row(db, USER_ROW " WHERE subject = ?", sql_text(subject), ret_user);
}

static enum status read_listed_user(void *context, const struct sql_value *columns, size_t count)
{
    struct user_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct user *users = list_grow(&page->arena, page->users, page->count, sizeof *users);
    if (!users)
        return STATUS_NO_MEMORY;
    page->users = users;
    struct user *user = &users[page->count++];
    TRY(read_user(&row, user));
    user->password_hash = SLICE("");
    return STATUS_OK;
}

enum status durable_user_list_blocking(struct durable *db, struct page_request page, struct user_page **ret_page)
{
    struct sql_value params[] = {sql_int(page.after_id), sql_int(page_limit(page.limit))};
    struct user_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, USER_ROW " WHERE id > ? ORDER BY id LIMIT ?", params,
                                              COUNT_OF(params), read_listed_user, found);
    if (status != STATUS_OK) {
        user_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}

/* ---- create ---- */

struct creating {
    struct durable *db;
    const struct user *user;
    int64_t id;
};

static enum status set_subject(struct durable *db, int64_t id, struct slice subject)
{
    struct sql_value params[] = {sql_text(subject), sql_int(id)};
    return RUN(db, "UPDATE users SET subject = ? WHERE id = ?", params);
}

static enum status set_own_subject(struct durable *db, int64_t id)
{
    static const char prefix[] = "user-";
    enum { PREFIX_BYTES = sizeof prefix - 1 };
    char memory[PREFIX_BYTES + 24];
    struct buf text = buf_fixed(memory, sizeof memory);
    buf_add_str(&text, prefix);
    buf_add_i64(&text, id);
    enum status status = set_subject(db, id, slice_sub(buf_slice(&text), PREFIX_BYTES, text.len));
    return status == STATUS_CONFLICT ? set_subject(db, id, buf_slice(&text)) : status;
}

static enum status insert_user(struct sql *sql, void *context)
{
    struct creating *creating = context;
    const struct user *user = creating->user;
    struct durable *db = creating->db;
    struct sql_value params[] = {
        sql_text(user->username), sql_text(user->email), sql_text(user->password_hash),
        sql_int(user->disabled),  sql_int(now_ms(db)),   sql_int(now_ms(db)),
    };
    TRY(RUN(db,
            "INSERT INTO users (username, email, password_hash, disabled, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            params));
    creating->id = sql_last_id(sql);
    return user->subject.len ? set_subject(db, creating->id, user->subject) : set_own_subject(db, creating->id);
}

enum status durable_user_create_blocking(struct durable *db, const struct user *user, int64_t *ret_id)
{
    struct creating creating = {db, user, 0};
    if (!is_identifier(user->username) || user->subject.len > IDENTIFIER_MAX_BYTES)
        return STATUS_BAD_INPUT;
    TRY(durable_transaction_blocking(db, insert_user, &creating));
    *ret_id = creating.id;
    return STATUS_OK;
}

/* ---- ensure ---- */

struct ensuring {
    struct durable *db;
    struct slice subject;
    struct slice username;
};

static enum status ensure_user(struct sql *sql, void *context)
{
    struct ensuring *ensuring = context;
    struct durable *db = ensuring->db;
    int64_t id = 0;
    (void)sql;
    TRY(find_id(db, "SELECT id FROM users WHERE subject = ?", sql_text(ensuring->subject), &id));
    if (id == 0) {
        struct user user = {.subject = ensuring->subject, .username = ensuring->username};
        return durable_user_create_blocking(db, &user, &id);
    }
    struct sql_value params[] = {sql_text(ensuring->username), sql_int(now_ms(db)), sql_int(id),
                                 sql_text(ensuring->username)};
    TRY(RUN(db, "UPDATE users SET username = ?, updated_at = ?, version = version + 1 WHERE id = ? AND username <> ?",
            params));
    return sql_affected(db->sql) ? change_write_number(db, CHANGE_USER, CHANGE_EDITED, id) : STATUS_OK;
}

enum status durable_user_ensure_blocking(struct durable *db, struct slice subject, struct slice username,
                                         struct user **ret_user)
{
    struct ensuring ensuring = {db, subject, username};
    if (!is_identifier(subject) || !is_identifier(username))
        return STATUS_BAD_INPUT;
    struct user *user = NULL;
    enum status status = durable_user_find_by_subject_blocking(db, subject, &user);
    if (status == STATUS_OK && slice_eq(user->username, username)) { /* nearly always: no write */
        *ret_user = user;
        return STATUS_OK;
    }
    user_free(user);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    status = durable_transaction_blocking(db, ensure_user, &ensuring);
    if (status == STATUS_CONFLICT) /* on MySQL somebody may have made it in between; if not it is one again */
        status = durable_transaction_blocking(db, ensure_user, &ensuring);
    TRY(status);
    return durable_user_find_by_subject_blocking(db, subject, ret_user);
}

/* ---- change, delete ---- */

struct changing {
    struct durable *db;
    int64_t id;
    struct slice password_hash;
};

static enum status set_password(struct sql *sql, void *context)
{
    struct changing *changing = context;
    struct durable *db = changing->db;
    struct sql_value params[] = {sql_text(changing->password_hash), sql_int(now_ms(db)), sql_int(changing->id)};
    TRY(RUN(db, "UPDATE users SET password_hash = ?, updated_at = ?, version = version + 1 WHERE id = ?", params));
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    return change_write_number(db, CHANGE_USER, CHANGE_ENDED, changing->id);
}

enum status durable_user_set_password_blocking(struct durable *db, int64_t id, struct slice hash)
{
    struct changing changing = {db, id, hash};
    return durable_transaction_blocking(db, set_password, &changing);
}

static enum status set_disabled(struct changing *changing, bool disabled)
{
    struct durable *db = changing->db;
    int64_t known = 0;
    struct sql_value params[] = {sql_int(disabled), sql_int(disabled), sql_int(now_ms(db)), sql_int(changing->id),
                                 sql_int(!disabled)};
    TRY(find_id(db, "SELECT id FROM users WHERE id = ?", sql_int(changing->id), &known));
    if (!known)
        return STATUS_NOT_FOUND;
    return RUN(db,
               "UPDATE users SET disabled = ?, generation = generation + ?, updated_at = ?, version = version + 1"
               " WHERE id = ? AND disabled = ?",
               params);
}

static enum status disable_user(struct sql *sql, void *context)
{
    struct changing *changing = context;
    int64_t revoked = 0;
    (void)sql;
    TRY(set_disabled(changing, true));
    TRY(revoke_tokens_of(changing->db, 0, changing->id, &revoked));
    return change_write_number(changing->db, CHANGE_USER, CHANGE_ENDED, changing->id);
}

enum status durable_user_disable_blocking(struct durable *db, int64_t id)
{
    struct changing changing = {db, id, SLICE_ABSENT};
    return durable_transaction_blocking(db, disable_user, &changing);
}

static enum status enable_user(struct sql *sql, void *context)
{
    struct changing *changing = context;
    (void)sql;
    TRY(set_disabled(changing, false));
    return change_write_number(changing->db, CHANGE_USER, CHANGE_EDITED, changing->id);
}

enum status durable_user_enable_blocking(struct durable *db, int64_t id)
{
    struct changing changing = {db, id, SLICE_ABSENT};
    return durable_transaction_blocking(db, enable_user, &changing);
}

static enum status delete_user(struct sql *sql, void *context)
{
    struct changing *changing = context;
    struct sql_value params[] = {sql_int(changing->id)};
    TRY(RUN(changing->db, "DELETE FROM users WHERE id = ?", params)); /* and by cascade the user's tokens */
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    return change_write_number(changing->db, CHANGE_USER, CHANGE_ENDED, changing->id);
}

enum status durable_user_delete_blocking(struct durable *db, int64_t id)
{
    struct changing changing = {db, id, SLICE_ABSENT};
    return durable_transaction_blocking(db, delete_user, &changing);
}
