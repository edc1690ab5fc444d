#include "durable/passwords.h"

#include "durable/rows.h"
#include "durable/within.h"

void password_works_free(void *works)
{
    result_free(works);
}

/* ---- what they cost ---- */

/* A kind that a newer version wrote is not known here. */
static enum status read_work(void *context, const struct sql_value *columns, size_t count)
{
    struct password_works *works = context;
    struct row_reader row = row_reader(&works->arena, columns, count);
    struct password_work work = {.amount = row_int(&row, 1)};
    if (works->count < COUNT_OF(works->works) && password_kind_find(row_text(&row, 0), &work.kind))
        works->works[works->count++] = work;
    return row_status(&row);
}

enum status durable_password_works_blocking(struct durable *db, struct password_works **ret_works)
{
    struct password_works *works = result_new(sizeof *works);
    if (!works)
        return STATUS_NO_MEMORY;
    enum status status =
        sql_execute_blocking(db->sql, "SELECT kind, amount FROM password_kinds", NULL, 0, read_work, works);
    if (status == STATUS_OK)
        *ret_works = works;
    else
        password_works_free(works);
    return status;
}

enum status durable_password_note_blocking(struct durable *db, struct slice hash)
{
    struct password_work work;
    const char *why = NULL;
    int64_t amount = 0;
    if (hash.len == 0 || password_kind_judge(hash, &work, &why) != STATUS_OK || work.kind == PASSWORD_OWN)
        return STATUS_OK;
    struct sql_value kind = sql_text(slice_str(password_kind_name(work.kind)));
    TRY(find_id(db, "SELECT amount FROM password_kinds WHERE kind = ? /*! LOCK IN SHARE MODE */", kind, &amount));
    struct sql_value params[] = {sql_int(work.amount), kind};
    if (amount == 0)
        return RUN(db, "INSERT INTO password_kinds (amount, kind) VALUES (?, ?)", params);
    struct sql_value raise[] = {sql_int(work.amount), kind, sql_int(work.amount)};
    return work.amount > amount ? RUN(db, "UPDATE password_kinds SET amount = ? WHERE kind = ? AND amount < ?", raise)
                                : STATUS_OK;
}

/* ---- the janitor ---- */

struct forgetting {
    struct durable *db;
    enum password_kind kind;
};

/* LIKE's `_` is any letter. */
static const struct {
    enum password_kind kind;
    const char *like;
} beginnings[] = {
    {PASSWORD_PBKDF2_SHA256, "pbkdf2_sha256$%"},
    {PASSWORD_PBKDF2_SHA1, "pbkdf2_sha1$%"},
    {PASSWORD_ARGON2, "argon2$%"},
    {PASSWORD_PHPASS, "$P$%"},
    {PASSWORD_PHPASS, "$H$%"},
    {PASSWORD_BCRYPT, "$2_$%"},
    {PASSWORD_BCRYPT, "$wp$%"},
};

/* The row is locked first, so that an import which counts on it is waited for, or waits. */
static enum status forget_kind(struct sql *sql, void *context)
{
    const struct forgetting *forgetting = context;
    struct durable *db = forgetting->db;
    struct sql_value kind = sql_text(slice_str(password_kind_name(forgetting->kind)));
    int64_t amount = 0;
    int64_t user = 0;
    (void)sql;
    TRY(find_id(db, "SELECT amount FROM password_kinds WHERE kind = ? /*! FOR UPDATE */", kind, &amount));
    if (amount == 0)
        return STATUS_OK;
    for (size_t i = 0; i < COUNT_OF(beginnings) && user == 0; i++)
        if (beginnings[i].kind == forgetting->kind)
            TRY(find_id(db, "SELECT id FROM users WHERE password_hash LIKE ? LIMIT 1",
                        sql_text(slice_str(beginnings[i].like)), &user));
    struct sql_value params[] = {kind};
    return user ? STATUS_OK : RUN(db, "DELETE FROM password_kinds WHERE kind = ?", params);
}

enum status durable_password_forget_blocking(struct durable *db)
{
    for (size_t i = 0; i < PASSWORD_KIND_COUNT; i++) {
        struct forgetting forgetting = {db, (enum password_kind)i};
        TRY(sql_transaction_blocking(db->sql, forget_kind, &forgetting));
    }
    return STATUS_OK;
}

/* ---- another hash in a hash's place ---- */

struct rehashing {
    struct durable *db;
    int64_t user;
    struct slice old_hash, new_hash;
    bool is_another; /* password: whatever was begun by the old one ends */
};

static enum status replace_hash(struct sql *sql, void *context)
{
    const struct rehashing *rehashing = context;
    struct durable *db = rehashing->db;
    struct sql_value params[] = {sql_text(rehashing->new_hash), sql_int(now_ms(db)), sql_int(rehashing->is_another),
                                 sql_int(rehashing->user), sql_text(rehashing->old_hash)};
    TRY(durable_password_note_blocking(db, rehashing->new_hash));
    TRY(RUN(db,
            "UPDATE users SET password_hash = ?, updated_at = ?, version = version + ? WHERE id = ?"
            " AND password_hash = ?",
            params));
    if (sql_affected(sql) == 0)
        return STATUS_CONFLICT;
    return rehashing->is_another ? change_write_number(db, CHANGE_USER, CHANGE_ENDED, rehashing->user) : STATUS_OK;
}

enum status durable_password_rehash_blocking(struct durable *db, int64_t user, struct slice old_hash,
                                             struct slice new_hash)
{
    struct rehashing rehashing = {db, user, old_hash, new_hash, false};
    return durable_transaction_blocking(db, replace_hash, &rehashing);
}

enum status durable_password_change_blocking(struct durable *db, int64_t user, struct slice old_hash,
                                             struct slice new_hash)
{
    struct rehashing rehashing = {db, user, old_hash, new_hash, true};
    return durable_transaction_blocking(db, replace_hash, &rehashing);
}
