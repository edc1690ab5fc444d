#include "ephemeral/ephemeral.h"

#include "ephemeral/backend.h"
#include "loop/flow.h"

#include <stdlib.h>

/* ---- results ---- */

void temp_credential_free(void *pointer)
{
    struct temp_credential *temp = pointer;
    if (!temp)
        return;
    arena_done(&temp->arena);
    free(temp);
}

void session_free(void *pointer)
{
    struct session *session = pointer;
    if (!session)
        return;
    arena_done(&session->arena);
    free(session);
}

void ephemeral_blob_free(void *pointer)
{
    struct ephemeral_blob *blob = pointer;
    if (!blob)
        return;
    arena_done(&blob->arena);
    free(blob);
}

void ephemeral_count_free(void *count)
{
    free(count);
}

/* ---- the port ---- */

enum status ephemeral_now(const struct ephemeral *view, int64_t *ret_ms)
{
    int64_t now_ms = view->ops->now_ms(view);
    if (now_ms <= 0)
        return STATUS_STORE_DOWN;
    *ret_ms = now_ms;
    return STATUS_OK;
}

void ephemeral_nonce_spend_start(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket)
{
    view->ops->nonce_spend_start(view, nonce, ticket);
}

void ephemeral_temp_create_start(struct ephemeral *view, const struct temp_new *temp, struct ticket ticket)
{
    view->ops->temp_create_start(view, temp, ticket);
}

void ephemeral_temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id, struct ticket ticket)
{
    view->ops->temp_find_start(view, token, client_id, ticket);
}

void ephemeral_temp_grant_start(struct ephemeral *view, const struct temp_credential *temp,
                                const struct temp_grant *grant, struct ticket ticket)
{
    view->ops->temp_grant_start(view, temp, grant, ticket);
}

void ephemeral_temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                               struct ticket ticket)
{
    view->ops->temp_deny_start(view, temp, user, ticket);
}

void ephemeral_temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                              struct ticket ticket)
{
    view->ops->temp_try_start(view, temp, verifier, ticket);
}

void ephemeral_temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket)
{
    view->ops->temp_exchanged_start(view, temp, ticket);
}

void ephemeral_session_create_start(struct ephemeral *view, struct slice id, const struct session *session,
                                    int64_t ttl_ms, struct ticket ticket)
{
    view->ops->session_create_start(view, id, session, ttl_ms, ticket);
}

void ephemeral_session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    view->ops->session_find_start(view, id, ticket);
}

void ephemeral_session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    view->ops->session_delete_start(view, id, ticket);
}

void ephemeral_session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket)
{
    view->ops->session_list_start(view, user, ticket);
}

void ephemeral_session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket)
{
    view->ops->session_end_start(view, user, handle, ticket);
}

void ephemeral_session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket)
{
    view->ops->session_keep_start(view, id, user_version, ticket);
}

void ephemeral_blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                              struct ticket ticket)
{
    view->ops->blob_put_start(view, id, bytes, ttl_ms, ticket);
}

void ephemeral_blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    view->ops->blob_find_start(view, id, ticket);
}

void ephemeral_blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                                  struct ticket ticket)
{
    view->ops->blob_replace_start(view, id, old_bytes, bytes, ticket);
}

void ephemeral_blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    view->ops->blob_take_start(view, id, ticket);
}

void ephemeral_count_start(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                           struct ticket ticket)
{
    view->ops->count_start(view, quota, name, window_ms, ticket);
}

void ephemeral_count_back_start(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket)
{
    view->ops->count_back_start(view, quota, name, ticket);
}

void ephemeral_end_start(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket)
{
    view->ops->end_start(view, party, id, ticket);
}

void ephemeral_ping_start(struct ephemeral *view, struct ticket ticket)
{
    view->ops->ping_start(view, ticket);
}

/* ---- the process's store ---- */

#define BACKEND(NAME, name, help) [EPHEMERAL_##NAME] = &ephemeral_##name##_backend,
static const struct ephemeral_backend *const backends[] = {EPHEMERAL_KINDS(BACKEND)};
#undef BACKEND

static enum status find_backend(struct slice url, struct buf *why, const struct ephemeral_backend **ret_backend)
{
    enum ephemeral_id id = ephemeral_kind_of(url)->id;
    if (id == EPHEMERAL_UNKNOWN)
        return ephemeral_url_refuse(why);
    *ret_backend = backends[id];
    return STATUS_OK;
}

enum status ephemeral_open_blocking(struct slice url, const struct ephemeral_options *options, struct buf *why,
                                    struct ephemeral_store **ret_store)
{
    const struct ephemeral_backend *backend = NULL;
    TRY(find_backend(url, why, &backend));
    return backend->open_blocking(url, options, why, ret_store);
}

enum status ephemeral_check_blocking(struct slice url, struct slice password, struct buf *why)
{
    const struct ephemeral_backend *backend = NULL;
    TRY(find_backend(url, why, &backend));
    return backend->check_blocking ? backend->check_blocking(url, password, why) : STATUS_OK;
}

enum status ephemeral_passwords_of(struct slice url, struct slice password, struct buf *why,
                                   struct ephemeral_passwords *ret_passwords)
{
    const struct ephemeral_backend *backend = NULL;
    TRY(find_backend(url, why, &backend));
    *ret_passwords = (struct ephemeral_passwords){0};
    return backend->passwords_of ? backend->passwords_of(url, password, why, ret_passwords) : STATUS_OK;
}

enum status ephemeral_janitor_blocking(const struct ephemeral_janitor *janitor, struct buf *why, int64_t *ret_count)
{
    const struct ephemeral_backend *backend = NULL;
    TRY(find_backend(janitor->url, why, &backend));
    if (backend->janitor_blocking)
        return backend->janitor_blocking(janitor, why, ret_count);
    *ret_count = 0;
    return STATUS_OK;
}

enum status ephemeral_view_new(struct ephemeral_store *store, struct loop *loop, struct ephemeral **ret_view)
{
    return store->ops->view_new(store, loop, ret_view);
}

void ephemeral_set_keys(struct ephemeral_store *store, struct keyring *keys)
{
    if (store->ops->set_keys)
        store->ops->set_keys(store, keys);
}

enum status ephemeral_save_blocking(struct ephemeral_store *store)
{
    return store->ops->save_blocking(store);
}

void ephemeral_store_free(struct ephemeral_store *store)
{
    if (store)
        store->ops->free(store);
}
