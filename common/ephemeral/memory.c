/* The ephemeral store in the memory of one process, for all its loops. */
#include "crypto/ct.h"
#include "ephemeral/backend.h"
#include "ephemeral/count_table.h"
#include "ephemeral/memory_nonces.h"
#include "ephemeral/session_index.h"
#include "ephemeral/temp_rules.h"
#include "ephemeral/ttl_table.h"
#include "ephemeral/values.h"
#include "loop/flow.h"

#include <stdlib.h>

enum {
    DEFAULT_ENTRIES = 200000,
    COUNTED_NAMES = 65536, /* of each quota */
};

struct memory_store {
    struct ephemeral_store store; /* first */
    struct ephemeral_options options;
    struct memory_nonces *nonces;
    struct ttl_table *temps;
    struct ttl_table *sessions; /* under their handles */
    struct session_index *users;
    struct ttl_table *blobs;
    struct count_table *counts[QUOTA_COUNT];
};

/* A loop's view. */
struct memory_view {
    struct ephemeral view; /* first */
    struct memory_store *store;
    struct memory_nonce_view *nonces;
};

static struct memory_store *store_of(const struct ephemeral *view)
{
    return ((const struct memory_view *)view)->store;
}

static int64_t now_of(struct memory_store *store)
{
    return memory_nonces_now_ms(store->nonces);
}

static int64_t memory_now_ms(const struct ephemeral *view)
{
    return now_of(store_of(view));
}

static int64_t memory_clock_ahead_ms(const struct ephemeral *view)
{
    (void)view;
    return 0;
}

static void complete_ticket(struct ticket ticket, enum status status)
{
    ticket_complete(ticket, status, NULL, NULL);
}

/* ---- nonces ---- */

static struct nonce_trouble memory_trouble(struct ephemeral *view)
{
    return memory_nonce_trouble(((struct memory_view *)view)->nonces);
}

static void memory_spend_nonce_start(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket)
{
    memory_nonce_spend_start(((struct memory_view *)view)->nonces, nonce, ticket);
}

/* ---- temporary credentials ---- */

static void memory_temp_create_start(struct ephemeral *view, const struct temp_new *new, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    int64_t now_ms = now_of(store);
    const struct temp_credential fresh = temp_credential_of(new, now_ms);
    struct temp_credential *temp = temp_credential_copy(&fresh);
    enum status status = STATUS_NO_MEMORY;
    if (temp) {
        ttl_table_lock(store->temps);
        status = ttl_table_add(store->temps, new->token, temp, now_ms + store->options.temp_ttl_ms * 2, now_ms);
        ttl_table_unlock(store->temps);
    }
    if (status != STATUS_OK)
        temp_credential_free(temp);
    complete_ticket(ticket, status);
}

static bool is_expired(const struct memory_store *store, const struct temp_credential *temp, int64_t now_ms)
{
    return now_ms - temp->created_ms >= store->options.temp_ttl_ms;
}

/* Finds, changes and copies a value in one atomic step. */
static enum status change_temp(struct memory_store *store, struct slice token, temp_rule_fn rule,
                               const struct temp_change *with, struct temp_credential **ret_copy)
{
    int64_t now_ms = now_of(store);
    bool is_changed = false;
    void **place = ttl_table_find(store->temps, token, now_ms);
    if (!place)
        return STATUS_TOKEN_REJECTED;
    struct temp_credential changed = *(struct temp_credential *)*place;
    changed.expired = is_expired(store, &changed, now_ms);
    enum status status = rule(&changed, with, &is_changed);
    if (is_changed) {
        struct temp_credential *replacement = temp_credential_copy(&changed);
        if (!replacement)
            return STATUS_NO_MEMORY;
        temp_credential_free(*place);
        *place = replacement;
    }
    if (status != STATUS_OK)
        return status;
    *ret_copy = temp_credential_copy(is_changed ? *place : &changed);
    return *ret_copy ? STATUS_OK : STATUS_NO_MEMORY;
}

static void run_change(struct ephemeral *view, struct slice token, temp_rule_fn rule, const struct temp_change *with,
                       struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    struct temp_credential *copy = NULL;
    ttl_table_lock(store->temps);
    enum status status = change_temp(store, token, rule, with, &copy);
    ttl_table_unlock(store->temps);
    ticket_complete(ticket, status, copy, temp_credential_free);
}

static void memory_temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id UNUSED,
                                   struct ticket ticket)
{
    run_change(view, token, temp_rule_look, NULL, ticket);
}

static void memory_temp_grant_start(struct ephemeral *view, const struct temp_credential *temp,
                                    const struct temp_grant *with, struct ticket ticket)
{
    run_change(view, temp->token, temp_rule_grant, &(struct temp_change){.grant = *with}, ticket);
}

