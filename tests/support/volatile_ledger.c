#include "support/volatile_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct volatile_ledger *of(struct nonce_ledger *ledger)
{
    return (struct volatile_ledger *)ledger;
}

static enum status open_blocking(struct nonce_ledger *base, const struct nonce_begin *begin,
                                 struct nonce_state *ret_state)
{
    struct volatile_ledger *ledger = of(base);
    if (atomic_load(&ledger->is_away))
        return STATUS_STORE_DOWN;
    *ret_state = (struct nonce_state){.opening = ledger->row.exists ? NONCES_LOST : NONCES_FIRST};
    if (ledger->row.exists)
        accepted_ranges_guard_all(&ledger->row.ranges);
    ledger->row.exists = ledger->row.is_used = true;
    (void)snprintf(ledger->row.epoch, sizeof ledger->row.epoch, "%.*s", SLICE_ARGS(begin->epoch));
    ret_state->ranges = ledger->row.ranges;
    return STATUS_OK;
}

/* Saves nothing: the next start has lost all. */
static enum status save_blocking(struct nonce_ledger *base, struct slice name, struct slice epoch,
                                 const struct nonce_state *state)
{
    (void)base, (void)name, (void)epoch, (void)state;
    return STATUS_OK;
}

static void refresh_user(struct volatile_ledger *ledger, const struct nonce_user *user)
{
    for (size_t i = 0; i < ledger->user_count; i++)
        if (strcmp(ledger->users[i].id, user->id) == 0) {
            ledger->users[i] = *user;
            return;
        }
    if (ledger->user_count < sizeof ledger->users / sizeof ledger->users[0])
        ledger->users[ledger->user_count++] = *user;
}

static enum status keep(struct volatile_ledger *ledger, const struct nonce_keep *keep, struct accepted_ranges *ranges)
{
    if (!slice_eq(slice_str(ledger->row.epoch), keep->epoch))
        return STATUS_CONFLICT;
    for (size_t i = 0; i < keep->wanted_count; i++)
        accepted_ranges_raise(&ledger->row.ranges, keep->wanted[i]);
    accepted_ranges_raise_span(&ledger->row.ranges, &keep->away);
    if (keep->user)
        refresh_user(ledger, keep->user);
    atomic_fetch_add(&ledger->kept, keep->wanted_count > 0);
    *ranges = ledger->row.ranges;
    return STATUS_OK;
}

static enum status keep_blocking(struct nonce_ledger *base, const struct nonce_keep *wanted,
                                 struct accepted_ranges *ret_ranges)
{
    struct volatile_ledger *ledger = of(base);
    if (atomic_load(&ledger->is_away))
        return STATUS_STORE_DOWN;
    (void)pthread_mutex_lock(&ledger->lock);
    enum status status = keep(ledger, wanted, ret_ranges);
    (void)pthread_mutex_unlock(&ledger->lock);
    return status;
}

static void forget_users(struct volatile_ledger *ledger)
{
    size_t left = 0;
    for (size_t i = 0; i < ledger->user_count; i++)
        if (ledger->users[i].id[0])
            ledger->users[left++] = ledger->users[i];
    ledger->user_count = left;
}

static enum status decide_blocking(struct nonce_ledger *base, struct slice name, nonce_decide_fn decide, void *context)
{
    struct volatile_ledger *ledger = of(base);
    (void)name;
    if (atomic_load(&ledger->is_away))
        return STATUS_STORE_DOWN;
    (void)pthread_mutex_lock(&ledger->lock);
    struct nonce_users users = {.items = ledger->users, .count = ledger->user_count};
    enum status status = decide(context, &ledger->row, &users);
    forget_users(ledger);
    (void)pthread_mutex_unlock(&ledger->lock);
    return status;
}

static enum status decide_part_blocking(struct nonce_ledger *base, struct slice name, unsigned part,
                                        nonce_decide_part_fn decide, void *context)
{
    struct volatile_ledger *ledger = of(base);
    (void)name;
    if (atomic_load(&ledger->is_away))
        return STATUS_STORE_DOWN;
    (void)pthread_mutex_lock(&ledger->lock);
    struct nonce_users users = {.items = ledger->users, .count = ledger->user_count};
    enum status status = decide(context, &ledger->row, &ledger->parts[part], &users);
    forget_users(ledger);
    (void)pthread_mutex_unlock(&ledger->lock);
    return status;
}

static enum status read_parts_blocking(struct nonce_ledger *base, struct slice name, struct nonce_row *ret_whole,
                                       struct nonce_parts *ret_parts)
{
    struct volatile_ledger *ledger = of(base);
    (void)name;
    if (atomic_load(&ledger->is_away))
        return STATUS_STORE_DOWN;
    (void)pthread_mutex_lock(&ledger->lock);
    *ret_whole = ledger->row;
    for (size_t i = 0; i < NONCE_PARTS; i++)
        memcpy(ret_parts->epochs[i], ledger->parts[i].epoch, NONCE_EPOCH_ID_BYTES);
    (void)pthread_mutex_unlock(&ledger->lock);
    return STATUS_OK;
}

static enum status leave_blocking(struct nonce_ledger *base, struct slice name, struct slice user_id)
{
    struct volatile_ledger *ledger = of(base);
    (void)name;
    for (size_t i = 0; i < ledger->user_count; i++)
        if (slice_eq(slice_str(ledger->users[i].id), user_id))
            ledger->users[i].id[0] = '\0';
    forget_users(ledger);
    return STATUS_OK;
}

void volatile_ledger_init(struct volatile_ledger *ledger)
{
    *ledger = (struct volatile_ledger){.ledger = {open_blocking, save_blocking, keep_blocking, decide_blocking,
                                                  decide_part_blocking, read_parts_blocking, leave_blocking, NULL}};
    (void)pthread_mutex_init(&ledger->lock, NULL);
}

void volatile_ledger_cover(struct volatile_ledger *ledger, int64_t low, int64_t high)
{
    const struct second_span span = {low, high};
    accepted_ranges_raise_span(&ledger->row.ranges, &span);
}
