#include "admin/seal.h"

#include "admin/deed.h"
#include "durable/reseal.h"
#include "shapes/seal_shape.h"

/* Of a call: SQLite's one thread that writes is not to be had meanwhile. */
enum { REWRITE_MS = 50 };

static enum status do_show_keys(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct sealing_key_page *used = NULL;
    struct json_writer json = json_writer(&answer->json);
    (void)deed;
    TRY(durable_sealing_keys_list_blocking(db, &used));
    seal_shape_write_keys(&json, db->keys, used);
    sealing_key_page_free(used);
    return STATUS_OK;
}

/* At least one secret is sealed anew, or the end is reached: so whoever calls again gets to the end. */
static enum status rewrite_some(struct durable *db, struct reseal *reseal)
{
    int64_t until_ns = clock_monotonic_ns() + REWRITE_MS * INT64_C(1000000);
    TRY(durable_reseal_begin_blocking(db, reseal));
    while (!reseal->is_over && (reseal->rewritten == 0 || clock_monotonic_ns() < until_ns))
        TRY(durable_reseal_batch_blocking(db, reseal));
    return STATUS_OK;
}

/* Rewriting is many transactions, each of which may be the last: the row is written before the first. */
static enum status do_rewrite(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct audit_entry entry = {
        .who = deed->who, .what = SLICE("seal.rewrite"), .subject = keyring_id(db->keys, 0)};
    struct reseal reseal = {0};
    struct sealing_key_page *used = NULL;
    struct json_writer json = json_writer(&answer->json);
    TRY(durable_audit_write_blocking(db, &entry));
    TRY(rewrite_some(db, &reseal));
    TRY(reseal.is_over ? durable_reseal_end_blocking(db, &reseal, &used)
                       : durable_sealing_keys_list_blocking(db, &used));
    seal_shape_write_rewritten(&json, &reseal, db->keys, used);
    sealing_key_page_free(used);
    return STATUS_OK;
}

static const struct deed_kind show_kind = {.noun = "sealing key", .work = do_show_keys};
static const struct deed_kind rewrite_kind = {
    .noun = "sealing key", .writes = true, .commits_itself = true, .work = do_rewrite};

DEED_ENDPOINT(seal_deeds_show, show_kind);
DEED_ENDPOINT(seal_deeds_rewrite, rewrite_kind);
