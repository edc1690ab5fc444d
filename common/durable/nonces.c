#include "durable/nonce_rows.h"
#include "guard/nonce_epoch.h"

#include <stdio.h>
#include <stdlib.h>

enum { HASH_BYTES = 8, PART_HASHES = 8192 };

/* ---- open ---- */

struct opening {
    struct durable *db;
    const struct nonce_begin *begin;
    struct nonce_row row;
    bool known;
    size_t capacity;
    struct nonce_state state;
};

static enum status read_store(void *context, const struct sql_value *columns, size_t count)
{
    struct opening *opening = context;
    struct nonce_state *state = &opening->state;
    (void)count;
    bool saved = columns[0].integer && columns[1].bytes.len == NONCE_HASH_KEY_BYTES;
    opening->known = true;
    state->at_ms = columns[2].integer;
    /* nonces that had expired when they were saved would be valid again if the clock went back */
    saved = saved && opening->begin->now_ms >= state->at_ms - opening->begin->back_ms;
    bool is_short = saved && state->kept_s < nonce_epoch_kept_s(opening->begin->epoch);
    state->opening = is_short ? NONCES_SHORT : saved ? NONCES_SAVED : NONCES_LOST;
    if (state->opening == NONCES_SAVED)
        memcpy(state->hash_key, columns[1].bytes.ptr, NONCE_HASH_KEY_BYTES);
    return STATUS_OK;
}

static uint64_t hash_at(struct slice hashes, size_t index)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < HASH_BYTES; i++)
        hash |= (uint64_t)(unsigned char)hashes.ptr[index * HASH_BYTES + i] << (8 * i);
    return hash;
}

static bool grow_nonces(struct opening *opening, size_t more)
{
    size_t need = opening->state.count + more;
    if (need <= opening->capacity)
        return true;
    size_t capacity = opening->capacity * 2 > need ? opening->capacity * 2 : need;
    struct saved_nonce *grown = realloc(opening->state.nonces, capacity * sizeof *grown);
    if (!grown)
        return false;
    opening->state.nonces = grown;
    opening->capacity = capacity;
    return true;
}

static enum status read_hashes(void *context, const struct sql_value *columns, size_t count)
{
    struct opening *opening = context;
    struct slice hashes = columns[1].bytes;
    size_t hash_count = hashes.len / HASH_BYTES;
    (void)count;
    if (hashes.len % HASH_BYTES)
        return STATUS_STORE_CORRUPT;
    if (!grow_nonces(opening, hash_count))
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < hash_count; i++)
        opening->state.nonces[opening->state.count++] = (struct saved_nonce){columns[0].integer, hash_at(hashes, i)};
    return STATUS_OK;
}

static enum status mark_open(struct opening *opening)
{
    const struct nonce_begin *begin = opening->begin;
    struct sql_value params[] = {sql_int(begin->now_ms), sql_text(begin->name)};
    if (opening->known)
        return RUN(opening->db, "UPDATE nonce_stores SET saved = 0, hash_key = NULL, at = ? WHERE name = ?", params);
    return RUN(opening->db, "INSERT INTO nonce_stores (saved, at, name) VALUES (0, ?, ?)", params);
}

/* Writes the new epoch's row. Whatever was accepted and is not in the result is guarded. */
static enum status begin_epoch(struct opening *opening)
{
    const struct nonce_begin *begin = opening->begin;
    struct nonce_state *state = &opening->state;
    struct nonce_row *row = &opening->row;
    struct accepted_ranges shared = {0};
    TRY(nonce_row_others_blocking(opening->db, begin->name, &shared));
    if (state->opening == NONCES_LOST || state->opening == NONCES_SHORT)
        accepted_ranges_guard_all(&row->ranges);
    if (row->earlier_ms && state->opening != NONCES_SAVED)
        accepted_ranges_guard_span(&row->ranges, row->earlier_ms / 1000, (begin->now_ms + begin->lead_ms) / 1000);
    accepted_ranges_guard_others(&row->ranges, &shared);
    (void)snprintf(row->epoch, sizeof row->epoch, "%.*s", SLICE_ARGS(begin->epoch));
    row->is_used = true;
    state->ranges = row->ranges;
    return nonce_row_write_blocking(opening->db, begin->name, row);
}

