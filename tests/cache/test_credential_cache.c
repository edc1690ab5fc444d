#include "cache/credential_cache.h"

#include "base/metrics.h"
#include "changes/feed.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "loop/loop_group.h"
#include "support/fake_durable.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <stdlib.h>

enum { TTL_MS = 30000, MAX_ENTRIES = 100, ASKERS_MAX = 32, PATIENCE_MS = 20000 };

struct fixture {
    struct fake_clock clock;
    struct loop *loop;
    struct fake_durable store;
    struct change_feed feed;
    struct credential_cache *cache;
    struct credential_view *view;
};

static const struct change_feed_ops no_ops = {0};

static struct credential_cache *new_cache(struct fake_durable *store, struct loop *const *loops, size_t count,
                                          size_t max_entries)
{
    const struct credential_cache_options options = {&store->source, TTL_MS, max_entries, loops, count};
    struct credential_cache *cache = NULL;
    assert_status(credential_cache_new(&options, &cache), STATUS_OK);
    return cache;
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    fake_clock_init(&it->clock, 1790000000000);
    fake_durable_init(&it->store);
    it->loop = loop_new(&it->clock.clock, NULL);
    it->cache = new_cache(&it->store, &it->loop, 1, MAX_ENTRIES);
    it->view = credential_cache_view(it->cache, 0);
    it->feed.ops = &no_ops;
    credential_cache_listen(it->cache, &it->feed);
    change_feed_standing(&it->feed);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    credential_cache_free(it->cache);
    loop_free(it->loop);
    test_free(it);
    return 0;
}

/* ---- somebody who asks, as an endpoint does ---- */

struct asker {
    struct flow flow;
    struct credential_view *view;
    struct credential_key key;
    char token[32];
    struct credential_hold hold;
    unsigned *running; /* of those that are not done */
    bool from_memory;
    enum status status;
    bool is_known;
    int64_t version;
    char shared_key[1024]; /* the first */
    void (*at_reply)(struct asker *asker);
    void (*all_done)(void *context); /* instead of stopping the loop */
    void *context;
};

static enum step_result find(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    asker->from_memory = credential_find(asker->view, &asker->key, flow, &asker->hold);
    if (asker->from_memory)
        return STEP_NEXT;
    credential_find_start(asker->view, &asker->key, flow_wait(flow, PATIENCE_MS));
    return STEP_WAIT;
}

static void look_at(struct asker *asker)
{
    const struct credential_pair *pair = credential_pair_of(&asker->hold);
    const struct client *client = pair ? &pair->client : credential_client_of(&asker->hold);
    asker->is_known = client || credential_server_of(&asker->hold);
    if (pair)
        asker->is_known = pair->client_found && (pair->token_found || asker->key.second.len == 0);
    if (!client || client->secret_count == 0)
        return;
    struct slice key = credential_shared_keys(&asker->hold)[0];
    asker->version = client->version;
    memcpy(asker->shared_key, key.ptr, key.len);
    asker->shared_key[key.len] = '\0';
}

static enum step_result take(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    asker->status = credential_take(&asker->hold, flow, 0);
    if (asker->status == STATUS_OK)
        look_at(asker);
    if (asker->at_reply)
        asker->at_reply(asker);
    return STEP_REPLY;
}

static void ended(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    if (--*asker->running != 0)
        return;
    if (asker->all_done)
        asker->all_done(asker->context);
    else
        loop_stop(flow_loop(flow));
}

static void start(struct asker *asker, struct credential_view *view, struct loop *loop,
                  const struct credential_key *key, unsigned *running)
{
    static const struct step steps[] = {{"find", find}, {"take", take}, {NULL, NULL}};
    asker->view = view;
    asker->key = *key;
    asker->running = running;
    ++*running;
    flow_start(&asker->flow, loop, "test", steps, asker, ended);
}

static void stop(void *loop)
{
    loop_stop(loop);
}

/* Lets the loop run for real milliseconds. */
static void run_ms(struct fixture *it, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, it->loop, stop, it->loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(it->loop);
    loop_timer_done(&timer);
}

static struct credential_key pair_key(const char *client_id, const char *token)
{
    return (struct credential_key){CREDENTIAL_PAIR, slice_str(client_id), slice_str(token)};
}

static struct asker ask(struct fixture *it, struct credential_key key)
{
    struct asker asker = {0};
    unsigned running = 0;
    start(&asker, it->view, it->loop, &key, &running);
    loop_run(it->loop);
    asker.flow = (struct flow){0};
    return asker;
}

static struct asker ask_pair(struct fixture *it, const char *client_id, const char *token)
{
    return ask(it, pair_key(client_id, token));
}

