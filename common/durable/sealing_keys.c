#include "durable/sealing_keys.h"

#include "durable/rows.h"
#include "durable/sealed_rows.h"
#include "durable/sealing_metric.h"
#include "durable/sealing_use.h"

/* ---- the proof that a key is the same ---- */

enum { PROOF_ROW_BYTES = 64 };

static struct slice proof_row(struct slice id, char memory[PROOF_ROW_BYTES])
{
    struct buf row = buf_fixed(memory, PROOF_ROW_BYTES);
    buf_add_str(&row, "sealing-key ");
    buf_add(&row, id);
    return buf_slice(&row);
}

static enum status make_proof(const struct durable *db, struct slice id, struct buf *out)
{
    char memory[PROOF_ROW_BYTES];
    return sealed_prove(db->keys, id, proof_row(id, memory), out);
}

static enum sealing_key_state judge_key(const struct durable *db, struct slice id, struct slice proof)
{
    char memory[PROOF_ROW_BYTES];
    struct buf nothing = BUF_INIT;
    if (!keyring_has(db->keys, id))
        return SEALING_KEY_MISSING;
    if (proof.len == 0)
        return SEALING_KEY_UNPROVEN;
    enum status status = sealed_open(db->keys, proof, proof_row(id, memory), &nothing);
    buf_done(&nothing);
    return status == STATUS_STORE_CORRUPT ? SEALING_KEY_OTHER : SEALING_KEY_HELD;
}

/* ---- writing down that a key is in use ---- */

struct noted {
    bool exists;
    bool is_whole; /* nothing is to be written */
};

static enum status note_key(void *context, const struct sql_value *columns, size_t count)
{
    (void)count;
    *(struct noted *)context = (struct noted){true, columns[0].integer == 0 && columns[1].integer != 0};
    return STATUS_OK;
}

static enum status write_key(struct durable *db, bool exists, struct slice id, struct slice proof)
{
    struct sql_value added[] = {sql_text(id), sql_blob(proof)};
    struct sql_value renewed[] = {sql_blob(proof), sql_text(id)};
    enum status status = STATUS_CONFLICT;
    if (!exists)
        status = RUN(db, "INSERT INTO sealing_keys (id, proof) VALUES (?, ?)", added);
    if (status == STATUS_CONFLICT) /* it is there, maybe since a moment ago */
        status = RUN(db, "UPDATE sealing_keys SET retiring = 0, proof = COALESCE(proof, ?) WHERE id = ?", renewed);
    return status;
}

enum status sealing_key_use(struct durable *db, bool *ret_was_missing)
{
    struct noted noted = {0};
    struct buf proof = BUF_INIT;
    struct slice id = keyring_id(db->keys, 0);
    struct sql_value params[] = {sql_text(id)};
    TRY(sql_execute_blocking(
        db->sql, "SELECT retiring, proof IS NOT NULL FROM sealing_keys WHERE id = ? /*! LOCK IN SHARE MODE */", params,
        COUNT_OF(params), note_key, &noted));
    *ret_was_missing = !noted.is_whole;
    if (noted.is_whole)
        return STATUS_OK;
    enum status status = make_proof(db, id, &proof);
    if (status == STATUS_OK)
        status = write_key(db, noted.exists, id, buf_slice(&proof));
    buf_done(&proof);
    return status;
}

/* ---- which are in use ---- */

struct listing {
    const struct durable *db;
    struct sealing_key_page *page;
};

static enum status read_sealing_key(void *context, const struct sql_value *columns, size_t count)
{
    struct listing *listing = context;
    struct sealing_key_page *page = listing->page;
    struct row_reader row = row_reader(&page->arena, columns, count);
    struct sealing_key *keys = list_grow(&page->arena, page->keys, page->count, sizeof *keys);
    if (!keys)
        return STATUS_NO_MEMORY;
    struct slice id = row_text(&row, 0);
    page->keys = keys;
    keys[page->count++] = (struct sealing_key){id, judge_key(listing->db, id, columns[1].bytes)};
    return row_status(&row);
}