/* Reads, takes out and marks in one transaction: nothing can be restored twice. */
static enum status open_nonce_store(struct sql *sql, void *context)
{
    struct opening *opening = context;
    struct sql_value name = sql_text(opening->begin->name);
    nonce_state_done(&opening->state);
    opening->known = false;
    opening->capacity = 0;
    opening->state.opening = NONCES_FIRST;
    TRY(nonce_row_read_blocking(opening->db, opening->begin->name, &opening->row));
    opening->state.kept_s = nonce_epoch_kept_s(slice_str(opening->row.epoch));
    TRY(sql_execute_blocking(sql, "SELECT saved, hash_key, at FROM nonce_stores WHERE name = ? /*! FOR UPDATE */",
                             &name, 1, read_store, opening));
    if (opening->state.opening == NONCES_SAVED)
        TRY(sql_execute_blocking(sql, "SELECT timestamp_s, hashes FROM saved_nonces WHERE store = ?", &name, 1,
                                 read_hashes, opening));
    TRY(sql_execute_blocking(sql, "DELETE FROM saved_nonces WHERE store = ?", &name, 1, NULL, NULL));
    TRY(begin_epoch(opening));
    return mark_open(opening);
}

static enum status open_ledger_blocking(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                                        struct nonce_state *ret_state)
{
    struct opening opening = {.db = nonce_ledger_db(ledger), .begin = begin};
    enum status status = sql_transaction_blocking(opening.db->sql, open_nonce_store, &opening);
    if (status != STATUS_OK) {
        nonce_state_done(&opening.state);
        return status;
    }
    *ret_state = opening.state;
    return STATUS_OK;
}

/* ---- save ---- */

struct saving {
    struct durable *db;
    struct slice name;
    struct slice epoch;
    const struct nonce_state *state;
    unsigned char *part; /* PART_HASHES of them */
};

static void put_hash(unsigned char *place, uint64_t hash)
{
    for (size_t i = 0; i < HASH_BYTES; i++)
        place[i] = (unsigned char)(hash >> (8 * i));
}

/* As many nonces from `from` on as share a second and fit in one row; tells how many. */
static enum status save_part(struct saving *saving, size_t from, int64_t number, size_t *ret_count)
{
    const struct nonce_state *state = saving->state;
    int64_t second = state->nonces[from].timestamp_s;
    size_t count = 0;
    while (count < PART_HASHES && from + count < state->count && state->nonces[from + count].timestamp_s == second) {
        put_hash(saving->part + count * HASH_BYTES, state->nonces[from + count].hash);
        count++;
    }
    struct sql_value params[] = {sql_text(saving->name), sql_int(second), sql_int(number),
                                 sql_blob(slice_of(saving->part, count * HASH_BYTES))};
    *ret_count = count;
    return RUN(saving->db, "INSERT INTO saved_nonces (store, timestamp_s, part, hashes) VALUES (?, ?, ?, ?)", params);
}

static enum status save_store(struct sql *sql, void *context)
{
    struct saving *saving = context;
    struct sql_value name = sql_text(saving->name);
    struct nonce_row row;
    size_t count = 0;
    TRY(nonce_row_read_blocking(saving->db, saving->name, &row));
    if (!slice_eq(slice_str(row.epoch), saving->epoch))
        return STATUS_CONFLICT;
    row.ranges = saving->state->ranges;
    TRY(nonce_row_write_blocking(saving->db, saving->name, &row));
    TRY(sql_execute_blocking(sql, "DELETE FROM saved_nonces WHERE store = ?", &name, 1, NULL, NULL));
    for (size_t from = 0; from < saving->state->count; from += count)
        TRY(save_part(saving, from, (int64_t)from, &count));
    struct sql_value params[] = {
        sql_blob(slice_of(saving->state->hash_key, NONCE_HASH_KEY_BYTES)),
        sql_int(saving->state->at_ms),
        name,
    };
    TRY(RUN(saving->db, "UPDATE nonce_stores SET saved = 1, hash_key = ?, at = ? WHERE name = ?", params));
    return sql_affected(sql) ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status save_ledger_blocking(struct nonce_ledger *ledger, struct slice name, struct slice epoch,
                                        const struct nonce_state *state)
{
    struct saving saving = {nonce_ledger_db(ledger), name, epoch, state, malloc((size_t)PART_HASHES * HASH_BYTES)};
    if (!saving.part)
        return STATUS_NO_MEMORY;
    enum status status = sql_transaction_blocking(saving.db->sql, save_store, &saving);
    free(saving.part);
    return status;
}

static const char *ledger_last_error(const struct nonce_ledger *ledger)
{
    return durable_last_error(((const struct durable_nonce_ledger *)ledger)->db);
}

void durable_nonce_ledger_init(struct durable_nonce_ledger *ledger, struct durable *db)
{
    *ledger = (struct durable_nonce_ledger){{open_ledger_blocking, save_ledger_blocking, nonce_keep_blocking,
                                             nonce_decide_blocking, nonce_decide_part_blocking,
                                             nonce_read_parts_blocking, nonce_leave_blocking, ledger_last_error},
                                            db};
}