static void tell(struct fixture *it, enum change_kind kind, const char *id)
{
    const struct change change = {.kind = kind, .event = CHANGE_REVOKED, .id = slice_str(id)};
    change_feed_changed(&it->feed, &change);
}

/* Whether the pair is answered from memory now. */
static bool is_kept(struct fixture *it, const char *client_id, const char *token)
{
    return ask_pair(it, client_id, token).from_memory;
}

/* ---- hits and misses ---- */

static void answers_from_memory_what_was_asked_before(void **state)
{
    struct fixture *it = *state;
    struct asker first = ask_pair(it, "acme", "t");
    assert_false(first.from_memory);
    assert_status(first.status, STATUS_OK);
    assert_true(first.is_known);
    struct asker second = ask_pair(it, "acme", "t");
    assert_true(second.from_memory);
    assert_true(second.is_known);
    assert_string_equal(second.shared_key, "secret%20of%20acme&secret%20of%20t");
    assert_int_equal(it->store.asked, 1);
}

static void keeps_client_token_and_kind_apart(void **state)
{
    struct fixture *it = *state;
    const struct credential_key keys[] = {
        pair_key("acme", "t"),
        pair_key("acme", ""),
        pair_key("acm", "et"),
        pair_key("acmet", ""),
        {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")},
        {CREDENTIAL_RESOURCE_SERVER, SLICE("acme"), SLICE("")},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_false(ask(it, keys[i]).from_memory);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(ask(it, keys[i]).from_memory);
    assert_int_equal(it->store.asked, COUNT_OF(keys));
    assert_string_equal(ask(it, keys[1]).shared_key, "secret%20of%20acme&");
    assert_string_equal(ask(it, keys[4]).shared_key, "secret%20of%20acme&");
    assert_true(ask(it, keys[5]).is_known);
}

static void look_at_everything(struct asker *asker)
{
    const struct credential_pair *pair = credential_pair_of(&asker->hold);
    assert_null(credential_client_of(&asker->hold));
    assert_null(credential_server_of(&asker->hold));
    assert_slice_equal(pair->client.client_id, SLICE("acme"));
    assert_int_equal(pair->client.secret_count, 2);
    assert_slice_equal(pair->client.secrets[1].text, SLICE("former secret of acme"));
    assert_slice_equal(pair->client.allowed_scopes, SLICE("photos:read"));
    assert_slice_equal(credential_shared_keys(&asker->hold)[1],
                       SLICE("former%20secret%20of%20acme&secret%20of%20t%20of%207"));
    assert_slice_equal(pair->token.oauth_token, SLICE("t of 7"));
    assert_slice_equal(pair->token.secret, SLICE("secret of t of 7"));
    assert_slice_equal(pair->token.client_id, SLICE("acme"));
    assert_slice_equal(pair->token.jti, SLICE("tok_t of 7"));
    assert_int_equal(pair->token.user, 7);
}

static void has_all_of_a_pair_that_a_verification_needs(void **state)
{
    struct fixture *it = *state;
    struct asker asker = {.at_reply = look_at_everything};
    const struct credential_key key = pair_key("acme", "t of 7");
    it->store.secrets = 2;
    for (int i = 0; i < 2; i++) {
        unsigned running = 0;
        asker.hold = (struct credential_hold){0};
        start(&asker, it->view, it->loop, &key, &running);
        loop_run(it->loop);
    }
    assert_true(asker.from_memory);
}

static void look_at_client(struct asker *asker)
{
    const struct client *client = credential_client_of(&asker->hold);
    assert_slice_equal(client->name, SLICE("Printer"));
    assert_int_equal(client->callback_count, 1);
    assert_slice_equal(client->callbacks[0].uri, SLICE("https://client.example/callback"));
    assert_null(credential_pair_of(&asker->hold));
}

static void has_a_client_with_its_callbacks(void **state)
{
    struct fixture *it = *state;
    struct asker asker = {.at_reply = look_at_client};
    const struct credential_key key = {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")};
    unsigned running = 0;
    start(&asker, it->view, it->loop, &key, &running);
    loop_run(it->loop);
    assert_status(asker.status, STATUS_OK);
}

static void asks_once_for_many_who_wait(void **state)
{
    struct fixture *it = *state;
    struct asker askers[ASKERS_MAX] = {0};
    const struct credential_key key = pair_key("acme", "t");
    unsigned running = 0;
    it->store.delay_ms = 5;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        start(&askers[i], it->view, it->loop, &key, &running);
    loop_run(it->loop);
    assert_int_equal(it->store.asked, 1);
    for (size_t i = 0; i < ASKERS_MAX; i++) {
        assert_status(askers[i].status, STATUS_OK);
        assert_true(askers[i].is_known);
    }
}

static void counts_hits_and_misses_by_kind(void **state)
{
    struct fixture *it = *state;
    struct buf before = BUF_INIT;
    (void)ask(it, (struct credential_key){CREDENTIAL_RESOURCE_SERVER, SLICE("k"), SLICE("")});
    (void)ask(it, (struct credential_key){CREDENTIAL_RESOURCE_SERVER, SLICE("k"), SLICE("")});
    metrics_write(&before);
    struct slice text = buf_slice(&before);
    struct slice hit = SLICE("oauth1_cache_requests_total{cache=\"resource_server\",result=\"hit\"} 0");
    struct slice stale = SLICE("oauth1_cache_requests_total{cache=\"resource_server\",result=\"stale\"}");
    assert_int_equal(slice_find_slice(text, hit), text.len);
    assert_int_not_equal(slice_find_slice(text, stale), text.len);
    buf_done(&before);
}

/* ---- time and room ---- */

static void asks_again_after_the_ttl(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS - 1);
    assert_true(is_kept(it, "acme", "t"));
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.version = 2;
    struct asker later = ask_pair(it, "acme", "t");
    assert_false(later.from_memory);
    assert_int_equal(later.version, 2);
}

static void what_is_used_is_asked_for_ahead_of_its_end_and_nobody_waits(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    it->store.version = 2;
    for (int64_t passed_ms = 0; passed_ms < 4 * TTL_MS; passed_ms += TTL_MS / 10) {
        fake_clock_advance(&it->clock, TTL_MS / 10);
        assert_true(is_kept(it, "acme", "t"));
        (void)ask(it, (struct credential_key){CREDENTIAL_CLIENT, SLICE("other"), SLICE("")}); /* lets the loop turn */
    }
    assert_int_equal(ask_pair(it, "acme", "t").version, 2);
}

static void unknown_ones_are_kept_for_a_second_at_most(void **state)
{
    struct fixture *it = *state;
    assert_false(ask_pair(it, "acme", "unknown").is_known);
    fake_clock_advance(&it->clock, CREDENTIAL_UNKNOWN_MS - 1);
    struct asker soon = ask_pair(it, "acme", "unknown");
    assert_true(soon.from_memory && !soon.is_known);
    fake_clock_advance(&it->clock, 1);
    assert_false(is_kept(it, "acme", "unknown"));
}

static void unknown_clients_and_servers_are_unknown_from_memory_too(void **state)
{
    struct fixture *it = *state;
    const struct credential_key keys[] = {
        {CREDENTIAL_CLIENT, SLICE("unheard"), SLICE("")},
        {CREDENTIAL_RESOURCE_SERVER, SLICE("unheard"), SLICE("")},
        pair_key("unheard", "t"),
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct asker first = ask(it, keys[i]);
        struct asker second = ask(it, keys[i]);
        assert_status(first.status, STATUS_OK);
        assert_false(first.is_known);
        assert_true(second.from_memory && !second.is_known);
    }
}

static void name(char text[32], const char *prefix, int number)
{
    (void)snprintf(text, 32, "%s%d", prefix, number);
}

static void holds_no_more_than_its_room_and_lets_the_unused_go(void **state)
{
    struct fixture *it = *state;
    char token[32];
    (void)ask_pair(it, "acme", "hot");
    for (int i = 0; i < 10 * MAX_ENTRIES; i++) {
        name(token, "t", i);
        (void)ask_pair(it, "acme", token);
        assert_true(is_kept(it, "acme", "hot"));
        assert_true(credential_cache_stats(it->cache).known <= MAX_ENTRIES);
    }
    assert_int_equal(credential_cache_stats(it->cache).known, MAX_ENTRIES);
    name(token, "t", 0);
    assert_false(is_kept(it, "acme", token));
}

static void strangers_drive_nobody_out(void **state)
{
    struct fixture *it = *state;
    char token[32];
    for (int i = 0; i < MAX_ENTRIES; i++) {
        name(token, "t", i);
        (void)ask_pair(it, "acme", token);
    }
    for (int i = 0; i < 10 * MAX_ENTRIES; i++) {
        name(token, "un", i);
        (void)ask_pair(it, "acme", token);
        assert_true(credential_cache_stats(it->cache).unknown <= MAX_ENTRIES);
    }
    for (int i = 0; i < MAX_ENTRIES; i++) {
        name(token, "t", i);
        assert_true(is_kept(it, "acme", token));
    }
}

static void keys_that_no_row_can_have_take_no_room(void **state)
{
    struct fixture *it = *state;
    char token[IDENTIFIER_MAX_BYTES + 2];
    memset(token, 'u', sizeof token - 1);
    token[1] = 'n';
    token[sizeof token - 1] = '\0';
    assert_status(ask_pair(it, "acme", token).status, STATUS_OK);
    assert_false(is_kept(it, "acme", token));
    assert_int_equal(credential_cache_stats(it->cache).unknown, 0);
}

static void the_longest_keys_that_a_row_can_have_are_kept(void **state)
{
    struct fixture *it = *state;
    char longest[IDENTIFIER_MAX_BYTES + 2];
    memset(longest, 'k', sizeof longest);
    for (size_t len = IDENTIFIER_MAX_BYTES; len <= IDENTIFIER_MAX_BYTES + 1; len++) {
        const struct credential_key keys[] = {{CREDENTIAL_PAIR, slice_of(longest, len), SLICE("t")},
                                              {CREDENTIAL_PAIR, SLICE("acme"), slice_of(longest, len)}};
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            struct asker first = {.at_reply = NULL};
            unsigned running = 0;
            start(&first, it->view, it->loop, &keys[i], &running);
            loop_run(it->loop);
            assert_status(first.status, STATUS_OK);
            size_t known = credential_cache_stats(it->cache).known;
            assert_int_equal(known, len > IDENTIFIER_MAX_BYTES ? 2 : i + 1);
        }
    }
}

static void one_that_is_not_used_is_wiped_in_the_end(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    (void)ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, CREDENTIAL_STALE_MAX_MS);
    for (int turn = 0; turn < 1000 && credential_cache_stats(it->cache).bytes; turn++)
        run_ms(it, 20);
    assert_int_equal(credential_cache_stats(it->cache).bytes, 0);
}

