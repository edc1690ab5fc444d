#include "cache/cache_process.h"

#include <stdlib.h>

enum {
    LOAD_TIMEOUT_MS =
        150, /* before whoever waits gives up (STORE_TIMEOUT_MS), so that he may be served what there is */
    TRIES_MAX = 4,
};

/* Somebody who waits for a load, maybe on another loop. */
struct cache_wait {
    struct loop_message message; /* first */
    struct cache_wait *next;
    struct credential_view *view;
    struct ticket ticket;
    enum status status;
    struct cache_entry *entry; /* held; NULL where the status is not OK */
    bool keep;
};

/* One question to the store. On the thread of the loop that asked first; what is marked is under the cache's lock. */
struct cache_load {
    LIST_ENTRY(cache_load) in_bucket; /* lock */
    struct credential_cache *cache;
    struct credential_view *view;
    struct flow flow;
    struct credential_key key;
    uint64_t hash;
    uint64_t client_hash;     /* the subject that the key names */
    struct cache_wait *waits; /* lock */
    uint64_t resets;
    uint64_t moment; /* of the recent changes, when the store was asked */
    int64_t asked_ms;
    unsigned tries;
    bool current; /* asks for all that is committed */
    bool again;
    char bytes[]; /* of the key */
};

/* ---- who waits ---- */

/* On the loop of whoever waits. */
static void on_load_answer(struct loop_message *message)
{
    struct cache_wait *wait = (struct cache_wait *)message;
    struct cached *cached = wait->entry ? cache_view_add(wait->view, wait->entry, wait->keep) : NULL;
    if (wait->status == STATUS_OK && !cached)
        wait->status = STATUS_NO_MEMORY;
    ticket_complete(wait->ticket, wait->status, cached, cached_release);
    free(wait);
}

/* Takes over the caller's hold on the entry (NULL: there is none). */
static void answer_waits(struct cache_load *load, struct cache_wait *waits, enum status status,
                         struct cache_entry *entry, bool keep)
{
    for (struct cache_wait *next = NULL; waits; waits = next) {
        next = waits->next;
        waits->status = status;
        waits->entry = entry ? cache_entry_hold(entry) : NULL;
        waits->keep = keep;
        if (waits->view == load->view)
            on_load_answer(&waits->message);
        else
            loop_post(waits->view->loop, &waits->message);
    }
    if (entry)
        cache_entry_release(entry);
}

/* Under the lock. False: no memory. */
static bool join_load(struct cache_load *load, struct credential_view *view, struct ticket ticket)
{
    struct cache_wait *wait = calloc(1, sizeof *wait);
    if (!wait)
        return false;
    *wait = (struct cache_wait){
        .message = {.deliver = on_load_answer}, .next = load->waits, .view = view, .ticket = ticket};
    load->waits = wait;
    return true;
}

/* ---- the answer ---- */

/* Under the lock: takes the load out, so that nobody can join it. */
static struct cache_wait *end_load(struct cache_load *load)
{
    LIST_REMOVE(load, in_bucket);
    return load->waits;
}

/* Under the lock: whether a replica may not have this subject's newest change yet. */
static bool may_lag(const struct cache_load *load, uint64_t subject_hash)
{
    const struct credential_cache *cache = load->cache;
    int64_t since_ms = load->asked_ms - cache->source->lag_ms;
    return cache->source->lag_ms > 0 && !load->current &&
           (cache->stood_ms > since_ms || recent_changes_after(&cache->recent, subject_hash, since_ms));
}

/* Under the lock: whether a change of what the entry says was told since the store was asked, or the answer may be from
 * before one. */
static bool is_overtaken(const struct cache_load *load, const struct cache_entry *entry)
{
    for (size_t i = 0; i < entry->subject_count; i++)
        if (recent_changes_since(&load->cache->recent, entry->subjects[i].hash, load->moment) ||
            may_lag(load, entry->subjects[i].hash))
            return true;
    return false;
}

/* Under the lock. A key that no row can have is not worth a place. */
static bool is_worth_keeping(const struct cache_load *load)
{
    return load->resets == load->cache->resets && atomic_load(&load->cache->state) != CACHE_OFF &&
           load->key.first.len <= IDENTIFIER_MAX_BYTES && load->key.second.len <= IDENTIFIER_MAX_BYTES;
}

static void take_entry(struct cache_load *load, struct cache_entry *entry)
{
    struct credential_cache *cache = load->cache;
    atomic_store(&cache->retry_at_ms, 0);
    pthread_mutex_lock(&cache->lock);
    bool overtaken = is_overtaken(load, entry);
    load->again = overtaken && load->tries < TRIES_MAX;
    if (load->again) {
        pthread_mutex_unlock(&cache->lock);
        load->current = true;
        cache_entry_release(entry);
        return;
    }
    bool keep = !overtaken && is_worth_keeping(load);
    if (keep)
        cache_table_add(&cache->table, cache_entry_hold(entry));
    struct cache_wait *waits = end_load(load);
    pthread_mutex_unlock(&cache->lock);
    if (overtaken) {
        cache_entry_release(entry);
        entry = NULL;
    }
    answer_waits(load, waits, overtaken ? STATUS_STORE_DOWN : STATUS_OK, entry, keep);
}

