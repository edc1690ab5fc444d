#include "support/faulty_ephemeral.h"

#include "loop/flow.h"

enum { NOBODY = -1 };

static struct faulty_ephemeral *faulty_of(struct ephemeral *view)
{
    return (struct faulty_ephemeral *)view;
}

/* The view to pass the call on to; NULL if it fails, which has been told then. */
static struct ephemeral *inner_for(struct ephemeral *view, struct ticket ticket)
{
    struct faulty_ephemeral *faulty = faulty_of(view);
    if (++faulty->calls != faulty->fail_at)
        return faulty->inner;
    ticket_complete(ticket, STATUS_STORE_DOWN, NULL, NULL);
    return NULL;
}

static int64_t now_ms(const struct ephemeral *view)
{
    const struct ephemeral *inner = ((const struct faulty_ephemeral *)view)->inner;
    return inner->ops->now_ms(inner);
}

static struct nonce_trouble trouble(struct ephemeral *view)
{
    return ephemeral_trouble(((struct faulty_ephemeral *)view)->inner);
}

static int64_t clock_ahead_ms(const struct ephemeral *view)
{
    return ephemeral_clock_ahead_ms(((const struct faulty_ephemeral *)view)->inner);
}

static void nonce_spend_start(struct ephemeral *view, const struct nonce *nonce, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_nonce_spend_start(inner, nonce, ticket);
}

static void temp_create_start(struct ephemeral *view, const struct temp_new *temp, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_create_start(inner, temp, ticket);
}

static void temp_find_start(struct ephemeral *view, struct slice token, struct slice client_id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_find_start(inner, token, client_id, ticket);
}

static void temp_grant_start(struct ephemeral *view, const struct temp_credential *temp, const struct temp_grant *grant,
                             struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_grant_start(inner, temp, grant, ticket);
}

static void temp_deny_start(struct ephemeral *view, const struct temp_credential *temp, int64_t user,
                            struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_deny_start(inner, temp, user, ticket);
}

static void temp_try_start(struct ephemeral *view, const struct temp_credential *temp, struct slice verifier,
                           struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_try_start(inner, temp, verifier, ticket);
}

static void temp_exchanged_start(struct ephemeral *view, const struct temp_credential *temp, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_temp_exchanged_start(inner, temp, ticket);
}

static void session_create_start(struct ephemeral *view, struct slice id, const struct session *session, int64_t ttl_ms,
                                 struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_create_start(inner, id, session, ttl_ms, ticket);
}

static void session_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_find_start(inner, id, ticket);
}

static void session_list_start(struct ephemeral *view, int64_t user, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_list_start(inner, faulty_of(view)->loses_lists ? NOBODY : user, ticket);
}

static void session_end_start(struct ephemeral *view, int64_t user, struct slice handle, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_end_start(inner, user, handle, ticket);
}

static void session_keep_start(struct ephemeral *view, struct slice id, int64_t user_version, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_keep_start(inner, id, user_version, ticket);
}

static void session_delete_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_session_delete_start(inner, id, ticket);
}

static void blob_put_start(struct ephemeral *view, struct slice id, struct slice bytes, int64_t ttl_ms,
                           struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_blob_put_start(inner, id, bytes, ttl_ms, ticket);
}

static void blob_find_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_blob_find_start(inner, id, ticket);
}

static void blob_replace_start(struct ephemeral *view, struct slice id, struct slice old_bytes, struct slice bytes,
                               struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_blob_replace_start(inner, id, old_bytes, bytes, ticket);
}

static void blob_take_start(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_blob_take_start(inner, id, ticket);
}

static void count_start(struct ephemeral *view, enum quota quota, struct slice name, int64_t window_ms,
                        struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_count_start(inner, quota, name, window_ms, ticket);
}

static void count_back_start(struct ephemeral *view, enum quota quota, struct slice name, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_count_back_start(inner, quota, name, ticket);
}

static void end_start(struct ephemeral *view, enum ephemeral_party party, struct slice id, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_end_start(inner, party, id, ticket);
}

static void ping_start(struct ephemeral *view, struct ticket ticket)
{
    struct ephemeral *inner = inner_for(view, ticket);
    if (inner)
        ephemeral_ping_start(inner, ticket);
}

static const struct ephemeral_ops ops = {
    .now_ms = now_ms,
    .trouble = trouble,
    .clock_ahead_ms = clock_ahead_ms,
    .nonce_spend_start = nonce_spend_start,
    .temp_create_start = temp_create_start,
    .temp_find_start = temp_find_start,
    .temp_grant_start = temp_grant_start,
    .temp_deny_start = temp_deny_start,
    .temp_try_start = temp_try_start,
    .temp_exchanged_start = temp_exchanged_start,
    .session_create_start = session_create_start,
    .session_find_start = session_find_start,
    .session_delete_start = session_delete_start,
    .session_list_start = session_list_start,
    .session_end_start = session_end_start,
    .session_keep_start = session_keep_start,
    .blob_put_start = blob_put_start,
    .blob_find_start = blob_find_start,
    .blob_replace_start = blob_replace_start,
    .blob_take_start = blob_take_start,
    .count_start = count_start,
    .count_back_start = count_back_start,
    .end_start = end_start,
    .ping_start = ping_start,
};

void faulty_ephemeral_init(struct faulty_ephemeral *faulty, struct ephemeral *inner)
{
    *faulty = (struct faulty_ephemeral){.view = {&ops}, .inner = inner};
}

void faulty_ephemeral_fail(struct faulty_ephemeral *faulty, unsigned nth)
{
    faulty->calls = 0;
    faulty->fail_at = nth;
}