static void what_it_holds_is_wiped_at_its_end(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    watch_begin();
    credential_cache_free(it->cache);
    it->cache = NULL;
    assert_int_equal(watch_wipes(SLICE("secret of acme")), 1);
    assert_int_equal(watch_wipes(SLICE("secret of t")), 1);
    watch_end();
}

/* ---- changes ---- */

static void a_change_drops_what_it_names_and_nothing_else(void **state)
{
    struct fixture *it = *state;
    static const struct {
        enum change_kind kind;
        const char *id;
        bool drops[4]; /* acme's t of 7, acme's t of 8, other's t of 7, the client acme */
    } rows[] = {
        {CHANGE_TOKEN, "tok_t of 7", {true, false, true, false}},
        {CHANGE_TOKEN, "tok_t of 9", {false, false, false, false}},
        {CHANGE_USER, "7", {true, false, true, false}},
        {CHANGE_USER, "8", {false, true, false, false}},
        {CHANGE_CLIENT, "acme", {true, true, false, true}},
        {CHANGE_CLIENT, "other", {false, false, true, false}},
        {CHANGE_RESOURCE_SERVER, "7", {false, false, false, false}},
    };
    const struct credential_key keys[4] = {pair_key("acme", "t of 7"),
                                           pair_key("acme", "t of 8"),
                                           pair_key("other", "t of 7"),
                                           {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            (void)ask(it, keys[k]);
        tell(it, rows[i].kind, rows[i].id);
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            assert_int_equal(ask(it, keys[k]).from_memory, !rows[i].drops[k]);
    }
}

static void a_resource_servers_change_drops_its_key(void **state)
{
    struct fixture *it = *state;
    const struct credential_key key = {CREDENTIAL_RESOURCE_SERVER, SLICE("digest"), SLICE("")};
    (void)ask(it, key);
    tell(it, CHANGE_RESOURCE_SERVER, "4");
    assert_true(ask(it, key).from_memory);
    tell(it, CHANGE_RESOURCE_SERVER, "5");
    assert_false(ask(it, key).from_memory);
}

static void a_client_that_was_unknown_is_known_once_it_is_made(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "unborn", "t");
    assert_true(is_kept(it, "unborn", "t"));
    tell(it, CHANGE_CLIENT, "unborn");
    assert_false(is_kept(it, "unborn", "t"));
}

