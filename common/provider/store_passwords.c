#include "provider/store_passwords.h"

#include "base/wipe.h"
#include "ephemeral/ephemeral.h"
#include "sql/sql.h"

struct texts {
    char database[PASSWORD_BYTES];
    char replica[PASSWORD_BYTES];
    struct ephemeral_passwords ephemeral;
};

void store_passwords_init(struct store_passwords *passwords)
{
    next_password_init(&passwords->database);
    next_password_init(&passwords->replica);
    next_password_init(&passwords->redis);
    next_password_init(&passwords->sentinel);
}

void store_passwords_done(struct store_passwords *passwords)
{
    next_password_done(&passwords->database);
    next_password_done(&passwords->replica);
    next_password_done(&passwords->redis);
    next_password_done(&passwords->sentinel);
}

static enum status read_database(struct slice url, const char *variable, const struct config *config, struct buf *why,
                                 char ret_text[PASSWORD_BYTES])
{
    const struct sql_options options = {.password = config->database_password, .variable = variable};
    return slice_is_absent(url) ? STATUS_OK : sql_password_of(url, &options, why, ret_text);
}

static enum status read_passwords(const struct config *config, struct buf *why, struct texts *ret)
{
    TRY(read_database(config->database_url, "OAUTH1_DATABASE_URL", config, why, ret->database));
    TRY(read_database(config->database_read_url, "OAUTH1_DATABASE_READ_URL", config, why, ret->replica));
    return ephemeral_passwords_of(config->redis_url, config->redis_password, why, &ret->ephemeral);
}

enum status store_passwords_update(struct store_passwords *passwords, const struct config *fresh, struct buf *why)
{
    struct texts texts = {0};
    enum status status = read_passwords(fresh, why, &texts);
    if (status == STATUS_OK) {
        next_password_set(&passwords->database, texts.database);
        next_password_set(&passwords->replica, texts.replica);
        next_password_set(&passwords->redis, texts.ephemeral.store);
        next_password_set(&passwords->sentinel, texts.ephemeral.sentinels);
    }
    wipe_bytes(&texts, sizeof texts);
    return status;
}
