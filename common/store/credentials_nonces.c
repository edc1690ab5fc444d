#include "store/nonce_ledger.h"
#include "store/rows.h"

#include <stdlib.h>

enum { HASH_BYTES = 8, PART_HASHES = 8192 };

void nonce_state_done(struct nonce_state *state)
{
    free(state->nonces);
    *state = (struct nonce_state){0};
}

static struct credentials *db_of(struct nonce_ledger *ledger)
{
    return ((struct credentials_nonce_ledger *)ledger)->db;
}

/* 0: there is none. */
static enum status read_at(struct credentials *db, const char *text, struct slice name, int64_t *ret_at)
{
    struct sql_value param = sql_text(name);
    int64_t at = 0;
    TRY(sql_execute_blocking(db->sql, text, &param, 1, take_int, &at));
    *ret_at = at;
    return STATUS_OK;
}

/* ---- open ---- */

struct opening {
    struct credentials *db;
    struct slice name;
    int64_t now_ms;
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
    state->opening = saved ? NONCES_SAVED : NONCES_LOST;
    if (saved)
        memcpy(state->hash_key, columns[1].bytes.ptr, NONCE_HASH_KEY_BYTES);
    state->at_ms = columns[2].integer;
    return STATUS_OK;
}

static uint64_t hash_at(struct slice hashes, size_t index)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < HASH_BYTES; i++)
        hash |= (uint64_t)(unsigned char)hashes.ptr[index * HASH_BYTES + i] << (8 * i);
    return hash;
}

static bool make_room(struct opening *opening, size_t more)
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
    if (!make_room(opening, hash_count))
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < hash_count; i++)
        opening->state.nonces[opening->state.count++] = (struct saved_nonce){columns[0].integer, hash_at(hashes, i)};
    return STATUS_OK;
}

static enum status mark_open(struct opening *opening)
{
    struct sql_value params[] = {sql_int(opening->now_ms), sql_text(opening->name)};
    if (opening->known)
        return RUN(opening->db, "UPDATE nonce_stores SET saved = 0, hash_key = NULL, at = ? WHERE name = ?", params);
    return RUN(opening->db, "INSERT INTO nonce_stores (saved, at, name) VALUES (0, ?, ?)", params);
}

/* Reads, takes out and marks in one transaction: nothing can be restored twice. */
static enum status open_store(struct sql *sql, void *context)
{
    struct opening *opening = context;
    struct sql_value name = sql_text(opening->name);
    int64_t shared_at = 0;
    nonce_state_done(&opening->state);
    opening->known = false;
    opening->capacity = 0;
    opening->state.opening = NONCES_FIRST;
    TRY(sql_execute_blocking(sql, "SELECT saved, hash_key, at FROM nonce_stores WHERE name = ? /*! FOR UPDATE */",
                             &name, 1, read_store, opening));
    TRY(read_at(opening->db, "SELECT at FROM nonce_stores WHERE name = ?", SLICE(NONCE_STORE_SHARED), &shared_at));
    if (shared_at > opening->state.at_ms) /* requests that we know nothing of were accepted there */
        opening->state.opening = NONCES_LOST;
    if (opening->state.opening == NONCES_SAVED)
        TRY(sql_execute_blocking(sql, "SELECT timestamp_s, hashes FROM saved_nonces WHERE store = ?", &name, 1,
                                 read_hashes, opening));
    TRY(sql_execute_blocking(sql, "DELETE FROM saved_nonces WHERE store = ?", &name, 1, NULL, NULL));
    if (opening->state.at_ms > opening->now_ms) /* the clock was set back: time goes on from there */
        opening->now_ms = opening->state.at_ms;
    opening->state.at_ms = opening->now_ms;
    return mark_open(opening);
}

static enum status open_blocking(struct nonce_ledger *ledger, struct slice name, int64_t at_ms,
                                 struct nonce_state *ret_state)
{
    struct opening opening = {.db = db_of(ledger), .name = name, .now_ms = at_ms};
    enum status status = sql_transaction_blocking(opening.db->sql, open_store, &opening);
    if (status != STATUS_OK) {
        nonce_state_done(&opening.state);
        return status;
    }
    *ret_state = opening.state;
    return STATUS_OK;
}

/* ---- save ---- */

struct saving {
    struct credentials *db;
    struct slice name;
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
    size_t count = 0;
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

static enum status save_blocking(struct nonce_ledger *ledger, struct slice name, const struct nonce_state *state)
{
    struct saving saving = {db_of(ledger), name, state, malloc((size_t)PART_HASHES * HASH_BYTES)};
    if (!saving.part)
        return STATUS_NO_MEMORY;
    enum status status = sql_transaction_blocking(saving.db->sql, save_store, &saving);
    free(saving.part);
    return status;
}

/* ---- mark ---- */

struct marking {
    struct credentials *db;
    struct slice name;
    int64_t now_ms;
    nonce_begin_fn begin;
    void *context;
};

/* The row first: whoever else inserts it waits for our commit. */
static enum status mark_store(struct sql *sql, void *context)
{
    struct marking *marking = context;
    int64_t own_at = 0;
    int64_t other_at = 0;
    (void)sql;
    struct sql_value row[] = {sql_text(marking->name)};
    enum status status = RUN(marking->db, "INSERT INTO nonce_stores (saved, at, name) VALUES (0, 0, ?)", row);
    if (status != STATUS_OK && status != STATUS_CONFLICT)
        return status;
    TRY(read_at(marking->db, "SELECT at FROM nonce_stores WHERE name = ?", marking->name, &own_at));
    TRY(read_at(marking->db, "SELECT MAX(at) FROM nonce_stores WHERE name <> ?", marking->name, &other_at));
    if (marking->now_ms > own_at) {
        struct sql_value params[] = {sql_int(marking->now_ms), sql_text(marking->name)};
        TRY(RUN(marking->db, "UPDATE nonce_stores SET at = ? WHERE name = ?", params));
    }
    if (own_at == 0 && other_at == 0)
        return marking->begin(marking->context, NONCES_FIRST);
    return other_at > own_at ? marking->begin(marking->context, NONCES_LOST) : STATUS_OK;
}

static enum status mark_blocking(struct nonce_ledger *ledger, struct slice name, int64_t at_ms, nonce_begin_fn begin,
                                 void *context)
{
    struct marking marking = {db_of(ledger), name, at_ms, begin, context};
    return sql_transaction_blocking(marking.db->sql, mark_store, &marking);
}

void credentials_nonce_ledger_init(struct credentials_nonce_ledger *ledger, struct credentials *db)
{
    *ledger = (struct credentials_nonce_ledger){{open_blocking, save_blocking, mark_blocking}, db};
}