static void an_answer_that_a_change_overtook_is_asked_again_from_the_writer(void **state)
{
    struct fixture *it = *state;
    static const struct {
        enum change_kind kind;
        const char *id;
    } rows[] = {{CHANGE_TOKEN, "tok_t of 7"}, {CHANGE_USER, "7"}, {CHANGE_CLIENT, "acme"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asker asker = {0};
        const struct credential_key key = pair_key("acme", "t of 7");
        unsigned running = 0;
        it->store.holds = true;
        it->store.version = 1;
        start(&asker, it->view, it->loop, &key, &running);
        while (it->store.held_count == 0)
            run_ms(it, 1);
        it->store.version = 2;
        tell(it, rows[i].kind, rows[i].id);
        it->store.holds = false;
        fake_durable_answer(&it->store); /* with what was true before */
        loop_run(it->loop);
        assert_status(asker.status, STATUS_OK);
        assert_int_equal(asker.version, 2);
        assert_int_equal(it->store.asked_current, i + 1);
        assert_int_equal(ask(it, key).version, 2);
        tell(it, rows[i].kind, rows[i].id);
    }
}

/* Nobody is served what may be from before a change, and nobody waits for ever. */
static void an_answer_that_changes_overtake_again_and_again_is_none(void **state)
{
    enum { TRIES = 4 };
    struct fixture *it = *state;
    struct asker asker = {0};
    const struct credential_key key = pair_key("acme", "t of 7");
    unsigned running = 0;
    it->store.holds = true;
    start(&asker, it->view, it->loop, &key, &running);
    for (unsigned i = 0; i < TRIES; i++) {
        while (it->store.held_count == 0)
            run_ms(it, 1);
        tell(it, CHANGE_USER, "7");
        fake_durable_answer(&it->store);
    }
    loop_run(it->loop);
    assert_status(asker.status, STATUS_STORE_DOWN);
    assert_int_equal(it->store.asked, TRIES);
    assert_int_equal(credential_cache_stats(it->cache).known, 0);
    it->store.holds = false;
    assert_false(is_kept(it, "acme", "t of 7"));
    assert_true(is_kept(it, "acme", "t of 7"));
}

static void an_answer_that_another_change_met_is_kept(void **state)
{
    struct fixture *it = *state;
    struct asker asker = {0};
    const struct credential_key key = pair_key("acme", "t of 7");
    unsigned running = 0;
    it->store.holds = true;
    start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        run_ms(it, 1);
    tell(it, CHANGE_TOKEN, "tok_t of 8");
    tell(it, CHANGE_CLIENT, "other");
    fake_durable_answer(&it->store);
    loop_run(it->loop);
    assert_int_equal(it->store.asked, 1);
    assert_true(is_kept(it, "acme", "t of 7"));
}

/* ---- a replica ---- */

static void a_replica_is_not_asked_about_what_was_changed_lately(void **state)
{
    struct fixture *it = *state;
    const struct credential_key key = pair_key("acme", "t of 7");
    it->store.source.lag_ms = CREDENTIAL_REPLICA_LAG_MS;
    it->store.lag = 1;
    it->store.version = 1;
    assert_int_equal(ask(it, key).version, 1); /* the feed stands for less time than a replica may lag */
    fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
    assert_int_equal(ask(it, key).version, 0);
    static const struct {
        enum change_kind kind;
        const char *id;
    } rows[] = {{CHANGE_TOKEN, "tok_t of 7"}, {CHANGE_USER, "7"}, {CHANGE_CLIENT, "acme"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
        it->store.version++;
        tell(it, rows[i].kind, rows[i].id);
        fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS - 1);
        assert_int_equal(ask(it, key).version, it->store.version);
        assert_int_equal(ask_pair(it, "other", "t of 8").version, it->store.version - 1);
        tell(it, CHANGE_CLIENT, "other");
    }
}

static void a_replica_is_not_asked_soon_after_the_feed_stood(void **state)
{
    struct fixture *it = *state;
    it->store.source.lag_ms = CREDENTIAL_REPLICA_LAG_MS;
    it->store.lag = 1;
    fake_clock_advance(&it->clock, CREDENTIAL_REPLICA_LAG_MS);
    change_feed_lost(&it->feed);
    change_feed_standing(&it->feed);
    it->store.version = 5;
    assert_int_equal(ask_pair(it, "acme", "t").version, 5);
    assert_int_equal(it->store.asked, 1);
}

/* ---- the feed ---- */

static void nothing_is_kept_before_the_feed_stands(void **state)
{
    struct fixture *it = *state;
    change_feed_lost(&it->feed);
    assert_status(ask_pair(it, "acme", "t").status, STATUS_OK);
    assert_false(is_kept(it, "acme", "t"));
    assert_int_equal(credential_cache_stats(it->cache).known, 0);
    change_feed_standing(&it->feed);
    assert_false(is_kept(it, "acme", "t"));
    assert_true(is_kept(it, "acme", "t"));
}

static void an_answer_from_before_the_feed_stood_is_not_kept(void **state)
{
    struct fixture *it = *state;
    struct asker asker = {0};
    const struct credential_key key = pair_key("acme", "t");
    unsigned running = 0;
    change_feed_lost(&it->feed);
    it->store.holds = true;
    start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        run_ms(it, 1);
    change_feed_standing(&it->feed);
    it->store.holds = false;
    fake_durable_answer(&it->store);
    loop_run(it->loop);
    assert_status(asker.status, STATUS_OK);
    assert_false(is_kept(it, "acme", "t"));
}

static void a_feed_that_lost_changes_drops_everything(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    (void)ask_pair(it, "acme", "unknown");
    change_feed_lost(&it->feed);
    const struct credential_cache_stats stats = credential_cache_stats(it->cache);
    assert_int_equal(stats.known + stats.unknown + stats.bytes, 0);
    change_feed_standing(&it->feed);
    assert_false(is_kept(it, "acme", "t"));
}

/* ---- a store that is down ---- */

static void a_store_that_is_down_is_not_needed_for_300_s_at_most(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    it->store.status = STATUS_STORE_DOWN;
    assert_status(ask_pair(it, "acme", "cold").status, STATUS_STORE_DOWN);
    for (int64_t age_ms = 10000; age_ms < CREDENTIAL_STALE_MAX_MS; age_ms += 10000) {
        fake_clock_advance(&it->clock, 10000);
        struct asker asker = ask_pair(it, "acme", "t");
        assert_status(asker.status, STATUS_OK);
        assert_true(asker.from_memory && asker.is_known); /* nobody waits for what is known to be down */
    }
    fake_clock_advance(&it->clock, 10000);
    assert_status(ask_pair(it, "acme", "t").status, STATUS_STORE_DOWN);
}

static long stale_ones(void)
{
    static const char series[] = "\noauth1_cache_requests_total{cache=\"pair\",result=\"stale\"} ";
    struct buf text = BUF_INIT;
    metrics_write(&text);
    const char *line = strstr(buf_string(&text), series);
    long value = line ? strtol(line + sizeof series - 1, NULL, 10) : 0;
    buf_done(&text);
    return value;
}

static void the_first_to_find_the_store_down_is_served_too(void **state)
{
    struct fixture *it = *state;
    long before = stale_ones();
    (void)ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_DOWN;
    struct asker asker = ask_pair(it, "acme", "t");
    assert_false(asker.from_memory);
    assert_status(asker.status, STATUS_OK);
    assert_true(asker.is_known);
    assert_int_equal(stale_ones(), before + 1);
    assert_true(ask_pair(it, "acme", "t").from_memory);
    assert_int_equal(stale_ones(), before + 2);
    assert_status(ask_pair(it, "acme", "cold").status, STATUS_STORE_DOWN);
    assert_int_equal(stale_ones(), before + 2);
}

static void a_store_that_is_down_is_asked_once_a_second_and_noticed_when_back(void **state)
{
    struct fixture *it = *state;
    char token[32];
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        (void)ask_pair(it, "acme", token);
    }
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_DOWN;
    (void)ask_pair(it, "acme", "t0");
    it->store.asked = 0;
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        assert_true(is_kept(it, "acme", token));
    }
    assert_int_equal(it->store.asked, 0);
    fake_clock_advance(&it->clock, 1000);
    it->store.version = 2;
    it->store.status = STATUS_OK;
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        (void)ask_pair(it, "acme", token);
    }
    assert_true(it->store.asked >= 49);
    assert_int_equal(ask_pair(it, "acme", "t49").version, 2);
}

