#include "admin/bearers.h"

#include "crypto/ct.h"
#include "crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>

enum { NAMES_MAX_BYTES = 1 << 20 };

struct known {
    struct bearer bearer;
    unsigned char digest[DIGEST_MAX_BYTES]; /* behind the digest: zeroes */
};

struct bearers {
    pthread_mutex_t lock; /* of all below */
    struct arena arena;
    struct known *items;
    size_t count;
};

static enum status read_tokens(struct bearers *bearers, const struct config_tokens *tokens, bool is_login)
{
    for (size_t i = 0; i < tokens->count; i++) {
        const struct config_token *token = &tokens->items[i];
        struct known *known = &bearers->items[bearers->count++];
        known->bearer.role = is_login ? BEARER_LOGIN : token->may_only_read ? BEARER_READ : BEARER_MANAGE;
        known->bearer.name = arena_copy(&bearers->arena, token->name);
        if (slice_is_absent(known->bearer.name))
            return STATUS_NO_MEMORY;
        TRY(digest_bytes(DIGEST_SHA256, token->token, known->digest));
    }
    return STATUS_OK;
}

static enum status fill_bearers(struct bearers *bearers, const struct config *config)
{
    size_t room = config->admin_tokens.count + config->login_tokens.count;
    bearers->items = arena_calloc(&bearers->arena, room, sizeof *bearers->items);
    if (!bearers->items)
        return STATUS_NO_MEMORY;
    TRY(read_tokens(bearers, &config->admin_tokens, false));
    return read_tokens(bearers, &config->login_tokens, true);
}

enum status bearers_read(const struct config *config, struct bearers **ret_bearers)
{
    struct bearers *bearers = calloc(1, sizeof *bearers);
    if (!bearers)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&bearers->lock, NULL);
    arena_init(&bearers->arena, NAMES_MAX_BYTES);
    enum status status = fill_bearers(bearers, config);
    if (status != STATUS_OK) {
        bearers_free(bearers);
        return status;
    }
    *ret_bearers = bearers;
    return STATUS_OK;
}

void bearers_free(struct bearers *bearers)
{
    if (!bearers)
        return;
    arena_done(&bearers->arena);
    pthread_mutex_destroy(&bearers->lock);
    free(bearers);
}

size_t bearers_count(struct bearers *bearers)
{
    pthread_mutex_lock(&bearers->lock);
    size_t count = bearers->count;
    pthread_mutex_unlock(&bearers->lock);
    return count;
}

void bearers_replace(struct bearers *bearers, struct bearers *fresh)
{
    pthread_mutex_lock(&bearers->lock);
    struct arena old = bearers->arena;
    bearers->arena = fresh->arena;
    bearers->items = fresh->items;
    bearers->count = fresh->count;
    pthread_mutex_unlock(&bearers->lock);
    fresh->arena = old;
    bearers_free(fresh);
}

static enum status copy_bearer(const struct known *found, struct arena *arena, struct bearer *ret_bearer)
{
    if (!found)
        return STATUS_UNAUTHORIZED;
    *ret_bearer = found->bearer;
    ret_bearer->name = arena_copy(arena, found->bearer.name);
    return slice_is_absent(ret_bearer->name) ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status bearers_find(struct bearers *bearers, struct slice token, struct arena *arena, struct bearer *ret_bearer)
{
    unsigned char digest[DIGEST_MAX_BYTES] = {0};
    const struct known *found = NULL;
    TRY(digest_bytes(DIGEST_SHA256, token, digest));
    pthread_mutex_lock(&bearers->lock);
    for (size_t i = bearers->count; i > 0; i--) { /* the first of equal ones wins: that of OAUTH1_ADMIN_TOKEN */
        const struct known *known = &bearers->items[i - 1];
        if (ct_equal(slice_of(known->digest, sizeof digest), slice_of(digest, sizeof digest)))
            found = known;
    }
    enum status status = copy_bearer(found, arena, ret_bearer);
    pthread_mutex_unlock(&bearers->lock);
    return status;
}
