#include "admin/bearers.h"

#include "crypto/ct.h"
#include "crypto/digest.h"

static enum status read_tokens(const struct config_tokens *tokens, bool is_login, struct bearer *items, size_t *count)
{
    for (size_t i = 0; i < tokens->count; i++) {
        struct bearer *bearer = &items[(*count)++];
        *bearer = (struct bearer){.name = tokens->items[i].name, .is_login = is_login};
        TRY(digest_bytes(DIGEST_SHA256, tokens->items[i].token, bearer->digest));
    }
    return STATUS_OK;
}

enum status bearers_read(const struct config *config, struct arena *arena, struct bearers *ret_bearers)
{
    size_t room = config->admin_tokens.count + config->login_tokens.count;
    size_t count = 0;
    struct bearer *items = arena_calloc(arena, room, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    TRY(read_tokens(&config->admin_tokens, false, items, &count));
    TRY(read_tokens(&config->login_tokens, true, items, &count));
    *ret_bearers = (struct bearers){items, count};
    return STATUS_OK;
}

enum status bearers_find(const struct bearers *bearers, struct slice token, const struct bearer **ret_bearer)
{
    unsigned char digest[BEARER_DIGEST_BYTES];
    const struct bearer *found = NULL;
    TRY(digest_bytes(DIGEST_SHA256, token, digest));
    for (size_t i = bearers->count; i > 0; i--) { /* the first of equal ones wins: that of OAUTH1_ADMIN_TOKEN */
        const struct bearer *bearer = &bearers->items[i - 1];
        if (ct_equal(slice_of(bearer->digest, sizeof digest), slice_of(digest, sizeof digest)))
            found = bearer;
    }
    *ret_bearer = found;
    return found ? STATUS_OK : STATUS_UNAUTHORIZED;
}