static void nothing_is_served_beyond_its_ttl_while_the_feed_is_silent(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    change_feed_silent(&it->feed);
    it->store.status = STATUS_STORE_DOWN;
    fake_clock_advance(&it->clock, TTL_MS - 1);
    assert_status(ask_pair(it, "acme", "t").status, STATUS_OK);
    fake_clock_advance(&it->clock, 1);
    assert_status(ask_pair(it, "acme", "t").status, STATUS_STORE_DOWN);
    change_feed_standing(&it->feed); /* and it told all there was */
    assert_status(ask_pair(it, "acme", "t").status, STATUS_OK);
}

static void what_is_unknown_is_never_served_beyond_its_second(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, CREDENTIAL_UNKNOWN_MS);
    it->store.status = STATUS_STORE_DOWN;
    assert_status(ask_pair(it, "acme", "unknown").status, STATUS_STORE_DOWN);
}

static void a_secret_that_does_not_open_is_no_store_that_is_down(void **state)
{
    struct fixture *it = *state;
    (void)ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_CORRUPT;
    assert_status(ask_pair(it, "acme", "t").status, STATUS_STORE_CORRUPT);
    it->store.status = STATUS_OK;
    it->store.version = 2;
    struct asker next = ask_pair(it, "acme", "t"); /* nobody takes the store for one that is down */
    assert_false(next.from_memory);
    assert_int_equal(next.version, 2);
}

