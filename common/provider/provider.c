#include "provider/provider.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/wipe.h"
#include "changes/feed.h"
#include "crypto/sealed.h"
#include "durable/database.h"
#include "durable/durable.h"
#include "durable/nonces.h"
#include "durable/sealing_keys.h"
#include "provider/store_passwords.h"
#include "store/store_url.h"

#include <stdlib.h>

enum { LEDGER_TIMEOUT_MS = 1000, RELOAD_TIMEOUT_MS = 5000 };

struct provider_stores {
    const struct config *config; /* of the start */
    struct keyring *keys;
    struct shared_keys shared_keys; /* the same, for the loops */
    struct store_passwords passwords;
    const struct clock *clock;
    struct buf schema_note; /* empty where the schema was this program's own at the start */
    struct sql *ledger_sql; /* for the ledger alone, which must hear soon whether the store answers */
    struct durable ledger_db;
    struct durable_nonce_ledger ledger;
    struct ephemeral_store *ephemeral;
    struct credential_store source;
    struct credential_cache *cache;
};

static struct metric clock_skew = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_clock_skew_seconds",
    .help = "By how much this process's clock is ahead of the one that timestamps are judged by.",
    .unit = 0.001,
    .show_zero = true,
};

static struct metric guard_seconds = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_guard_seconds",
    .help = "For how long fresh requests are still refused because nonces were lost.",
    .show_zero = true,
};

static struct metric accepted_lead = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_accepted_lead_seconds",
    .help = "How far ahead of the clock requests were accepted, because of fast clients: a loss would guard as much.",
    .show_zero = true,
};

static struct metric schema_ahead = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_schema_ahead",
    .help = "1: at the start of this process the database had migrations of a later version.",
    .show_zero = true,
};

static enum status parse_keys(struct config *config, struct buf *why, struct keyring **ret_keys)
{
    const char *reason = NULL;
    struct slice text = {0};
    TRY(config_secrets_keys_blocking(config, why, &text));
    enum status status = keyring_parse(text, ret_keys, &reason);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "OAUTH1_SECRETS_KEYS: %s", reason);
    return status;
}

/* The names were checked by config; one that is unknown to us would be a bug. */
static unsigned methods_of(const struct config_strings *names)
{
    unsigned mask = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct signature_method *method = signature_method_find(names->items[i]);
        mask |= method ? method->bit : 0;
    }
    return mask;
}

static enum status open_ephemeral(const struct config *config, const char *service_name,
                                  const struct observer *observer, struct provider_stores *stores, struct buf *why)
{
    char name[64];
    struct buf ledger_name = buf_fixed(name, sizeof name);
    bool is_shared = ephemeral_kind_of(config->redis_url)->is_shared;
    buf_add(&ledger_name, is_shared ? SLICE(NONCE_STORE_SHARED) : SLICE(NONCE_STORE_MEMORY_OF));
    if (!is_shared) /* each process has its own */
        buf_add_str(&ledger_name, service_name);
    const struct ephemeral_options ephemeral = {
        .clock = stores->clock,
        .skew_ms = config->timestamp_skew_s * 1000,
        .lead_ms = config->timestamp_lead_s * 1000,
        .temp_ttl_ms = config->temp_ttl_s * 1000,
        .ledger = &stores->ledger.ledger,
        .ledger_name = buf_slice(&ledger_name),
        .redis_password = config->redis_password,
        .next_redis_password = &stores->passwords.redis,
        .next_sentinel_password = &stores->passwords.sentinel,
        .keys = stores->keys,
        .observer = observer,
    };
    return ephemeral_open_blocking(config->redis_url, &ephemeral, why, &stores->ephemeral);
}

/* Without a key that is in use some requests would be 503: better not to begin. */
static enum status check_keys(struct durable *db, const struct config *config, struct buf *why)
{
    enum status status = durable_sealing_keys_check_blocking(db, why);
    if (status != STATUS_STORE_CORRUPT)
        return status;
    if (slice_is_absent(config->secrets_keys))
        buf_add_str(why, " (in development it is in the file .dev-key beside the database)");
    return STATUS_BAD_INPUT;
}