static void memory_temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                                   struct ticket ticket)
{
    run_change(view, temp->token, temp_rule_deny, &(struct temp_change){.user = user}, ticket);
}

static void memory_temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                                  struct ticket ticket)
{
    run_change(view, temp->token, temp_rule_try, &(struct temp_change){.verifier = verifier}, ticket);
}

static void memory_temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp,
                                        struct ticket ticket)
{
    run_change(view, temp->token, temp_rule_exchange, NULL, ticket);
}

/* ---- sessions ---- */

/* Adds a value that was copied for the table. Frees it if it cannot be added. */
static enum status add_to_table(struct ttl_table *table, struct slice name, void *value,
                                void (*free_value)(void *value), int64_t expires_ms, int64_t now_ms)
{
    if (!value)
        return STATUS_NO_MEMORY;
    ttl_table_lock(table);
    enum status status = ttl_table_add(table, name, value, expires_ms, now_ms);
    ttl_table_unlock(table);
    if (status != STATUS_OK)
        free_value(value);
    return status;
}

static void drop_session(struct memory_store *store, struct slice handle)
{
    ttl_table_lock(store->sessions);
    session_free(ttl_table_take(store->sessions, handle, now_of(store)));
    ttl_table_unlock(store->sessions);
}

/* Its user knows of it before it is there: none is ever left out of his list. */
static enum status create_session(struct memory_store *store, struct slice id, const struct session *session,
                                  int64_t ttl_ms)
{
    int64_t now_ms = now_of(store);
    struct session fresh = *session;
    struct indexed_session indexed = {.expires_ms = now_ms + ttl_ms};
    struct indexed_session dropped = {0};
    fresh.created_ms = now_ms;
    TRY(session_handle(id, indexed.handle));
    struct slice handle = slice_of(indexed.handle, SESSION_HANDLE_BYTES);
    TRY(session_index_add(store->users, session->user, &indexed, now_ms, &dropped));
    TRY(add_to_table(store->sessions, handle, session_copy(&fresh), session_free, indexed.expires_ms, now_ms));
    if (dropped.handle[0])
        drop_session(store, slice_of(dropped.handle, SESSION_HANDLE_BYTES));
    return STATUS_OK;
}

static void memory_session_create_start(struct ephemeral *view, struct slice id, const struct session *session,
                                        int64_t ttl_ms, struct ticket ticket)
{
    complete_ticket(ticket, create_session(store_of(view), id, session, ttl_ms));
}

static enum status find_session(struct memory_store *store, struct slice id, struct session **ret_copy)
{
    char handle[SESSION_HANDLE_BYTES];
    TRY(session_handle(id, handle));
    ttl_table_lock(store->sessions);
    void **place = ttl_table_find(store->sessions, slice_of(handle, sizeof handle), now_of(store));
    if (place)
        *ret_copy = session_copy(*place);
    ttl_table_unlock(store->sessions);
    return *ret_copy ? STATUS_OK : place ? STATUS_NO_MEMORY : STATUS_NOT_FOUND;
}

static void memory_session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct session *copy = NULL;
    enum status status = find_session(store_of(view), id, &copy);
    ticket_complete(ticket, status, copy, session_free);
}

static void memory_session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    char handle[SESSION_HANDLE_BYTES];
    enum status status = session_handle(id, handle);
    if (status == STATUS_OK)
        drop_session(store_of(view), slice_of(handle, sizeof handle));
    complete_ticket(ticket, status);
}

/* The live session of this handle, if it is this user's; the table is locked. */
static const struct session *find_users(struct memory_store *store, int64_t user, struct slice handle)
{
    void **place = ttl_table_find(store->sessions, handle, now_of(store));
    const struct session *session = place ? *place : NULL;
    return session && session->user == user ? session : NULL;
}

static enum status list_sessions(struct memory_store *store, int64_t user, struct session_list *list)
{
    struct indexed_session indexed[SESSIONS_OF_A_USER];
    size_t count = session_index_list(store->users, user, now_of(store), indexed);
    enum status status = STATUS_OK;
    ttl_table_lock(store->sessions);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct session *session = find_users(store, user, slice_of(indexed[i].handle, SESSION_HANDLE_BYTES));
        if (session)
            status = session_list_add(list, indexed[i].handle, session);
    }
    ttl_table_unlock(store->sessions);
    return status;
}

static void memory_session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket)
{
    struct session_list *list = session_list_new();
    enum status status = list ? list_sessions(store_of(view), user, list) : STATUS_NO_MEMORY;
    ticket_complete(ticket, status, list, session_list_free);
}

static void memory_session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    ttl_table_lock(store->sessions);
    bool is_users = find_users(store, user, handle);
    if (is_users)
        session_free(ttl_table_take(store->sessions, handle, now_of(store)));
    ttl_table_unlock(store->sessions);
    complete_ticket(ticket, is_users ? STATUS_OK : STATUS_NOT_FOUND);
}