/* ---- what requests hold ---- */

static void drop_while_held(struct asker *asker)
{
    struct fixture *it = asker->context;
    tell(it, CHANGE_CLIENT, "acme");
    assert_slice_equal(credential_pair_of(&asker->hold)->token.secret, SLICE("secret of t"));
}

static void a_request_may_read_on_what_was_dropped(void **state)
{
    struct fixture *it = *state;
    const struct credential_key key = pair_key("acme", "t");
    for (int i = 0; i < 2; i++) {
        struct asker asker = {.at_reply = drop_while_held, .context = it};
        unsigned running = 0;
        start(&asker, it->view, it->loop, &key, &running);
        loop_run(it->loop);
        assert_status(asker.status, STATUS_OK);
        (void)ask_pair(it, "acme", "t"); /* to be found in the second round */
    }
}

static void is_freed_with_questions_on_their_way(void **state)
{
    struct fixture *it = *state;
    static struct asker asker; /* the flow ends when the loop is freed */
    static unsigned running;
    const struct credential_key key = pair_key("acme", "t");
    it->store.holds = true;
    start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        run_ms(it, 1);
    fake_durable_answer(&it->store);
}

/* ---- several loops ---- */

enum { LOOPS = 4, ROUNDS = 400, TOKENS = 40, SMALL_ROOM = 24 };