static enum status open_ledger(const struct config *config, const struct clock *clock, struct buf *why,
                               struct provider_stores *stores)
{
    const struct sql_options options = {
        .busy_timeout_ms = LEDGER_TIMEOUT_MS,
        .answer_timeout_ms = LEDGER_TIMEOUT_MS,
        .patience_ms = SQL_COMMAND_BUSY_MS,
        .must_exist = true,
        .password = config->database_password,
        .next_password = &stores->passwords.database,
    };
    TRY(database_open_blocking(config->database_url, &options, clock, why, &stores->ledger_sql));
    stores->ledger_db = (struct durable){.sql = stores->ledger_sql, .clock = clock};
    durable_nonce_ledger_init(&stores->ledger, &stores->ledger_db);
    return STATUS_OK;
}

/* The text of a success is no failure's: it is a note. */
static enum status open_database(const struct config *config, const struct sql_options *options, struct buf *why,
                                 struct provider_stores *stores, struct sql **ret_sql)
{
    struct buf *note = &stores->schema_note;
    enum status status = database_open_blocking(config->database_url, options, stores->clock, note, ret_sql);
    if (status != STATUS_OK) {
        buf_add(why, buf_slice(note));
        buf_reset(note);
    } else if (note->len) {
        log_line(LOG_WARN, "the schema is a later version's", LOG_SLICE("why", buf_slice(note)));
    }
    metric_set(&schema_ahead, 0, note->len > 0);
    return status;
}

/* Makes an embedded database and migrates it, and looks whether our keys open what is in it. */
static enum status prepare_database(struct config *config, struct buf *why, struct provider_stores *stores)
{
    const struct sql_options options = {
        .busy_timeout_ms = SQL_COMMAND_BUSY_MS,
        .password = config->database_password,
        .next_password = &stores->passwords.database,
    };
    struct sql *sql = NULL;
    TRY(open_database(config, &options, why, stores, &sql));
    enum status status = parse_keys(config, why, &stores->keys);
    struct durable db = {.sql = sql, .keys = stores->keys, .clock = stores->clock};
    if (status == STATUS_OK)
        status = check_keys(&db, config, why);
    sql_close(sql);
    return status;
}

static enum status open_stores(struct config *config, const char *service_name, const struct clock *clock,
                               const struct observer *observer, struct buf *why, struct provider *provider)
{
    struct provider_stores *stores = provider->stores;
    stores->config = config;
    stores->clock = clock;
    /* the database first: where it cannot be, neither can what stands beside it */
    TRY(prepare_database(config, why, stores));
    shared_keys_set(&stores->shared_keys, stores->keys);
    TRY(open_ledger(config, clock, why, stores));
    const struct durable_pool_options pool = {
        .url = config->database_url,
        .read_url = config->database_read_url,
        .password = config->database_password,
        .next_password = &stores->passwords.database,
        .next_read_password = &stores->passwords.replica,
        .connections = (size_t)config->database_pool,
        .keys = stores->keys,
        .clock = clock,
    };
    TRY(durable_pool_new_blocking(&pool, why, &provider->durable));
    return open_ephemeral(config, service_name, observer, stores, why);
}

static enum status open_cache(const struct config *config, struct loop *const *loops, size_t count,
                              struct provider *provider)
{
    struct provider_stores *stores = provider->stores;
    credential_store_init(&stores->source, provider->durable, !slice_is_absent(config->database_read_url));
    const struct credential_cache_options options = {
        .source = &stores->source.source,
        .ttl_ms = config->cache_ttl_s * 1000,
        .max_entries = (size_t)config->cache_entries,
        .loops = loops,
        .loop_count = count,
    };
    TRY(credential_cache_new(&options, &stores->cache));
    for (size_t i = 0; i < count; i++)
        provider->loops[i].credentials = credential_cache_view(stores->cache, i);
    credential_cache_listen(stores->cache, provider->feed);
    return STATUS_OK;
}

static enum status open_feed(const struct config *config, struct loop *const *loops, size_t count, struct buf *why,
                             struct provider *provider)
{
    const struct change_feed_options options = {
        .redis_url = config->redis_url,
        .redis_password = config->redis_password,
        .next_redis_password = &provider->stores->passwords.redis,
        .next_sentinel_password = &provider->stores->passwords.sentinel,
        .database_url = config->database_url,
        .durable = provider->durable,
        .loops = loops,
        .loop_count = count,
    };
    TRY(change_feed_open_blocking(&options, why, &provider->feed));
    change_feed_hear(provider->feed, provider->durable);
    return STATUS_OK;
}