static enum status keep_session(struct memory_store *store, struct slice id, int64_t user_version)
{
    char handle[SESSION_HANDLE_BYTES];
    TRY(session_handle(id, handle));
    ttl_table_lock(store->sessions);
    void **place = ttl_table_find(store->sessions, slice_of(handle, sizeof handle), now_of(store));
    if (place)
        ((struct session *)*place)->user_version = user_version;
    ttl_table_unlock(store->sessions);
    return place ? STATUS_OK : STATUS_NOT_FOUND;
}

static void memory_session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version,
                                      struct ticket ticket)
{
    complete_ticket(ticket, keep_session(store_of(view), id, user_version));
}

/* ---- blobs ---- */

static void memory_blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                                  struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    int64_t now_ms = now_of(store);
    complete_ticket(ticket, add_to_table(store->blobs, id, ephemeral_blob_copy(bytes), ephemeral_blob_free,
                                         now_ms + ttl_ms, now_ms));
}

static void memory_blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    struct ephemeral_blob *copy = NULL;
    ttl_table_lock(store->blobs);
    void **place = ttl_table_find(store->blobs, id, now_of(store));
    if (place)
        copy = ephemeral_blob_copy(((const struct ephemeral_blob *)*place)->bytes);
    ttl_table_unlock(store->blobs);
    ticket_complete(ticket, copy ? STATUS_OK : place ? STATUS_NO_MEMORY : STATUS_NOT_FOUND, copy, ephemeral_blob_free);
}

static enum status replace_blob(struct memory_store *store, struct slice id, struct slice old_bytes, struct slice bytes)
{
    void **place = ttl_table_find(store->blobs, id, now_of(store));
    if (!place)
        return STATUS_NOT_FOUND;
    if (!ct_equal(((const struct ephemeral_blob *)*place)->bytes, old_bytes))
        return STATUS_CONFLICT;
    struct ephemeral_blob *blob = ephemeral_blob_copy(bytes);
    if (!blob)
        return STATUS_NO_MEMORY;
    ephemeral_blob_free(*place);
    *place = blob;
    return STATUS_OK;
}

static void memory_blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes,
                                      struct slice bytes, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    ttl_table_lock(store->blobs);
    enum status status = replace_blob(store, id, old_bytes, bytes);
    ttl_table_unlock(store->blobs);
    complete_ticket(ticket, status);
}

static void memory_blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    ttl_table_lock(store->blobs);
    struct ephemeral_blob *blob = ttl_table_take(store->blobs, id, now_of(store));
    ttl_table_unlock(store->blobs);
    ticket_complete(ticket, blob ? STATUS_OK : STATUS_NOT_FOUND, blob, ephemeral_blob_free);
}

/* ---- counters ---- */

static void memory_count_start(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                               struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    int64_t now_ms = now_of(store);
    int64_t ends_ms = 0;
    struct ephemeral_count *result = calloc(1, sizeof *result);
    if (!result) {
        complete_ticket(ticket, STATUS_NO_MEMORY);
        return;
    }
    result->count = count_table_add(store->counts[quota], name, window_ms, now_ms, &ends_ms);
    result->reset_s = (ends_ms - now_ms + 999) / 1000;
    ticket_complete(ticket, STATUS_OK, result, ephemeral_count_free);
}

static void memory_count_back_start(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket)
{
    count_table_take_back(store_of(view)->counts[quota], name, now_of(store_of(view)));
    complete_ticket(ticket, STATUS_OK);
}

/* ---- the end of a client or user ---- */

static bool is_clients(const void *value, const void *client_id)
{
    return slice_eq(((const struct temp_credential *)value)->client_id, *(const struct slice *)client_id);
}

static bool is_users_temp(const void *value, const void *user)
{
    return ((const struct temp_credential *)value)->user == *(const int64_t *)user;
}

static bool is_users_session(const void *value, const void *user)
{
    return ((const struct session *)value)->user == *(const int64_t *)user;
}

static void drop_matching(struct ttl_table *table, bool (*matches)(const void *value, const void *context),
                          const void *context)
{
    ttl_table_lock(table);
    ttl_table_drop(table, matches, context);
    ttl_table_unlock(table);
}

static void memory_end_start(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket)
{
    struct memory_store *store = store_of(view);
    uint64_t number = 0;
    if (party == EPHEMERAL_CLIENT) {
        drop_matching(store->temps, is_clients, &id);
    } else if (slice_to_u64(id, INT64_MAX, &number)) {
        int64_t user = (int64_t)number;
        drop_matching(store->temps, is_users_temp, &user);
        drop_matching(store->sessions, is_users_session, &user);
    }
    complete_ticket(ticket, STATUS_OK);
}