/* What one loop does: rounds of questions at once. */
struct worker {
    struct fleet *fleet;
    struct credential_view *view;
    struct loop *loop;
    struct deferred begin;
    struct asker askers[ASKERS_MAX];
    unsigned running;
    unsigned rounds_left;
    int64_t truth; /* when the round began */
    unsigned random;
};

struct fleet {
    struct clock clock;
    struct loop_group *group;
    struct loop *loops[LOOPS];
    struct fake_durable store;
    struct change_feed feed;
    struct credential_cache *cache;
    struct worker workers[LOOPS];
    _Atomic int64_t truth; /* the version that whoever asks from now on must see, or a later one */
    atomic_uint working;
    atomic_uint outdated;
    atomic_uint failed;
    void (*ask_round)(struct worker *worker);
};

static void begin_round(void *context)
{
    struct worker *worker = context;
    if (worker->rounds_left-- > 0) {
        worker->truth = atomic_load(&worker->fleet->truth);
        worker->fleet->ask_round(worker);
    } else if (atomic_fetch_sub(&worker->fleet->working, 1) == 1) {
        loop_group_stop(worker->fleet->group);
    }
}

static void check_truth(struct asker *asker)
{
    struct worker *worker = asker->context;
    if (asker->status != STATUS_OK)
        atomic_fetch_add(&worker->fleet->failed, 1);
    else if (asker->version < worker->truth)
        atomic_fetch_add(&worker->fleet->outdated, 1);
}

static void worker_asks(struct worker *worker, size_t asker, const char *client_id, const char *token)
{
    struct asker *it = &worker->askers[asker];
    *it = (struct asker){.at_reply = check_truth, .all_done = begin_round, .context = worker};
    (void)snprintf(it->token, sizeof it->token, "%s", token);
    const struct credential_key key = pair_key(client_id, it->token);
    start(it, worker->view, worker->loop, &key, &worker->running);
}

static struct fleet *fleet_new(size_t max_entries, unsigned rounds, void (*ask_round)(struct worker *worker))
{
    struct fleet *fleet = test_calloc(1, sizeof *fleet);
    fleet->clock = clock_system(0);
    fleet->group = loop_group_new(LOOPS, &fleet->clock, NULL);
    assert_non_null(fleet->group);
    fleet->ask_round = ask_round;
    fleet->working = LOOPS;
    for (size_t i = 0; i < LOOPS; i++)
        fleet->loops[i] = loop_group_at(fleet->group, i);
    fake_durable_init(&fleet->store);
    fleet->cache = new_cache(&fleet->store, fleet->loops, LOOPS, max_entries);
    fleet->feed.ops = &no_ops;
    credential_cache_listen(fleet->cache, &fleet->feed);
    change_feed_standing(&fleet->feed);
    for (size_t i = 0; i < LOOPS; i++) {
        struct worker *worker = &fleet->workers[i];
        *worker =
            (struct worker){.fleet = fleet, .loop = fleet->loops[i], .rounds_left = rounds, .random = (unsigned)i};
        worker->view = credential_cache_view(fleet->cache, i);
        loop_defer(worker->loop, &worker->begin, begin_round, worker);
    }
    return fleet;
}

static void fleet_free(struct fleet *fleet)
{
    credential_cache_free(fleet->cache);
    loop_group_free(fleet->group);
    test_free(fleet);
}

static void all_ask_the_same(struct worker *worker)
{
    for (size_t i = 0; i < ASKERS_MAX; i++)
        worker_asks(worker, i, "acme", "t");
}

