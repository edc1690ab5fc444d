/* The audit log of changes.h. */
#include "durable/changes.h"
#include "durable/rows.h"

enum { FAILED_LOGINS_A_MINUTE = 100 };

static const char failed_login[] = "login.failed";

void audit_page_free(void *page)
{
    result_free(page);
}

/* ---- writing ---- */

static struct slice after_prefix(struct slice text, struct slice prefix)
{
    return slice_starts_with(text, prefix) ? slice_sub(text, prefix.len, text.len) : SLICE("");
}

static bool is_about(const struct audit_entry *entry, struct slice kind)
{
    return slice_starts_with(entry->what, kind);
}

/* The client or the user that the subject is, and the user that the deed was done by. */
static struct slice concerned_client(const struct audit_entry *entry)
{
    if (entry->client.len)
        return entry->client;
    return is_about(entry, SLICE("client.")) ? entry->subject : SLICE("");
}

static struct slice concerned_user(const struct audit_entry *entry)
{
    if (entry->user.len)
        return entry->user;
    if (is_about(entry, SLICE("user.")) || is_about(entry, SLICE("login.accept")))
        return entry->subject;
    return after_prefix(entry->who, SLICE("user:"));
}

/* Whose a token is. */
struct parties {
    struct arena arena;
    struct slice client, user;
};

static enum status read_parties(void *context, const struct sql_value *columns, size_t count)
{
    struct parties *parties = context;
    struct row_reader row = row_reader(&parties->arena, columns, count);
    parties->client = row_text(&row, 0);
    parties->user = row_text(&row, 1);
    return row_status(&row);
}

static enum status find_parties(struct durable *db, const struct audit_entry *entry, struct parties *ret_parties)
{
    struct sql_value jti = sql_text(entry->subject);
    if (!is_about(entry, SLICE("token.")) || entry->client.len || entry->user.len)
        return STATUS_OK;
    return sql_execute_blocking(db->sql,
                                "SELECT c.client_id, u.subject FROM tokens t JOIN clients c ON c.id = t.client"
                                " JOIN users u ON u.id = t.user WHERE t.jti = ?",
                                &jti, 1, read_parties, ret_parties);
}

static enum status insert_entry(struct durable *db, const struct audit_entry *entry, const struct parties *parties)
{
    struct sql_value params[] = {
        sql_text(entry->who),
        sql_text(entry->what),
        sql_text(entry->subject),
        sql_text(parties->client.len ? parties->client : concerned_client(entry)),
        sql_text(parties->user.len ? parties->user : concerned_user(entry)),
        sql_text(entry->request.len ? entry->request : SLICE("")),
        sql_int(now_ms(db)),
    };
    return RUN(db,
               "INSERT INTO audit (who, what, subject, client_id, user_sub, request_id, at)"
               " VALUES (?, ?, ?, ?, ?, ?, ?)",
               params);
}

enum status durable_audit_write_blocking(struct durable *db, const struct audit_entry *entry)
{
    enum { PARTIES_MAX_BYTES = 4096 };
    struct parties parties = {0};
    arena_init(&parties.arena, PARTIES_MAX_BYTES);
    enum status status = find_parties(db, entry, &parties);
    if (status == STATUS_OK)
        status = insert_entry(db, entry, &parties);
    arena_done(&parties.arena);
    return status;
}

enum status durable_audit_append_blocking(struct durable *db, struct slice who, struct slice what, struct slice subject)
{
    return durable_audit_write_blocking(db, &(struct audit_entry){.who = who, .what = what, .subject = subject});
}

struct audited {
    struct durable *db;
    const struct audit_entry *entry;
    durable_deed_fn work;
    void *context;
};

static enum status do_audited(struct sql *sql, void *context)
{
    const struct audited *audited = context;
    (void)sql;
    TRY(audited->work(audited->db, audited->context));
    return durable_audit_write_blocking(audited->db, audited->entry);
}

