#include "ephemeral/redis_nonces.h"

#include "crypto/mac.h"
#include "ephemeral/nonce_expiries.h"
#include "ephemeral/nonce_hash.h"
#include "ephemeral/nonce_key.h"
#include "ephemeral/redis_view.h"

#include <stdlib.h>

/* One nonce of a batch. */
struct spend {
    struct ticket ticket;
    int64_t second;
    unsigned shard;
    enum status verdict;
};

/* A set whose expiry was asked for. */
struct touch {
    int64_t second;
    unsigned shard;
};

/* What one turn of the loop spends. It is under way until everything that was sent for it has been answered. */
struct nonce_batch {
    struct redis_view *view;
    uint64_t generation;
    struct spend *spends;
    size_t count, capacity;
    struct touch *touches;
    size_t touch_count, touch_capacity;
    size_t judged, expired;   /* replies to SADD and EXPIREAT so far */
    size_t unanswered;        /* commands, and one while it is open */
    struct nonce_batch *next; /* in the same write */
    bool epoch_held;
    bool none_evicted;
    bool is_same_server;
    bool was_demoted; /* the server has become a replica, and may have taken another server's data */
};

/* ---- batches ---- */

static void free_batch(struct nonce_batch *batch)
{
    if (!batch)
        return;
    free(batch->spends);
    free(batch->touches);
    free(batch);
}

static struct nonce_batch *open_batch(struct redis_view *view)
{
    struct redis_nonces *nonces = &view->nonces;
    struct nonce_batch *batch = nonces->open;
    if (batch)
        return batch;
    batch = nonces->spare ? nonces->spare : calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    nonces->spare = NULL;
    *batch = (struct nonce_batch){.view = view,
                                  .generation = nonces->generation,
                                  .spends = batch->spends,
                                  .capacity = batch->capacity,
                                  .touches = batch->touches,
                                  .touch_capacity = batch->touch_capacity,
                                  .unanswered = 1};
    nonces->open = batch;
    return batch;
}

/* Room for one more item. */
static void *grow_items(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity ? *capacity * 2 : 32;
    void *grown = realloc(items, more * item_size);
    if (grown)
        *capacity = more;
    return grown;
}

