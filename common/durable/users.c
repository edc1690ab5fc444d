#include "durable/users.h"

#include "base/case_fold.h"
#include "crypto/digest.h"
#include "durable/passwords.h"
#include "durable/rows.h"
#include "durable/within.h"

/* The column `username` is unique, so a site's user has there what nobody can be called, and its name in `site_name`,
 * which is NULL for an account made here. */
#define TEXT_COLUMN(member, column) column ","
#define USER_ROW                                                                                    \
    "SELECT " USER_TEXTS(TEXT_COLUMN) " id, version, disabled, created_at, updated_at, generation," \
                                      " site_name IS NOT NULL FROM users"

enum { DIGEST_BYTES = 32, SITE_KEY_BYTES = 1 + 2 * DIGEST_BYTES };

const char *user_source_name(enum user_source source)
{
    return source == USER_OF_SITE ? "site" : "here";
}

/* In whatever case: a resource server may compare subjects without it. */
bool user_subject_is_sites(struct slice subject)
{
    static const struct slice prefix = SLICE_INIT(USER_LOCAL_PREFIX);
    return is_identifier(subject) && slice_is_printable(subject) &&
           !slice_eq_nocase(slice_sub(subject, 0, prefix.len), prefix);
}

bool user_subject_is_local(struct slice subject)
{
    return is_identifier(subject) && slice_is_printable(subject) &&
           slice_starts_with(subject, SLICE(USER_LOCAL_PREFIX));
}

void user_free(void *user)
{
    result_free(user);
}

void user_page_free(void *page)
{
    result_free(page);
}

/* ---- reading ---- */

#define READ_TEXT(member, column) user->member = row_text(row, next++);

static enum status read_user(struct row_reader *row, struct user *user)
{
    size_t next = 0;
    USER_TEXTS(READ_TEXT);
    user->id = row_int(row, next++);
    user->version = row_int(row, next++);
    user->disabled = row_int(row, next++) != 0;
    user->created_ms = row_int(row, next++);
    user->updated_ms = row_int(row, next++);
    user->generation = row_int(row, next++);
    user->source = row_int(row, next) ? USER_OF_SITE : USER_MADE_HERE;
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
    return find_user_row(db, USER_ROW " WHERE username = ? AND site_name IS NULL", sql_text(username), ret_user);
}

struct login_search {
    struct slice text;
    struct user *user;
    size_t count;    /* of rows that were read */
    bool is_by_name; /* the first of them */
};

static enum status read_login(void *context, const struct sql_value *columns, size_t count)
{
    struct login_search *search = context;
    if (search->count++ > 0)
        return STATUS_OK;
    TRY(read_found(search->user, columns, count));
    search->is_by_name = slice_eq(search->user->username, search->text);
    return STATUS_OK;
}

/* One statement, whether there is such a user or not, and so one time. */
static enum status find_login_rows(struct durable *db, struct login_search *search)
{
    struct buf email = BUF_INIT;
    case_fold(search->text, &email);
    struct sql_value params[] = {sql_text(search->text), sql_text(buf_slice(&email)), sql_text(search->text)};
    enum status status =
        email.failed ? STATUS_NO_MEMORY
                     : sql_execute_blocking(db->sql,
                                            USER_ROW " WHERE site_name IS NULL AND (username = ? OR email_key = ?)"
                                                     " ORDER BY CASE WHEN username = ? THEN 0 ELSE 1 END LIMIT 2",
                                            params, COUNT_OF(params), read_login, search);
    buf_done(&email);
    return status;
}

enum status durable_user_find_by_login_blocking(struct durable *db, struct slice text, struct user **ret_user)
{
    if (slice_find(text, '@') == text.len)
        return durable_user_find_by_name_blocking(db, text, ret_user);
    struct login_search search = {.text = text, .user = result_new(sizeof *search.user)};
    if (!search.user)
        return STATUS_NO_MEMORY;
    enum status status = find_login_rows(db, &search);
    if (status == STATUS_OK && !search.is_by_name && search.count != 1)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        user_free(search.user);
        return status;
    }
    *ret_user = search.user;
    return STATUS_OK;
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