static void memory_ping_start(struct ephemeral *view, struct ticket ticket)
{
    (void)view;
    complete_ticket(ticket, STATUS_OK);
}

/* ---- views and the store ---- */

static void memory_view_free(struct ephemeral *view)
{
    memory_nonce_view_free(((struct memory_view *)view)->nonces);
    free(view);
}

static const struct ephemeral_ops view_ops = {
    .view_free = memory_view_free,
    .now_ms = memory_now_ms,
    .trouble = memory_trouble,
    .clock_ahead_ms = memory_clock_ahead_ms,
    .nonce_spend_start = memory_spend_nonce_start,
    .temp_create_start = memory_temp_create_start,
    .temp_find_start = memory_temp_find_start,
    .temp_grant_start = memory_temp_grant_start,
    .temp_deny_start = memory_temp_deny_start,
    .temp_try_start = memory_temp_try_start,
    .temp_exchanged_start = memory_temp_exchanged_start,
    .session_create_start = memory_session_create_start,
    .session_find_start = memory_session_find_start,
    .session_delete_start = memory_session_delete_start,
    .session_list_start = memory_session_list_start,
    .session_end_start = memory_session_end_start,
    .session_keep_start = memory_session_keep_start,
    .blob_put_start = memory_blob_put_start,
    .blob_find_start = memory_blob_find_start,
    .blob_replace_start = memory_blob_replace_start,
    .blob_take_start = memory_blob_take_start,
    .count_start = memory_count_start,
    .count_back_start = memory_count_back_start,
    .end_start = memory_end_start,
    .ping_start = memory_ping_start,
};

static enum status memory_view_new(struct ephemeral_store *base, struct loop *loop, struct ephemeral **ret_view)
{
    struct memory_view *view = calloc(1, sizeof *view);
    if (!view)
        return STATUS_NO_MEMORY;
    view->view.ops = &view_ops;
    view->store = (struct memory_store *)base;
    view->nonces = memory_nonce_view_new(view->store->nonces, loop);
    if (!view->nonces) {
        free(view);
        return STATUS_NO_MEMORY;
    }
    *ret_view = &view->view;
    return STATUS_OK;
}

static enum status memory_save_blocking(struct ephemeral_store *base)
{
    return memory_nonces_save_blocking(((struct memory_store *)base)->nonces);
}

static void memory_store_free(struct ephemeral_store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    memory_nonces_free(store->nonces);
    ttl_table_free(store->temps);
    ttl_table_free(store->sessions);
    session_index_free(store->users);
    ttl_table_free(store->blobs);
    for (size_t i = 0; i < QUOTA_COUNT; i++)
        count_table_free(store->counts[i]);
    free(store);
}

static const struct ephemeral_store_ops store_ops = {
    .view_new = memory_view_new, .save_blocking = memory_save_blocking, .free = memory_store_free};

static enum status open_memory_store(struct memory_store *store)
{
    const struct ephemeral_options *options = &store->options;
    size_t entries = options->max_entries ? options->max_entries : DEFAULT_ENTRIES;
    store->temps = ttl_table_new(entries, temp_credential_free);
    store->sessions = ttl_table_new(entries, session_free);
    store->blobs = ttl_table_new(entries, ephemeral_blob_free);
    store->users = session_index_new(entries);
    if (!store->temps || !store->sessions || !store->users || !store->blobs)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < QUOTA_COUNT; i++) {
        store->counts[i] = count_table_new(COUNTED_NAMES);
        if (!store->counts[i])
            return STATUS_NO_MEMORY;
    }
    return memory_nonces_open_blocking(options, &store->nonces);
}

static void explain_open(const struct nonce_ledger *ledger, enum status status, struct buf *why)
{
    bool is_of_ledger = status == STATUS_STORE_DOWN || status == STATUS_STORE_CORRUPT;
    const char *told = is_of_ledger && ledger->last_error ? ledger->last_error(ledger) : "";
    buf_addf(why, "the nonces of the last run cannot be taken over: %s", told[0] ? told : status_text(status));
}

/* STATUS_NO_MEMORY, STATUS_NO_RANDOMNESS, and the ledger's errors. */
static enum status memory_store_open_blocking(struct slice url, const struct ephemeral_options *options,
                                              struct buf *why, struct ephemeral_store **ret_store)
{
    (void)url;
    struct memory_store *store = calloc(1, sizeof *store);
    if (!store)
        return STATUS_NO_MEMORY;
    store->store.ops = &store_ops;
    store->options = *options;
    enum status status = open_memory_store(store);
    if (status != STATUS_OK) {
        explain_open(options->ledger, status, why);
        memory_store_free(&store->store);
        return status;
    }
    *ret_store = &store->store;
    return STATUS_OK;
}

const struct ephemeral_backend ephemeral_memory_backend = {.open_blocking = memory_store_open_blocking};