enum status durable_sealing_keys_list_blocking(struct durable *db, struct sealing_key_page **ret_page)
{
    struct listing listing = {db, result_new(sizeof *listing.page)};
    if (!listing.page)
        return STATUS_NO_MEMORY;
    enum status status = sql_execute_blocking(db->sql, "SELECT id, proof FROM sealing_keys ORDER BY id", NULL, 0,
                                              read_sealing_key, &listing);
    if (status != STATUS_OK) {
        sealing_key_page_free(listing.page);
        return status;
    }
    sealing_metric_show(listing.page);
    *ret_page = listing.page;
    return STATUS_OK;
}

void sealing_key_page_free(void *page)
{
    result_free(page);
}

/* ---- whether the keyring has them ---- */

/* What was sealed before there were proofs: any secret that opens is one, and one that does not may be damaged. */
static enum status try_secrets(struct durable *db, struct slice id, enum sealed_table table, size_t *tried,
                               bool *opened)
{
    enum { SECRETS = 3 };
    struct sealed_rows *found = NULL;
    TRY(sealed_rows_by_blocking(db, table, id, SECRETS, &found));
    for (size_t i = 0; i < found->count && !*opened; i++) {
        struct buf secret = BUF_INIT;
        *opened = sealed_row_open(db->keys, &found->rows[i], &secret) == STATUS_OK;
        buf_done(&secret);
    }
    *tried += found->count;
    result_free(found);
    return STATUS_OK;
}

/* The next check need not look for secrets. Where it cannot be written, it will. */
static void keep_proof(struct durable *db, struct slice id)
{
    struct buf proof = BUF_INIT;
    if (make_proof(db, id, &proof) == STATUS_OK) {
        struct sql_value params[] = {sql_blob(buf_slice(&proof)), sql_text(id)};
        (void)!RUN(db, "UPDATE sealing_keys SET proof = ? WHERE id = ? AND proof IS NULL", params);
    }
    buf_done(&proof);
}

static enum status prove_key(struct durable *db, struct sealing_key *key)
{
    size_t tried = 0;
    bool opened = false;
    for (int table = 0; table < SEALED_TABLES && !opened; table++)
        TRY(try_secrets(db, key->id, (enum sealed_table)table, &tried, &opened));
    key->state = opened || tried == 0 ? SEALING_KEY_HELD : SEALING_KEY_OTHER;
    if (opened)
        keep_proof(db, key->id);
    return STATUS_OK;
}

static void write_complaint(const struct sealing_key *key, struct buf *why)
{
    if (key->state == SEALING_KEY_MISSING)
        buf_addf(why,
                 "OAUTH1_SECRETS_KEYS: the key %.*s is missing, and it sealed secrets in the database: put it back "
                 "behind the new one (new:…,%.*s:…), and take it out when `auth-service seal rewrite` has sealed "
                 "them anew; if it is lost for good, `auth-service seal forget %.*s` gives up what it sealed",
                 SLICE_ARGS(key->id), SLICE_ARGS(key->id), SLICE_ARGS(key->id));
    else
        buf_addf(why,
                 "OAUTH1_SECRETS_KEYS: the key %.*s is not the one that sealed secrets in the database under this "
                 "name: put that one back, and name the other one differently behind the new one; `auth-service seal "
                 "status` shows which keys are in use",
                 SLICE_ARGS(key->id));
}

static enum status check_key(struct durable *db, struct sealing_key *key, struct buf *why)
{
    if (key->state == SEALING_KEY_UNPROVEN)
        TRY(prove_key(db, key));
    if (key->state == SEALING_KEY_HELD)
        return STATUS_OK;
    write_complaint(key, why);
    return STATUS_STORE_CORRUPT;
}

enum status durable_sealing_keys_check_blocking(struct durable *db, struct buf *why)
{
    struct sealing_key_page *page = NULL;
    size_t before = why->len;
    db->fault = NULL;
    enum status status = durable_sealing_keys_list_blocking(db, &page);
    for (size_t i = 0; status == STATUS_OK && i < page->count; i++)
        status = check_key(db, &page->keys[i], why);
    if (status != STATUS_OK && why->len == before)
        buf_add_str(why, durable_last_error(db));
    sealing_key_page_free(page);
    return status;
}

enum status durable_sealing_key_forget_blocking(struct durable *db, struct slice id)
{
    struct sql_value params[] = {sql_text(id)};
    TRY(RUN(db, "DELETE FROM sealing_keys WHERE id = ?", params));
    return sql_affected(db->sql) ? STATUS_OK : STATUS_NOT_FOUND;
}