/* An import of an earlier version may have brought it along. */
static enum status set_local_subject(struct durable *db, int64_t id)
{
    char memory[2 * sizeof USER_LOCAL_PREFIX + 24];
    struct buf text = buf_fixed(memory, sizeof memory);
    buf_addf(&text, USER_LOCAL_PREFIX "%lld", (long long)id);
    enum status status = set_subject(db, id, buf_slice(&text));
    if (status != STATUS_CONFLICT)
        return status;
    text.len = 0;
    buf_addf(&text, USER_LOCAL_PREFIX USER_LOCAL_PREFIX "%lld", (long long)id);
    return set_subject(db, id, buf_slice(&text));
}

/* What nobody can be called: it begins with a control character. */
static enum status write_site_key(struct slice subject, char key[SITE_KEY_BYTES])
{
    unsigned char digest[DIGEST_BYTES];
    TRY(digest_bytes(DIGEST_SHA256, subject, digest));
    struct buf out = buf_fixed(key, SITE_KEY_BYTES);
    buf_add_byte(&out, '\1');
    buf_add_hex(&out, slice_of(digest, DIGEST_BYTES));
    return STATUS_OK;
}

/* By name and address people log in to accounts made here; a site's users have neither. */
static enum status insert_row(struct durable *db, const struct user *user, struct slice name, struct slice email)
{
    bool is_sites = user->source == USER_OF_SITE;
    char key[SITE_KEY_BYTES];
    TRY(write_site_key(user->subject, key));
    struct sql_value params[] = {
        sql_text(is_sites ? slice_of(key, sizeof key) : user->username),
        is_sites ? sql_text(user->username) : sql_null(),
        is_sites ? sql_null() : sql_text(name),
        sql_text(user->email),
        sql_text(is_sites ? SLICE("") : email),
        sql_text(user->password_hash),
        sql_int(user->disabled),
        sql_int(user->created_ms ? user->created_ms : now_ms(db)),
        sql_int(now_ms(db)),
    };
    TRY(durable_password_note_blocking(db, user->password_hash));
    return RUN(db,
               "INSERT INTO users (username, site_name, name_key, email, email_key, password_hash, disabled,"
               " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
               params);
}

static enum status insert_user(struct sql *sql, void *context)
{
    struct creating *creating = context;
    const struct user *user = creating->user;
    struct durable *db = creating->db;
    struct buf name = BUF_INIT;
    struct buf email = BUF_INIT;
    case_fold(user->username, &name);
    case_fold(user->email, &email);
    enum status status =
        name.failed || email.failed ? STATUS_NO_MEMORY : insert_row(db, user, buf_slice(&name), buf_slice(&email));
    buf_done(&name);
    buf_done(&email);
    TRY(status);
    creating->id = sql_last_id(sql);
    return user->subject.len ? set_subject(db, creating->id, user->subject) : set_local_subject(db, creating->id);
}

enum status durable_user_create_blocking(struct durable *db, const struct user *user, int64_t *ret_id)
{
    struct creating creating = {db, user, 0};
    bool fits = user->source == USER_OF_SITE ? user_subject_is_sites(user->subject) && user->password_hash.len == 0
                                             : user->subject.len == 0 || user_subject_is_local(user->subject);
    if (!is_identifier(user->username) || !fits)
        return STATUS_BAD_INPUT;
    TRY(durable_transaction_blocking(db, insert_user, &creating));
    *ret_id = creating.id;
    return STATUS_OK;
}

/* ---- ensure ---- */

struct ensuring {
    struct durable *db;
    struct slice subject;
    struct slice username; /* absent: as it is */
};

static enum status ensure_user(struct sql *sql, void *context)
{
    struct ensuring *ensuring = context;
    struct durable *db = ensuring->db;
    int64_t id = 0;
    (void)sql;
    TRY(find_id(db, "SELECT id FROM users WHERE subject = ?", sql_text(ensuring->subject), &id));
    if (id == 0) {
        bool is_named = !slice_is_absent(ensuring->username);
        struct user user = {.source = USER_OF_SITE,
                            .subject = ensuring->subject,
                            .username = is_named ? ensuring->username : ensuring->subject};
        return durable_user_create_blocking(db, &user, &id);
    }
    if (slice_is_absent(ensuring->username))
        return STATUS_OK;
    struct sql_value params[] = {sql_text(ensuring->username), sql_int(now_ms(db)), sql_int(id),
                                 sql_text(ensuring->username)};
    TRY(RUN(db, "UPDATE users SET site_name = ?, updated_at = ?, version = version + 1 WHERE id = ? AND site_name <> ?",
            params));
    return sql_affected(db->sql) ? change_write_number(db, CHANGE_USER, CHANGE_EDITED, id) : STATUS_OK;
}