static struct spend *add_spend(struct nonce_batch *batch)
{
    struct spend *grown = grow_items(batch->spends, batch->count, &batch->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    batch->spends = grown;
    return &batch->spends[batch->count];
}

static bool add_touch(struct nonce_batch *batch, const struct spend *spend)
{
    struct touch *grown = grow_items(batch->touches, batch->touch_count, &batch->touch_capacity, sizeof *grown);
    if (!grown)
        return false;
    batch->touches = grown;
    batch->touches[batch->touch_count++] = (struct touch){spend->second, spend->shard};
    return true;
}

static bool batch_counts(const struct nonce_batch *batch)
{
    return batch->epoch_held && batch->none_evicted && batch->is_same_server &&
           batch->generation == batch->view->nonces.generation;
}

/* Its sets may be there without an expiry: the server may have been flushed before it got the SADD. */
static void owe_expiries(struct nonce_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        nonce_expiries_mark(batch->view->nonces.expiries, NONCE_EXPIRY_OWED, batch->spends[i].second,
                            batch->spends[i].shard);
}

static void finish_batch(struct nonce_batch *batch)
{
    struct redis_view *view = batch->view;
    bool good = batch_counts(batch);
    if (!good)
        owe_expiries(batch);
    for (size_t i = 0; i < batch->count; i++)
        ticket_complete(batch->spends[i].ticket, good ? batch->spends[i].verdict : STATUS_STORE_DOWN, NULL, NULL);
    free_batch(view->nonces.spare);
    view->nonces.spare = batch;
}

static void note_answer(struct nonce_batch *batch)
{
    if (--batch->unanswered == 0)
        finish_batch(batch);
}

/* ---- what goes over the wire ---- */

enum { NUMBER_BYTES = 24 };

static struct slice write_decimal(char memory[NUMBER_BYTES], int64_t number)
{
    struct buf text = buf_fixed(memory, NUMBER_BYTES);
    buf_add_i64(&text, number);
    return buf_slice(&text);
}

static void on_nonce_added(void *context, const struct redisReply *reply)
{
    struct nonce_batch *batch = context;
    struct spend *spend = &batch->spends[batch->judged++];
    int64_t is_new = 0;
    spend->verdict = redis_reply_integer(reply, &is_new);
    if (slice_starts_with(redis_reply_error(reply), SLICE("READONLY")))
        batch->was_demoted = true;
    if (spend->verdict == STATUS_OK && is_new != 1)
        spend->verdict = is_new == 0 ? STATUS_NONCE_USED : STATUS_STORE_CORRUPT;
    note_answer(batch);
}

static void on_expiry_set(void *context, const struct redisReply *reply)
{
    struct nonce_batch *batch = context;
    const struct touch *touch = &batch->touches[batch->expired++];
    struct nonce_expiries *expiries = batch->view->nonces.expiries;
    int64_t is_set = 0;
    bool stands = redis_reply_integer(reply, &is_set) == STATUS_OK && is_set == 1 &&
                  batch->generation == batch->view->nonces.generation;
    nonce_expiries_mark(expiries, stands ? NONCE_EXPIRY_STANDS : NONCE_EXPIRY_OWED, touch->second, touch->shard);
    note_answer(batch);
}

static void on_epoch(void *context, const struct redisReply *reply)
{
    struct nonce_batch *batch = context;
    struct redis_view *view = batch->view;
    struct slice text = SLICE("");
    enum status status = redis_reply_text(reply, &text);
    batch->epoch_held = status == STATUS_OK && slice_eq(text, redis_settle_text(&view->settle));
    bool is_another =
        (!batch->epoch_held || batch->was_demoted) && reply && batch->generation == view->nonces.generation;
    note_answer(batch);
    if (is_another)
        redis_view_unsettle(view);
}

/* What INFO told. Where it does not hold, nonces of the epoch may be missing. */
static void end_question(struct nonce_batch *batch, bool is_answer, bool holds)
{
    struct redis_view *view = batch->view;
    bool is_loss = is_answer && !holds && view->nonces.is_settled && batch->generation == view->nonces.generation;
    note_answer(batch);
    if (!is_loss)
        return;
    redis_settle_break(&view->settle);
    redis_view_unsettle(view);
}

static void on_stats(void *context, const struct redisReply *reply)
{
    struct slice info = SLICE("");
    bool is_answer = redis_reply_text(reply, &info) == STATUS_OK;
    uint64_t evicted = redis_server_evicted(info);
    for (struct nonce_batch *batch = context, *next; batch; batch = next) {
        next = batch->next;
        batch->none_evicted = is_answer && evicted == batch->view->settle.server.evicted;
        end_question(batch, is_answer, batch->none_evicted);
    }
}

static void on_replication(void *context, const struct redisReply *reply)
{
    struct slice info = SLICE("");
    bool is_answer = redis_reply_text(reply, &info) == STATUS_OK;
    for (struct nonce_batch *batch = context, *next; batch; batch = next) {
        next = batch->next;
        batch->is_same_server = is_answer && redis_server_is_same(&batch->view->settle.server, info);
        end_question(batch, is_answer, batch->is_same_server);
    }
}

static struct slice set_key(const struct redis_view *view, char memory[NONCE_KEY_BYTES], int64_t second, unsigned shard)
{
    return view->is_part ? nonce_part_key(memory, second, view->part, shard) : nonce_key(memory, second, shard);
}

static enum status send_expiry(struct redis_view *view, int64_t second, unsigned shard, redis_done_fn done,
                               void *context)
{
    char key[NONCE_KEY_BYTES];
    char number[NUMBER_BYTES];
    const struct slice args[] = {SLICE("EXPIREAT"), set_key(view, key, second, shard),
                                 write_decimal(number, redis_nonces_expiry_s(second, view->settle.epoch.kept_s))};
    return redis_send(view->client, args, COUNT_OF(args), done, context);
}

static void touch_set(struct nonce_batch *batch, const struct spend *spend)
{
    struct redis_view *view = batch->view;
    struct nonce_expiries *expiries = view->nonces.expiries;
    if (nonce_expiries_has(expiries, NONCE_EXPIRY_STANDS, spend->second, spend->shard) ||
        nonce_expiries_has(expiries, NONCE_EXPIRY_ASKED, spend->second, spend->shard))
        return;
    bool is_added = add_touch(batch, spend);
    if (!is_added || send_expiry(view, spend->second, spend->shard, on_expiry_set, batch) != STATUS_OK) {
        batch->touch_count -= is_added; /* the replies are counted off against the touches */
        nonce_expiries_mark(expiries, NONCE_EXPIRY_OWED, spend->second, spend->shard);
        return;
    }
    nonce_expiries_mark(expiries, NONCE_EXPIRY_ASKED, spend->second, spend->shard);
    batch->unanswered++;
}

/* Ends the turn's batch with the GET of the epoch. NULL: there is none. */
static struct nonce_batch *end_batch(struct redis_view *view)
{
    const struct slice args[] = {SLICE("GET"), redis_settle_key(&view->settle)};
    struct nonce_batch *batch = view->nonces.open;
    if (!batch)
        return NULL;
    view->nonces.open = NULL;
    for (size_t i = 0; i < batch->count; i++)
        touch_set(batch, &batch->spends[i]);
    for (size_t i = 0; i < batch->touch_count; i++)
        nonce_expiries_unmark(view->nonces.expiries, NONCE_EXPIRY_ASKED, batch->touches[i].second,
                              batch->touches[i].shard);
    if (redis_send(view->client, args, COUNT_OF(args), on_epoch, batch) == STATUS_OK)
        batch->unanswered++;
    return batch;
}

/* Asked behind the nonces, so that whatever has happened before shows. Ends the closing of these batches. */
static void ask_server(struct redis_client *client, struct nonce_batch *batches)
{
    static const struct slice stats[] = {SLICE_INIT("INFO"), SLICE_INIT("stats")};
    static const struct slice replication[] = {SLICE_INIT("INFO"), SLICE_INIT("replication")};
    if (!batches)
        return;
    size_t asked = redis_send(client, stats, COUNT_OF(stats), on_stats, batches) == STATUS_OK;
    asked += redis_send(client, replication, COUNT_OF(replication), on_replication, batches) == STATUS_OK;
    for (struct nonce_batch *batch = batches, *next; batch; batch = next) {
        next = batch->next;
        batch->unanswered += asked;
        note_answer(batch); /* the batch is closed */
    }
}

void redis_nonces_close_batch(struct redis_view *view)
{
    redis_nonces_close_batches(view, 1, view->client);
}

void redis_nonces_close_batches(struct redis_view *views, size_t count, struct redis_client *client)
{
    struct nonce_batch *batches = NULL;
    for (size_t i = 0; i < count; i++) {
        struct nonce_batch *batch = views[i].client == client ? end_batch(&views[i]) : NULL;
        if (!batch)
            continue;
        batch->next = batches;
        batches = batch;
    }
    ask_server(client, batches);
}

/* ---- spending ---- */

/* How often nonces that wait for the durable store are tried again although it says nothing: rule 8 may hold by now. */
enum { WAITS_LOOK_MS = AWAY_AFTER_MS / 4 };

/* What the caller has judged by the same clock; here it bounds what a set's expiry covers. */
static enum status check_second(const struct redis_view *view, int64_t second, int64_t now_ms)
{
    const struct ephemeral_options *options = &view->store->options;
    bool is_good = second <= (now_ms + options->lead_ms) / 1000 && second > now_ms / 1000 - 2 * options->skew_ms / 1000;
    return is_good ? STATUS_OK : STATUS_TIMESTAMP_REFUSED;
}

static enum nonce_judgement judge_second(struct redis_view *view, int64_t second, int64_t now_ms)
{
    struct redis_nonces *nonces = &view->nonces;
    const struct clock *clock = view->store->options.clock;
    if (nonces->is_provisional) {
        if (accepted_ranges_guard(&nonces->guarded, second))
            return NONCE_MUST_NOT;
        return nonce_guard_may_go_on(&view->guard, clock, second, now_ms) ? NONCE_MAY : NONCE_MUST_NOT;
    }
    if (view->is_part && accepted_ranges_guard(&nonces->guarded, second))
        return NONCE_MUST_NOT;
    if (strcmp(nonce_guard_epoch(&view->guard, view->part), nonces->epoch.id) != 0)
        return NONCE_WAITS;
    enum nonce_judgement judgement = nonce_guard_judge(&view->guard, second);
    if (judgement == NONCE_WAITS && nonce_guard_may_go_on(&view->guard, clock, second, now_ms))
        judgement = NONCE_MAY;
    /* by the ranges of this epoch: the keeper may have taken another one's meanwhile */
    bool is_still = strcmp(nonce_guard_epoch(&view->guard, view->part), nonces->epoch.id) == 0;
    return is_still ? judgement : NONCE_WAITS;
}

static enum status send_nonce(struct redis_view *view, const struct nonce *nonce, struct ticket ticket)
{
    struct redis_nonces *nonces = &view->nonces;
    struct nonce_hash hash;
    char key[NONCE_KEY_BYTES];
    char member[NUMBER_BYTES];
    TRY(nonce_hash(view->mac, slice_of(nonces->epoch.hash_key, NONCE_HASH_KEY_BYTES), nonce, &hash));
    struct nonce_batch *batch = open_batch(view);
    struct spend *spend = batch ? add_spend(batch) : NULL;
    if (!spend)
        return STATUS_NO_MEMORY;
    *spend = (struct spend){ticket, nonce->timestamp_s, hash.spread % nonces->epoch.shards, STATUS_STORE_DOWN};
    const struct slice args[] = {SLICE("SADD"), set_key(view, key, spend->second, spend->shard),
                                 write_decimal(member, (int64_t)hash.value)};
    TRY(redis_send(view->client, args, COUNT_OF(args), on_nonce_added, batch));
    batch->count++;
    batch->unanswered++;
    return STATUS_OK;
}

/* NOT_FOUND: it is not known yet whether it may be sent. */
static enum status try_nonce(struct redis_view *view, const struct nonce *nonce, struct ticket ticket)
{
    enum redis_state state = redis_client_state(view->client);
    int64_t now_ms = redis_clock_now_ms(&view->clock);
    if (state == REDIS_CONNECTING || (state == REDIS_READY && !view->nonces.is_settled))
        return STATUS_NOT_FOUND;
    if (state == REDIS_DOWN || now_ms == 0)
        return STATUS_STORE_DOWN;
    TRY(check_second(view, nonce->timestamp_s, now_ms));
    switch (judge_second(view, nonce->timestamp_s, now_ms)) {
    case NONCE_MAY:
        return send_nonce(view, nonce, ticket);
    case NONCE_WAITS:
        return STATUS_NOT_FOUND;
    case NONCE_MUST_NOT:
    default:
        return STATUS_STORE_DOWN;
    }
}

static void wait_with_nonce(struct redis_view *view, const struct nonce *nonce, struct ticket ticket)
{
    if (view->nonces.is_settled && !view->waits.count)
        (void)!loop_timer_start(&view->waits_timer, WAITS_LOOK_MS);
    nonce_waits_add(&view->waits, nonce, ticket);
}

static void spend_nonce(void *context, const struct nonce *nonce, struct ticket ticket)
{
    struct redis_view *view = context;
    enum status status = try_nonce(view, nonce, ticket);
    if (status == STATUS_NOT_FOUND)
        wait_with_nonce(view, nonce, ticket);
    else if (status != STATUS_OK)
        ticket_complete(ticket, status, NULL, NULL);
}

void redis_nonces_retry(struct redis_view *view)
{
    nonce_waits_retry(&view->waits, spend_nonce, view);
}

void redis_nonce_spend_start(struct ephemeral *base, const struct nonce *nonce, struct ticket ticket)
{
    struct redis_view *view = redis_view_of(base);
    if (view->waits.count && nonce_guard_has_news(&view->guard)) /* in their order */
        redis_nonces_retry(view);
    spend_nonce(view, nonce, ticket);
}

/* ---- the epoch ---- */

struct owed {
    struct redis_view *view;
    struct touch touch;
};

static void on_owed_expiry(void *context, const struct redisReply *reply)
{
    struct owed *owed = context;
    int64_t is_set = 0;
    if (redis_reply_integer(reply, &is_set) == STATUS_OK) /* otherwise the expiry stays owed */
        nonce_expiries_unmark(owed->view->nonces.expiries, NONCE_EXPIRY_OWED, owed->touch.second, owed->touch.shard);
    free(owed);
}

static void send_owed(void *context, int64_t second, unsigned shard)
{
    struct owed *owed = malloc(sizeof *owed);
    if (!owed)
        return;
    *owed = (struct owed){context, {second, shard}};
    if (send_expiry(context, second, shard, on_owed_expiry, owed) != STATUS_OK)
        free(owed);
}

enum status redis_nonces_settle(struct redis_view *view)
{
    struct redis_nonces *nonces = &view->nonces;
    const struct redis_settle *settle = &view->settle;
    const struct redis_epoch *epoch = &settle->epoch;
    bool is_new = strcmp(nonces->epoch.id, epoch->id) != 0;
    if (nonces->expiries)
        nonce_expiries_each_owed(nonces->expiries, send_owed, view);
    if (!nonces->expiries || nonces->epoch.shards != epoch->shards) {
        struct nonce_expiries *expiries = nonce_expiries_new(epoch->shards);
        if (!expiries)
            return STATUS_NO_MEMORY;
        nonce_expiries_free(nonces->expiries);
        nonces->expiries = expiries;
    }
    if (is_new) {
        nonces->epoch = *epoch;
        nonces->generation++;
    }
    nonces->is_provisional = settle->is_provisional;
    nonces->guarded = settle->ranges;
    nonces->is_settled = true;
    return STATUS_OK;
}

void redis_nonces_unsettle(struct redis_view *view)
{
    redis_nonces_close_batch(view);
    view->nonces.is_settled = false;
    if (view->nonces.expiries)
        nonce_expiries_forget(view->nonces.expiries);
}

void redis_nonces_done(struct redis_nonces *nonces)
{
    free_batch(nonces->spare);
    nonce_expiries_free(nonces->expiries);
    explicit_bzero(nonces->epoch.hash_key, sizeof nonces->epoch.hash_key);
}
