#include "durable/reseal.h"

#include "crypto/random.h"
#include "durable/rows.h"
#include "durable/sealed_rows.h"
#include "durable/sealing_use.h"

#include <string.h>

/* Small enough that nobody waits long for the write lock. */
enum { BATCH_ROWS = 100 };

/* ---- the beginning ---- */

static enum status count_wanted(struct durable *db, struct reseal *reseal)
{
    for (int table = 0; table < SEALED_TABLES; table++) {
        int64_t count = 0;
        TRY(sealed_rows_count_blocking(db, (enum sealed_table)table, keyring_id(db->keys, 0), &count));
        reseal->wanted += count;
    }
    return STATUS_OK;
}

/* Waits for those who are writing a secret by it; whoever does so later takes the mark away. */
static enum status mark_key(struct durable *db, const struct reseal *reseal, struct slice id)
{
    struct sql_value params[] = {sql_int(reseal->number), sql_text(id)};
    if (slice_eq(id, keyring_id(db->keys, 0)))
        return STATUS_OK;
    return RUN(db, "UPDATE sealing_keys SET retiring = ? WHERE id = ?", params);
}

static enum status mark_others(struct durable *db, const struct reseal *reseal)
{
    struct sealing_key_page *page = NULL;
    enum status status = durable_sealing_keys_list_blocking(db, &page);
    for (size_t i = 0; status == STATUS_OK && i < page->count; i++)
        status = mark_key(db, reseal, page->keys[i].id);
    sealing_key_page_free(page);
    return status;
}

enum status durable_reseal_begin_blocking(struct durable *db, struct reseal *ret_reseal)
{
    struct reseal reseal = {0};
    db->fault = NULL;
    TRY(random_bytes(&reseal.number, sizeof reseal.number));
    reseal.number = (int64_t)((uint64_t)reseal.number >> 1) | 1; /* neither negative nor 0 */
    TRY(mark_others(db, &reseal));
    TRY(count_wanted(db, &reseal));
    *ret_reseal = reseal;
    return STATUS_OK;
}

/* ---- a batch ---- */

struct batch {
    struct durable *db;
    const struct sealed_rows *found;
    struct reseal *reseal;
    int64_t rewritten;
    struct reseal_loss loss;
};

static void name_row(const struct sealed_row *row, struct reseal_loss *loss)
{
    struct buf text = buf_fixed(loss->names, sizeof loss->names);
    text.len = loss->names_len;
    buf_addf(&text, "%s%s %.*s", loss->names_len ? ", " : "", row->jti.len ? "token" : "client",
             SLICE_ARGS(row->jti.len ? row->jti : row->client_id));
    if (!text.failed)
        loss->names_len = text.len;
}

static void keep_key(struct reseal_loss *loss, struct slice id)
{
    for (size_t i = 0; i < loss->kept_count; i++)
        if (slice_eq(slice_str(loss->kept[i]), id))
            return;
    loss->keeps_all |= loss->kept_count == COUNT_OF(loss->kept) || id.len >= sizeof loss->kept[0];
    if (loss->keeps_all)
        return;
    memcpy(loss->kept[loss->kept_count], id.ptr, id.len);
    loss->kept[loss->kept_count++][id.len] = '\0';
}

/* A damaged secret is lost whatever keys there are. One whose key is only missing keeps that key in use. */
static void note_loss(struct batch *batch, const struct sealed_row *row)
{
    struct slice id = sealed_key_id(row->sealed);
    if (!row->is_live)
        return;
    if (!slice_is_absent(id) && !keyring_has(batch->db->keys, id))
        keep_key(&batch->loss, id);
    batch->loss.count++;
    name_row(row, &batch->loss);
}

static enum status reseal_row(struct batch *batch, const struct sealed_row *row)
{
    struct buf secret = BUF_INIT;
    enum status status = sealed_row_open(batch->db->keys, row, &secret);
    if (status == STATUS_OK)
        status = sealed_row_replace_blocking(batch->db, row, buf_slice(&secret));
    else if (status == STATUS_STORE_CORRUPT)
        note_loss(batch, row);
    if (status == STATUS_OK)
        batch->rewritten += sql_affected(batch->db->sql);
    buf_done(&secret);
    return status == STATUS_STORE_CORRUPT ? STATUS_OK : status;
}

static enum status reseal_rows(struct sql *sql, void *context)
{
    struct batch *batch = context;
    bool was_missing = false;
    (void)sql;
    batch->rewritten = 0;
    batch->loss = batch->reseal->loss;
    TRY(sealing_key_use(batch->db, &was_missing));
    for (size_t i = 0; i < batch->found->count; i++)
        TRY(reseal_row(batch, &batch->found->rows[i]));
    return STATUS_OK;
}

static enum status reseal_found(struct durable *db, const struct sealed_rows *found, struct reseal *reseal)
{
    struct batch batch = {.db = db, .found = found, .reseal = reseal};
    TRY(sql_transaction_blocking(db->sql, reseal_rows, &batch));
    reseal->rewritten += batch.rewritten;
    reseal->loss = batch.loss;
    reseal->after_id = found->rows[found->count - 1].id;
    return STATUS_OK;
}

enum status durable_reseal_batch_blocking(struct durable *db, struct reseal *reseal)
{
    struct sealed_rows *found = NULL;
    db->fault = NULL;
    /* read outside the transaction: to look for the rows takes longer than to write them */
    TRY(sealed_rows_by_others_blocking(db, (enum sealed_table)reseal->table, keyring_id(db->keys, 0), reseal->after_id,
                                       BATCH_ROWS, &found));
    enum status status = found->count ? reseal_found(db, found, reseal) : STATUS_OK;
    if (status == STATUS_OK && found->count < BATCH_ROWS) {
        reseal->table++;
        reseal->after_id = 0;
        reseal->is_over = reseal->table == SEALED_TABLES;
    }
    result_free(found);
    return status;
}

/* ---- the end ---- */

static bool is_kept(const struct reseal_loss *loss, struct slice id)
{
    for (size_t i = 0; i < loss->kept_count; i++)
        if (slice_eq(slice_str(loss->kept[i]), id))
            return true;
    return loss->keeps_all;
}

/* What another key of its name cannot open is not damaged. */
static enum status retire_key(struct durable *db, const struct reseal *reseal, const struct sealing_key *key)
{
    struct sql_value params[] = {sql_text(key->id), sql_int(reseal->number)};
    if (key->state == SEALING_KEY_OTHER || is_kept(&reseal->loss, key->id))
        return STATUS_OK;
    return RUN(db, "DELETE FROM sealing_keys WHERE id = ? AND retiring = ?", params);
}

enum status durable_reseal_end_blocking(struct durable *db, const struct reseal *reseal,
                                        struct sealing_key_page **ret_used)
{
    struct sealing_key_page *page = NULL;
    db->fault = NULL;
    enum status status = durable_sealing_keys_list_blocking(db, &page);
    for (size_t i = 0; status == STATUS_OK && i < page->count; i++)
        status = retire_key(db, reseal, &page->keys[i]);
    sealing_key_page_free(page);
    return status == STATUS_OK ? durable_sealing_keys_list_blocking(db, ret_used) : status;
}