static enum status open_loops(struct provider *provider, struct loop *const *loops, size_t count)
{
    provider->loops = calloc(count, sizeof *provider->loops);
    if (!provider->loops)
        return STATUS_NO_MEMORY;
    provider->loop_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(signer_init(&provider->loops[i].signer, MAC_KEPT_MAX));
        TRY(ephemeral_view_new(provider->stores->ephemeral, loops[i], &provider->loops[i].ephemeral));
    }
    return STATUS_OK;
}

enum status provider_open_blocking(struct config *config, const char *service_name, const struct clock *clock,
                                   struct loop *const *loops, size_t loop_count, struct buf *why,
                                   struct provider *ret_provider)
{
    struct provider provider = {
        .rules = {methods_of(&config->signature_methods), config->timestamp_skew_s, config->timestamp_lead_s,
                  config->insecure_transport},
        .stores = calloc(1, sizeof *provider.stores),
    };
    if (!provider.stores)
        return STATUS_NO_MEMORY;
    store_passwords_init(&provider.stores->passwords);
    shared_keys_init(&provider.stores->shared_keys, NULL);
    provider.keys = &provider.stores->shared_keys;
    enum status status = metrics_register(&schema_ahead);
    if (status == STATUS_OK)
        status = open_stores(config, service_name, clock, loop_observer(loops[0]), why, &provider);
    if (status == STATUS_OK)
        status = open_loops(&provider, loops, loop_count);
    if (status == STATUS_OK)
        status = metrics_register(&clock_skew);
    if (status == STATUS_OK)
        status = metrics_register(&guard_seconds);
    if (status == STATUS_OK)
        status = metrics_register(&accepted_lead);
    if (status == STATUS_OK)
        status = durable_sealing_metric_register();
    if (status == STATUS_OK)
        status = open_feed(config, loops, loop_count, why, &provider);
    if (status == STATUS_OK)
        status = open_cache(config, loops, loop_count, &provider);
    if (status != STATUS_OK) {
        /* a start that failed took no nonce, so what it read may be put back */
        provider_close_blocking(&provider, true);
        return status;
    }
    *ret_provider = provider;
    return STATUS_OK;
}

static enum status parse_fresh_keys(const struct config *fresh, struct buf *why, struct keyring **ret_keys)
{
    const char *reason = NULL;
    if (slice_is_absent(fresh->secrets_keys)) /* development: the file beside the database, which nobody changes */
        return STATUS_OK;
    enum status status = keyring_parse(fresh->secrets_keys, ret_keys, &reason);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "OAUTH1_SECRETS_KEYS: %s", reason);
    return status;
}

static enum status ask_database(const struct provider_stores *stores, const struct config *fresh,
                                const struct sql_options *options, const struct keyring *keys, struct buf *why)
{
    struct sql *sql = NULL;
    TRY(sql_open_blocking(stores->config->database_url, options, why, &sql));
    struct durable db = {.sql = sql, .keys = keys, .clock = stores->clock};
    enum status status = check_keys(&db, fresh, why);
    sql_close(sql);
    return status;
}

/* What a start would ask of other keys, over a connection that logs in with the password that came with them. */
static enum status check_fresh_keys(const struct provider_stores *stores, const struct config *fresh,
                                    const struct keyring *keys, struct buf *why)
{
    char text[PASSWORD_BYTES] = "";
    struct next_password password;
    const struct sql_options as_set = {.password = fresh->database_password};
    const struct sql_options options = {
        .busy_timeout_ms = RELOAD_TIMEOUT_MS,
        .answer_timeout_ms = RELOAD_TIMEOUT_MS,
        .must_exist = true,
        .password = stores->config->database_password,
        .next_password = &password,
    };
    if (!keys || keyring_is_same(keys, stores->keys))
        return STATUS_OK;
    TRY(sql_password_of(fresh->database_url, &as_set, why, text));
    next_password_init(&password);
    next_password_set(&password, text);
    enum status status = ask_database(stores, fresh, &options, keys, why);
    if (status_is_infrastructure(status))
        buf_add_str(why, "; OAUTH1_SECRETS_KEYS cannot be held against it: send SIGHUP again once it answers");
    next_password_done(&password);
    wipe_bytes(text, sizeof text);
    return status;
}

