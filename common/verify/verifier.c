#include "verify/verifier.h"

#include "crypto/sealed.h"
#include "store/credentials.h"
#include "store/database.h"
#include "store/nonce_ledger.h"

#include <stdlib.h>

struct verifier_stores {
    struct keyring *keys;
    struct sql *sql; /* the ledger's, used before and after the loops run */
    struct credentials credentials;
    struct credentials_nonce_ledger ledger;
    struct ephemeral_store *ephemeral;
};

static enum status parse_keys(struct slice text, struct buf *why, struct keyring **ret_keys)
{
    const char *reason = NULL;
    enum status status = keyring_parse(text, ret_keys, &reason);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "OAUTH1_SECRETS_KEYS: %s", reason);
    return status;
}

static enum status open_ephemeral(const struct verifier_options *options, struct verifier_stores *stores,
                                  struct buf *why)
{
    char name[64];
    struct buf ledger_name = buf_fixed(name, sizeof name);
    buf_add(&ledger_name, SLICE("memory:"));
    buf_add(&ledger_name, options->service_name);
    const struct ephemeral_options ephemeral = {
        .clock = options->clock,
        .skew_ms = options->rules.skew_s * 1000,
        .lead_ms = options->rules.lead_s * 1000,
        .temp_ttl_ms = options->temp_ttl_ms,
        .ledger = &stores->ledger.ledger,
        .ledger_name = buf_slice(&ledger_name),
    };
    return ephemeral_open_blocking(options->redis_url, &ephemeral, why, &stores->ephemeral);
}

static enum status open_stores(const struct verifier_options *options, struct buf *why, struct verifier *verifier)
{
    struct verifier_stores *stores = verifier->stores;
    TRY(parse_keys(options->secrets_keys, why, &stores->keys));
    TRY(database_open_blocking(options->database_url, SQL_COMMAND_BUSY_MS, options->clock, why, &stores->sql));
    stores->credentials = (struct credentials){.sql = stores->sql, .keys = stores->keys, .clock = options->clock};
    credentials_nonce_ledger_init(&stores->ledger, &stores->credentials);
    const struct db_pool_options pool = {
        .url = options->database_url,
        .readers = options->database_pool,
        .keys = stores->keys,
        .clock = options->clock,
    };
    TRY(db_pool_new_blocking(&pool, why, &verifier->db));
    return open_ephemeral(options, stores, why);
}

static enum status open_loops(struct verifier *verifier, struct loop *const *loops, size_t count)
{
    verifier->loops = calloc(count, sizeof *verifier->loops);
    if (!verifier->loops)
        return STATUS_NO_MEMORY;
    verifier->loop_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(signer_init(&verifier->loops[i].signer, MAC_KEPT_MAX));
        TRY(ephemeral_view_new(verifier->stores->ephemeral, loops[i], &verifier->loops[i].ephemeral));
    }
    return STATUS_OK;
}

enum status verifier_open_blocking(const struct verifier_options *options, struct loop *const *loops, size_t loop_count,
                                   struct buf *why, struct verifier *ret_verifier)
{
    struct verifier verifier = {.rules = options->rules, .stores = calloc(1, sizeof *verifier.stores)};
    if (!verifier.stores)
        return STATUS_NO_MEMORY;
    enum status status = open_stores(options, why, &verifier);
    if (status == STATUS_OK)
        status = open_loops(&verifier, loops, loop_count);
    if (status != STATUS_OK) {
        /* a start that failed took no nonce, so what it read may be put back */
        verifier_close_blocking(&verifier, true);
        return status;
    }
    *ret_verifier = verifier;
    return STATUS_OK;
}

void verifier_close_blocking(struct verifier *verifier, bool clean)
{
    struct verifier_stores *stores = verifier->stores;
    if (!stores)
        return;
    for (size_t i = 0; i < verifier->loop_count; i++) {
        ephemeral_view_free(verifier->loops[i].ephemeral);
        signer_done(&verifier->loops[i].signer);
    }
    free(verifier->loops);
    db_pool_free(verifier->db);
    if (stores->ephemeral && clean)
        (void)!ephemeral_save_blocking(stores->ephemeral); /* failed: the next start is guarded */
    ephemeral_store_free(stores->ephemeral);
    sql_close(stores->sql);
    keyring_free(stores->keys);
    free(stores);
    *verifier = (struct verifier){0};
}