static void many_loops_ask_once(void **state)
{
    struct fleet *fleet = fleet_new(MAX_ENTRIES, 1, all_ask_the_same);
    (void)state;
    fleet->store.delay_ms = 50;
    assert_status(loop_group_run_blocking(fleet->group), STATUS_OK);
    assert_int_equal(fleet->store.asked, 1);
    assert_int_equal(fleet->failed, 0);
    fleet_free(fleet);
}

static unsigned pick(struct worker *worker, unsigned below)
{
    worker->random = worker->random * 1103515245 + 12345;
    return (worker->random >> 16) % below;
}

/* Tokens of two clients, more than there is room for. */
static void ask_here_and_there(struct worker *worker)
{
    char token[32];
    for (size_t i = 0; i < ASKERS_MAX / 4; i++) {
        name(token, pick(worker, 8) ? "t" : "un", (int)pick(worker, TOKENS));
        worker_asks(worker, i, pick(worker, 4) ? "acme" : "other", token);
    }
}

/* The first loop hears of changes, as a feed's does: first they are true, then they are told. */
static void change_and_ask(struct worker *worker)
{
    struct fleet *fleet = worker->fleet;
    if (worker == fleet->workers) {
        int64_t version = atomic_fetch_add(&fleet->store.version, 1) + 1;
        const struct change changes[] = {{.kind = CHANGE_CLIENT, .id = SLICE("acme")},
                                         {.kind = CHANGE_CLIENT, .id = SLICE("other")}};
        change_feed_changed(&fleet->feed, &changes[0]);
        change_feed_changed(&fleet->feed, &changes[1]);
        atomic_store(&fleet->truth, version);
        if (pick(worker, 16) == 0) {
            change_feed_lost(&fleet->feed);
            change_feed_standing(&fleet->feed);
        }
    }
    ask_here_and_there(worker);
}

static void nobody_reads_what_was_true_before_a_change_was_told(void **state)
{
    struct fleet *fleet = fleet_new(SMALL_ROOM, ROUNDS, change_and_ask);
    (void)state;
    assert_status(loop_group_run_blocking(fleet->group), STATUS_OK);
    assert_int_equal(fleet->outdated, 0);
    assert_true(credential_cache_stats(fleet->cache).known <= SMALL_ROOM);
    fleet_free(fleet);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_from_memory_what_was_asked_before),
        TEST(keeps_client_token_and_kind_apart),
        TEST(has_all_of_a_pair_that_a_verification_needs),
        TEST(has_a_client_with_its_callbacks),
        TEST(asks_once_for_many_who_wait),
        TEST(counts_hits_and_misses_by_kind),
        TEST(asks_again_after_the_ttl),
        TEST(what_is_used_is_asked_for_ahead_of_its_end_and_nobody_waits),
        TEST(unknown_ones_are_kept_for_a_second_at_most),
        TEST(unknown_clients_and_servers_are_unknown_from_memory_too),
        TEST(holds_no_more_than_its_room_and_lets_the_unused_go),
        TEST(strangers_drive_nobody_out),
        TEST(keys_that_no_row_can_have_take_no_room),
        TEST(the_longest_keys_that_a_row_can_have_are_kept),
        TEST(one_that_is_not_used_is_wiped_in_the_end),
        TEST(what_it_holds_is_wiped_at_its_end),
        TEST(a_change_drops_what_it_names_and_nothing_else),
        TEST(a_resource_servers_change_drops_its_key),
        TEST(a_client_that_was_unknown_is_known_once_it_is_made),
        TEST(an_answer_that_a_change_overtook_is_asked_again_from_the_writer),
        TEST(an_answer_that_changes_overtake_again_and_again_is_none),
        TEST(an_answer_that_another_change_met_is_kept),
        TEST(a_replica_is_not_asked_about_what_was_changed_lately),
        TEST(a_replica_is_not_asked_soon_after_the_feed_stood),
        TEST(nothing_is_kept_before_the_feed_stands),
        TEST(an_answer_from_before_the_feed_stood_is_not_kept),
        TEST(a_feed_that_lost_changes_drops_everything),
        TEST(a_store_that_is_down_is_not_needed_for_300_s_at_most),
        TEST(the_first_to_find_the_store_down_is_served_too),
        TEST(a_store_that_is_down_is_asked_once_a_second_and_noticed_when_back),
        TEST(nothing_is_served_beyond_its_ttl_while_the_feed_is_silent),
        TEST(what_is_unknown_is_never_served_beyond_its_second),
        TEST(a_secret_that_does_not_open_is_no_store_that_is_down),
        TEST(a_request_may_read_on_what_was_dropped),
        TEST(is_freed_with_questions_on_their_way),
        cmocka_unit_test(many_loops_ask_once),
        cmocka_unit_test(nobody_reads_what_was_true_before_a_change_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