enum status durable_audited_blocking(struct durable *db, const struct audit_entry *entry, durable_deed_fn work,
                                     void *context)
{
    struct audited audited = {db, entry, work, context};
    return durable_transaction_blocking(db, do_audited, &audited);
}

struct failure {
    struct durable *db;
    const struct audit_entry *entry;
};

static enum status write_failure(struct sql *sql, void *context)
{
    const struct failure *failure = context;
    struct slice what = slice_str(failed_login);
    int64_t minute_ms = now_ms(failure->db) / 60000 * 60000;
    int64_t all = 0;
    int64_t own = 0;
    struct sql_value of_all[] = {sql_int(minute_ms), sql_text(what)};
    struct sql_value of_one[] = {sql_int(minute_ms), sql_text(what), sql_text(failure->entry->user)};
    TRY(sql_execute_blocking(sql, "SELECT COUNT(*) FROM audit WHERE at >= ? AND what = ?", of_all, COUNT_OF(of_all),
                             take_int, &all));
    TRY(sql_execute_blocking(sql, "SELECT COUNT(*) FROM audit WHERE at >= ? AND what = ? AND user_sub = ?", of_one,
                             COUNT_OF(of_one), take_int, &own));
    if (all >= FAILED_LOGINS_A_MINUTE || own > 0)
        return STATUS_OK;
    struct audit_entry entry = *failure->entry;
    entry.what = what;
    return durable_audit_write_blocking(failure->db, &entry);
}

enum status durable_audit_failed_login_blocking(struct durable *db, const struct audit_entry *entry)
{
    struct failure failure = {db, entry};
    return durable_transaction_blocking(db, write_failure, &failure);
}

/* ---- reading ---- */

static enum status read_audit(void *context, const struct sql_value *columns, size_t count)
{
    struct audit_page *page = context;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct audit_entry *entries = list_grow(&page->arena, page->entries, page->count, sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    page->entries = entries;
    entries[page->count++] = (struct audit_entry){
        .id = row_int(&row, 0),
        .who = row_text(&row, 1),
        .what = row_text(&row, 2),
        .subject = row_text(&row, 3),
        .client = row_text(&row, 4),
        .user = row_text(&row, 5),
        .request = row_text(&row, 6),
        .at_ms = row_int(&row, 7),
    };
    return row_status(&row);
}

#define IF_WANTED(column) " AND (? = '' OR " column " = ?)"

static struct sql_value bind_wanted(struct slice text)
{
    return sql_text(text.len ? text : SLICE(""));
}

enum status durable_audit_list_blocking(struct durable *db, const struct audit_filter *filter, struct page_request page,
                                        struct audit_page **ret_page)
{
    static const struct audit_filter everything;
    const struct audit_filter *f = filter ? filter : &everything;
    struct sql_value id = bind_wanted(f->id);
    struct sql_value params[] = {
        sql_int(page.after_id),
        sql_int(f->since_ms),
        sql_int(f->until_ms ? f->until_ms : INT64_MAX),
        bind_wanted(f->client),
        bind_wanted(f->client),
        bind_wanted(f->user),
        bind_wanted(f->user),
        bind_wanted(f->who),
        bind_wanted(f->who),
        id,
        id,
        id,
        id,
        id,
        id,
        sql_int(page_limit(page.limit)),
    };
    struct audit_page *found = result_new(sizeof *found);
    if (!found)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(
        db->sql,
        "SELECT id, who, what, subject, client_id, user_sub, request_id, at FROM audit"
        " WHERE id > ? AND at >= ? AND at < ?" IF_WANTED("client_id") IF_WANTED("user_sub") IF_WANTED(
            "who") " AND (? = '' OR ? = subject OR ? = client_id OR ? = user_sub OR ? = request_id OR ? = who)"
                   " ORDER BY id LIMIT ?",
        params, COUNT_OF(params), read_audit, found);
    if (status != STATUS_OK) {
        audit_page_free(found);
        return status;
    }
    *ret_page = found;
    return STATUS_OK;
}