/* The store does not answer, so the entry that there is may be served if it is fresh enough. */
static void take_failure(struct cache_load *load, enum status status)
{
    struct credential_cache *cache = load->cache;
    int64_t now_ms = loop_now_ms(load->view->loop);
    if (status == STATUS_STORE_DOWN)
        atomic_store(&cache->retry_at_ms, now_ms + CACHE_RETRY_MS);
    pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = cache_table_find(&cache->table, &load->key, load->hash);
    bool served = entry && status == STATUS_STORE_DOWN && cache_is_servable(cache, entry, now_ms);
    if (served)
        (void)cache_entry_hold(entry);
    struct cache_wait *waits = end_load(load);
    pthread_mutex_unlock(&cache->lock);
    for (struct cache_wait *wait = waits; wait && served; wait = wait->next)
        cache_count(load->key.kind, CACHE_STALE);
    answer_waits(load, waits, served ? STATUS_OK : status, served ? entry : NULL, served);
}

/* The load's flow was cut, and so were the flows that wait for it. */
static void give_up(struct cache_load *load)
{
    pthread_mutex_lock(&load->cache->lock);
    struct cache_wait *waits = end_load(load);
    pthread_mutex_unlock(&load->cache->lock);
    answer_waits(load, waits, STATUS_STORE_DOWN, NULL, false);
}

/* ---- the question ---- */

static enum step_result ask_source(struct flow *flow)
{
    struct cache_load *load = flow_subject(flow);
    struct credential_cache *cache = load->cache;
    load->again = false;
    load->tries++;
    load->asked_ms = loop_now_ms(load->view->loop);
    pthread_mutex_lock(&cache->lock);
    load->resets = cache->resets;
    load->moment = cache->recent.count;
    load->current = load->current || may_lag(load, load->client_hash); /* this question is not asked */
    pthread_mutex_unlock(&cache->lock);
    cache->source->find_start(cache->source, &load->key, load->current, flow_wait(flow, LOAD_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result take_row(struct flow *flow)
{
    struct cache_load *load = flow_subject(flow);
    void *row = NULL;
    enum status status = flow_outcome(flow, &row);
    struct cache_entry *entry = NULL;
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        entry = cache_entry_new(&load->cache->hash_key, &load->key, row, load->asked_ms);
        status = entry ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (entry)
        take_entry(load, entry);
    else
        take_failure(load, status);
    return STEP_REPLY;
}

static const struct step steps[] = {{"ask", ask_source}, {"take", take_row}, {NULL, NULL}};

static void on_load_ended(struct flow *flow)
{
    struct cache_load *load = flow_subject(flow);
    if (flow_was_cut(flow)) {
        give_up(load);
    } else if (load->again) {
        flow_start(flow, load->view->loop, "credential_cache", steps, load, on_load_ended);
        return;
    }
    free(load);
}

static struct cache_load *new_load(struct credential_view *view, const struct credential_key *key, uint64_t hash)
{
    struct cache_load *load = calloc(1, sizeof *load + key->first.len + key->second.len);
    if (!load)
        return NULL;
    load->cache = view->cache;
    load->view = view;
    load->hash = hash;
    load->client_hash = cache_subject_hash(&view->cache->hash_key, CHANGE_CLIENT, key->first);
    load->key = (struct credential_key){key->kind, slice_of(load->bytes, key->first.len),
                                        slice_of(load->bytes + key->first.len, key->second.len)};
    if (key->first.len)
        memcpy(load->bytes, key->first.ptr, key->first.len);
    if (key->second.len)
        memcpy(load->bytes + key->first.len, key->second.ptr, key->second.len);
    return load;
}

/* Under the lock. */
static struct cache_load *find_load(struct cache_load_bucket *bucket, const struct credential_key *key, uint64_t hash)
{
    struct cache_load *load = NULL;
    LIST_FOREACH(load, bucket, in_bucket)
    if (load->hash == hash && cache_key_equal(&load->key, key))
        return load;
    return NULL;
}

/* Under the lock. The load to wait for, *ret_is_new if the caller has to start it; NULL: no memory. */
static struct cache_load *load_for(struct credential_view *view, const struct credential_key *key, uint64_t hash,
                                   const struct ticket *ticket, bool *ret_is_new)
{
    struct cache_load_bucket *bucket = &view->cache->loads[hash % CACHE_LOAD_BUCKETS];
    struct cache_load *load = find_load(bucket, key, hash);
    *ret_is_new = !load;
    if (!load)
        load = new_load(view, key, hash);
    if (load && ticket && !join_load(load, view, *ticket)) {
        if (*ret_is_new)
            free(load);
        return NULL;
    }
    if (load && *ret_is_new)
        LIST_INSERT_HEAD(bucket, load, in_bucket);
    return load;
}

void cache_load_start(struct credential_view *view, const struct credential_key *key, uint64_t hash,
                      const struct ticket *ticket)
{
    struct credential_cache *cache = view->cache;
    bool is_new = false;
    pthread_mutex_lock(&cache->lock);
    struct cache_load *load = load_for(view, key, hash, ticket, &is_new);
    pthread_mutex_unlock(&cache->lock);
    if (!load && ticket)
        ticket_complete(*ticket, STATUS_NO_MEMORY, NULL, NULL);
    if (!load || !is_new)
        return;
    flow_start(&load->flow, view->loop, "credential_cache", steps, load, on_load_ended);
}