/* The user nearly always exists under this name already, and nothing has to be written. */
static enum status find_ensured(const struct ensuring *ensuring, struct user **ret_user)
{
    struct user *user = NULL;
    TRY(durable_user_find_by_subject_blocking(ensuring->db, ensuring->subject, &user));
    enum status status = user->source == USER_OF_SITE ? STATUS_OK : STATUS_CONFLICT;
    if (status == STATUS_OK && !slice_is_absent(ensuring->username) && !slice_eq(user->username, ensuring->username))
        status = STATUS_NOT_FOUND; /* under this name */
    if (status == STATUS_OK)
        *ret_user = user;
    else
        user_free(user);
    return status;
}

enum status durable_user_ensure_blocking(struct durable *db, struct slice subject, struct slice username,
                                         struct user **ret_user)
{
    struct ensuring ensuring = {db, subject, username};
    if (!user_subject_is_sites(subject) || (!slice_is_absent(username) && !is_identifier(username)))
        return STATUS_BAD_INPUT;
    enum status status = find_ensured(&ensuring, ret_user);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = durable_transaction_blocking(db, ensure_user, &ensuring);
    if (status == STATUS_CONFLICT) /* on MySQL another process may have made the user in between */
        status = durable_transaction_blocking(db, ensure_user, &ensuring);
    TRY(status);
    ensuring.username = SLICE_ABSENT; /* another process may have renamed the user at the same time */
    return find_ensured(&ensuring, ret_user);
}

/* ---- change, delete ---- */

struct raising {
    struct durable *db;
    int64_t id;
    enum change_event event; /* ENDED: sessions end wherever they are kept; EDITED: those of the version before do */
    int64_t version;         /* the result */
};

static enum status raise_version(struct sql *sql, void *context)
{
    struct raising *raising = context;
    struct durable *db = raising->db;
    struct sql_value params[] = {sql_int(now_ms(db)), sql_int(raising->id)};
    TRY(RUN(db, "UPDATE users SET updated_at = ?, version = version + 1 WHERE id = ?", params));
    if (sql_affected(sql) == 0)
        return STATUS_NOT_FOUND;
    TRY(find_id(db, "SELECT version FROM users WHERE id = ?", sql_int(raising->id), &raising->version));
    return change_write_number(db, CHANGE_USER, raising->event, raising->id);
}

enum status durable_user_end_sessions_blocking(struct durable *db, int64_t id)
{
    struct raising raising = {.db = db, .id = id, .event = CHANGE_ENDED};
    return durable_transaction_blocking(db, raise_version, &raising);
}

enum status durable_user_end_other_sessions_blocking(struct durable *db, int64_t id, int64_t *ret_version)
{
    struct raising raising = {.db = db, .id = id, .event = CHANGE_EDITED};
    TRY(durable_transaction_blocking(db, raise_version, &raising));
    *ret_version = raising.version;
    return STATUS_OK;
}

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
    TRY(durable_password_note_blocking(db, changing->password_hash));
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

/* Whose clients and tokens follow: the tokens by their row, the clients by name. */
static enum status localize_user(struct sql *sql, void *context)
{
    struct changing *changing = context;
    struct durable *db = changing->db;
    struct user *user = NULL;
    struct user *now = NULL;
    (void)sql;
    TRY(durable_user_find_blocking(db, changing->id, &user));
    enum status status = user->source == USER_OF_SITE ? STATUS_BAD_INPUT : STATUS_OK;
    bool has_it = status == STATUS_OK && slice_starts_with(user->subject, SLICE(USER_LOCAL_PREFIX));
    if (status == STATUS_OK && !has_it)
        status = set_local_subject(db, changing->id);
    if (status == STATUS_OK && !has_it)
        status = durable_user_find_blocking(db, changing->id, &now);
    if (status == STATUS_OK && !has_it) {
        struct sql_value params[] = {sql_text(now->subject), sql_text(user->subject)};
        status = RUN(db, "UPDATE clients SET owner = ? WHERE owner = ?", params);
    }
    user_free(user);
    user_free(now);
    TRY(status);
    return has_it ? STATUS_OK : change_write_number(db, CHANGE_USER, CHANGE_EDITED, changing->id);
}

enum status durable_user_set_local_subject_blocking(struct durable *db, int64_t id)
{
    struct changing changing = {db, id, SLICE_ABSENT};
    return durable_transaction_blocking(db, localize_user, &changing);
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
