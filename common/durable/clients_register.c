#include "durable/clients.h"

#include "durable/parts.h"
#include "durable/within.h"

/* ---- register ---- */

struct registering {
    struct durable *db;
    const struct client *client;
};

/* The first statement locks the owner's row, and what is counted is seen after it: otherwise two registrations at once
 * on MySQL would each count without the other. */
static enum status count_registrations(struct durable *db, struct slice owner, int64_t *ret_count)
{
    struct sql_value params[] = {sql_text(owner)};
    int64_t user = 0;
    TRY(RUN(db, "UPDATE users SET updated_at = updated_at WHERE subject = ?", params));
    TRY(find_id(db, "SELECT id FROM users WHERE subject = ?", params[0], &user));
    if (user == 0)
        return STATUS_NOT_FOUND;
    return find_id(db, "SELECT COUNT(*) FROM clients WHERE owner = ?", params[0], ret_count);
}

static enum status register_client(struct sql *sql, void *context)
{
    const struct registering *registering = context;
    int64_t count = 0;
    int64_t id = 0;
    (void)sql;
    TRY(count_registrations(registering->db, registering->client->owner, &count));
    if (count >= CLIENTS_OF_OWNER_MAX)
        return STATUS_FORBIDDEN;
    return durable_client_create_blocking(registering->db, registering->client, &id);
}

enum status durable_client_register_blocking(struct durable *db, const struct client *client)
{
    struct registering registering = {db, client};
    return durable_transaction_blocking(db, register_client, &registering);
}

/* ---- approve, reject ---- */

enum approval { APPROVED = 0, REJECTED = 2 };

struct judging {
    struct durable *db;
    struct slice client_id;
    enum approval approval;
    int64_t version;
};

/* Nothing was to be done, or may be done. */
static enum status explain_unjudged(const struct judging *judging)
{
    struct client *found = NULL;
    TRY(durable_client_read_blocking(judging->db, judging->client_id, &found));
    bool is_other = judging->version != 0 && judging->version != found->version;
    bool serves_nobody = judging->approval == REJECTED && found->owner.len == 0;
    client_free(found);
    return serves_nobody ? STATUS_FORBIDDEN : is_other ? STATUS_CONFLICT : STATUS_OK;
}

static enum status judge_registration(struct sql *sql, void *context)
{
    const struct judging *judging = context;
    struct durable *db = judging->db;
    struct sql_value params[] = {
        sql_int(judging->approval), sql_int(now_ms(db)),        sql_text(judging->client_id), sql_int(judging->version),
        sql_int(judging->version),  sql_int(judging->approval), sql_int(judging->approval),   sql_int(REJECTED),
    };
    TRY(RUN(db,
            "UPDATE clients SET approval = ?, updated_at = ?, version = version + 1"
            " WHERE client_id = ? AND (? = 0 OR version = ?) AND approval <> ? AND (? <> ? OR owner <> '')",
            params));
    if (sql_affected(sql) == 0)
        return explain_unjudged(judging);
    return change_write(db, CHANGE_CLIENT, CHANGE_EDITED, judging->client_id);
}

static enum status set_approval(struct durable *db, struct slice client_id, enum approval approval, int64_t version)
{
    struct judging judging = {db, client_id, approval, version};
    return durable_transaction_blocking(db, judge_registration, &judging);
}

enum status durable_client_approve_blocking(struct durable *db, struct slice client_id, int64_t version)
{
    return set_approval(db, client_id, APPROVED, version);
}

enum status durable_client_reject_blocking(struct durable *db, struct slice client_id, int64_t version)
{
    return set_approval(db, client_id, REJECTED, version);
}
