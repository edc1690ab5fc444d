#include "provider/provider.h"

#include "base/wipe.h"
#include "ephemeral/ephemeral.h"
#include "sql/sql.h"

/* ---- each asks those who would open it ---- */

static enum status check_keys(const struct config *config, struct buf *why)
{
    const char *reason = NULL;
    struct keyring *keys = NULL;
    if (slice_is_absent(config->secrets_keys))
        return config_dev_key_check_blocking(config, why);
    enum status status = keyring_parse(config->secrets_keys, &keys, &reason);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "OAUTH1_SECRETS_KEYS: %s", reason);
    keyring_free(keys);
    return status;
}

static enum status check_url(const struct config *config, struct slice url, const char *variable, struct buf *why)
{
    const struct sql_options options = {.password = config->database_password, .variable = variable};
    char password[PASSWORD_BYTES] = "";
    if (slice_is_absent(url))
        return STATUS_OK;
    enum status status = sql_password_of(url, &options, why, password);
    wipe_bytes(password, sizeof password);
    if (status == STATUS_OK)
        status = durable_pool_check_url(url, why);
    return status == STATUS_OK ? sql_check_blocking(url, &options, why) : status;
}

static enum status check_database(const struct config *config, struct buf *why)
{
    return check_url(config, config->database_url, "OAUTH1_DATABASE_URL", why);
}

static enum status check_replica(const struct config *config, struct buf *why)
{
    return check_url(config, config->database_read_url, "OAUTH1_DATABASE_READ_URL", why);
}

static enum status check_ephemeral(const struct config *config, struct buf *why)
{
    return ephemeral_check_blocking(config->redis_url, config->redis_password, why);
}

enum status provider_check_blocking(const struct config *config, struct buf *problems)
{
    static enum status (*const checks[])(const struct config *config, struct buf *why) = {
        check_keys, check_database, check_replica, check_ephemeral};
    enum status all = STATUS_OK;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        enum status status = checks[i](config, problems);
        if (status == STATUS_OK)
            continue;
        buf_add_byte(problems, '\n');
        all = status;
    }
    return all;
}