enum status provider_reload_blocking(struct provider *provider, const struct config *fresh, struct buf *why)
{
    struct provider_stores *stores = provider->stores;
    struct keyring *keys = NULL;
    TRY(parse_fresh_keys(fresh, why, &keys));
    enum status status = check_fresh_keys(stores, fresh, keys, why);
    if (status == STATUS_OK)
        status = store_passwords_update(&stores->passwords, fresh, why);
    if (status != STATUS_OK)
        keyring_free(keys);
    if (status != STATUS_OK || !keys)
        return status;
    durable_pool_set_keys(provider->durable, keys);
    ephemeral_set_keys(stores->ephemeral, keys);
    shared_keys_set(&stores->shared_keys, keys);
    keyring_free(stores->keys);
    stores->keys = keys;
    return STATUS_OK;
}

void provider_close_blocking(struct provider *provider, bool clean)
{
    struct provider_stores *stores = provider->stores;
    if (!stores)
        return;
    for (size_t i = 0; i < provider->loop_count; i++) {
        ephemeral_view_free(provider->loops[i].ephemeral);
        signer_done(&provider->loops[i].signer);
    }
    free(provider->loops);
    change_feed_free(provider->feed);
    credential_cache_free(stores->cache);
    durable_pool_free(provider->durable);
    if (stores->ephemeral && clean)
        (void)!ephemeral_save_blocking(stores->ephemeral); /* failed: the next start is guarded */
    ephemeral_store_free(stores->ephemeral);
    sql_close(stores->ledger_sql);
    buf_done(&stores->schema_note);
    shared_keys_done(&stores->shared_keys);
    keyring_free(stores->keys);
    store_passwords_done(&stores->passwords);
    free(stores);
    *provider = (struct provider){0};
}

/* ---- what /metrics shows of them ---- */

void provider_measure(const struct provider *provider)
{
    if (provider->loop_count == 0)
        return;
    struct ephemeral *view = provider->loops[0].ephemeral;
    const struct nonce_trouble trouble = ephemeral_trouble(view);
    metric_set(&clock_skew, 0, ephemeral_clock_ahead_ms(view));
    metric_set(&guard_seconds, 0, trouble.guard_s);
    metric_set(&accepted_lead, 0, trouble.lead_s);
}

void provider_write_guard(int64_t guard_s, struct buf *out)
{
    if (guard_s > 0)
        buf_addf(
            out,
            "the nonces from before a crash or a failover are lost, so for %lld s more no request can be told from "
            "one that was accepted before, and none is accepted; sign anew then",
            (long long)guard_s);
}

bool provider_outlasts_database(const struct provider *provider)
{
    return !durable_pool_is_useless(provider->durable) && credential_cache_outlasts(provider->stores->cache);
}

static struct buf *begin_sentence(struct buf *out)
{
    if (out->len)
        buf_add_str(out, "; ");
    return out;
}

void provider_write_note(const struct provider *provider, struct buf *out)
{
    buf_add(out, buf_slice(&provider->stores->schema_note));
}

void provider_write_trouble(const struct provider *provider, struct buf *out)
{
    struct ephemeral *view = provider->loops[0].ephemeral;
    const struct nonce_trouble trouble = ephemeral_trouble(view);
    int64_t ahead_ms = ephemeral_clock_ahead_ms(view);
    int64_t skew_ms = provider->rules.skew_s * 1000;
    provider_write_guard(trouble.guard_s, out);
    if (trouble.behind_s)
        buf_addf(begin_sentence(out),
                 "the clock is %lld s behind the newest request that was accepted, so that every request would be "
                 "refused: set it right (NTP)",
                 (long long)trouble.behind_s);
    if (ahead_ms > skew_ms)
        buf_addf(
            begin_sentence(out),
            "this machine's clock is %lld s ahead of Redis's, which is more than OAUTH1_TIMESTAMP_SKEW: set the one "
            "that is wrong right (NTP)",
            (long long)ahead_ms / 1000);
    if (ahead_ms < -skew_ms)
        buf_addf(begin_sentence(out),
                 "this machine's clock is %lld s behind Redis's, which is more than OAUTH1_TIMESTAMP_SKEW: set the one "
                 "that is wrong right (NTP)",
                 (long long)-ahead_ms / 1000);
    if (trouble.is_full)
        buf_add_str(begin_sentence(out),
                    "Redis is at its maxmemory, so no nonce can be remembered and nothing is accepted: "
                    "give it more room");
    if (trouble.is_refusing)
        buf_add_str(begin_sentence(out),
                    "Redis takes no writes, so no nonce can be remembered and nothing is accepted: the log says "
                    "why");
    if (trouble.is_stuck)
        buf_add_str(begin_sentence(out),
                    "the database does not take what is accepted, so nothing more is accepted: see "
                    "that it answers and has room");
}
