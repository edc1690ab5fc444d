#include "cache/credential_cache.h"

#include "base/metrics.h"
#include "cache/cache_process.h"
#include "cache_bench.h"
#include "crypto/random.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- hits and misses ---- */

static void answers_from_memory_what_was_asked_before(void **state)
{
    struct cache_bench *it = *state;
    struct asker first = cache_bench_ask_pair(it, "acme", "t");
    assert_false(first.from_memory);
    assert_status(first.status, STATUS_OK);
    assert_true(first.is_known);
    struct asker second = cache_bench_ask_pair(it, "acme", "t");
    assert_true(second.from_memory);
    assert_true(second.is_known);
    assert_string_equal(second.shared_key, "secret%20of%20acme&secret%20of%20t");
    assert_int_equal(it->store.asked, 1);
}

static void keeps_client_token_and_kind_apart(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_key keys[] = {
        asker_pair_key("acme", "t"),
        asker_pair_key("acme", ""),
        asker_pair_key("acm", "et"),
        asker_pair_key("acmet", ""),
        {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")},
        {CREDENTIAL_RESOURCE_SERVER, SLICE("acme"), SLICE("")},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_false(cache_bench_ask(it, keys[i]).from_memory);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(cache_bench_ask(it, keys[i]).from_memory);
    assert_int_equal(it->store.asked, COUNT_OF(keys));
    assert_string_equal(cache_bench_ask(it, keys[1]).shared_key, "secret%20of%20acme&");
    assert_string_equal(cache_bench_ask(it, keys[4]).shared_key, "secret%20of%20acme&");
    assert_true(cache_bench_ask(it, keys[5]).is_known);
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
    struct cache_bench *it = *state;
    struct asker asker = {.at_reply = look_at_everything};
    const struct credential_key key = asker_pair_key("acme", "t of 7");
    it->store.secrets = 2;
    for (int i = 0; i < 2; i++) {
        unsigned running = 0;
        asker.hold = (struct credential_hold){0};
        asker_start(&asker, it->view, it->loop, &key, &running);
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
    struct cache_bench *it = *state;
    struct asker asker = {.at_reply = look_at_client};
    const struct credential_key key = {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")};
    unsigned running = 0;
    asker_start(&asker, it->view, it->loop, &key, &running);
    loop_run(it->loop);
    assert_status(asker.status, STATUS_OK);
}

static void counts_hits_and_misses_by_kind(void **state)
{
    struct cache_bench *it = *state;
    struct buf before = BUF_INIT;
    (void)cache_bench_ask(it, (struct credential_key){CREDENTIAL_RESOURCE_SERVER, SLICE("k"), SLICE("")});
    (void)cache_bench_ask(it, (struct credential_key){CREDENTIAL_RESOURCE_SERVER, SLICE("k"), SLICE("")});
    metrics_write(&before);
    struct slice text = buf_slice(&before);
    struct slice hit = SLICE("oauth1_cache_requests_total{cache=\"resource_server\",result=\"hit\"} 0");
    struct slice miss = SLICE("oauth1_cache_requests_total{cache=\"resource_server\",result=\"miss\"} 0");
    struct slice stale = SLICE("oauth1_cache_requests_total{cache=\"resource_server\",result=\"stale\"}");
    assert_int_equal(slice_find_slice(text, hit), text.len);
    assert_int_equal(slice_find_slice(text, miss), text.len);
    assert_int_not_equal(slice_find_slice(text, stale), text.len);
    buf_done(&before);
}

/* Each loop has a view of its own, with each entry once. */
static void what_one_loop_asked_for_all_loops_have(void **state)
{
    struct cache_bench *it = *state;
    struct loop *const loops[] = {it->loop, it->loop};
    struct change_feed feed;
    memset(&feed, 0, sizeof feed);
    struct credential_cache *cache = cache_bench_new_cache(&it->store, loops, COUNT_OF(loops), MAX_ENTRIES);
    struct credential_cache *own = it->cache;
    cache_bench_listen(cache, &feed);
    for (int i = 0; i < 4; i++) {
        it->view = credential_cache_view(cache, (size_t)i % 2);
        struct asker asker = cache_bench_ask_pair(it, "acme", "t");
        assert_true(asker.is_known);
        assert_int_equal(asker.from_memory, i > 0);
        assert_int_equal(it->view->count, 1);
    }
    assert_int_equal(it->store.asked, 1);
    it->view = credential_cache_view(own, 0);
    credential_cache_free(cache);
}

static void what_a_loop_has_it_finds_without_a_lock(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    assert_int_equal(pthread_mutex_lock(&it->cache->lock), 0);
    assert_true(cache_bench_keeps(it, "acme", "t"));
    assert_int_equal(pthread_mutex_unlock(&it->cache->lock), 0);
}

static void is_not_made_without_randomness(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_cache_options options = {&it->store.source, TTL_MS, MAX_ENTRIES, &it->loop, 1};
    struct credential_cache *cache = NULL;
    random_fail_next(1);
    assert_status(credential_cache_new(&options, &cache), STATUS_NO_RANDOMNESS);
    assert_null(cache);
}

/* ---- time and room ---- */

static void asks_again_after_the_ttl(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS - 1);
    assert_true(cache_bench_keeps(it, "acme", "t"));
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.version = 2;
    struct asker later = cache_bench_ask_pair(it, "acme", "t");
    assert_false(later.from_memory);
    assert_int_equal(later.version, 2);
}

static void what_is_used_is_asked_for_ahead_of_its_end_and_nobody_waits(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    it->store.version = 2;
    for (int64_t passed_ms = 0; passed_ms < 4 * TTL_MS; passed_ms += TTL_MS / 10) {
        fake_clock_advance(&it->clock, TTL_MS / 10);
        assert_true(cache_bench_keeps(it, "acme", "t"));
        (void)cache_bench_ask(
            it, (struct credential_key){CREDENTIAL_CLIENT, SLICE("other"), SLICE("")}); /* lets the loop turn */
    }
    assert_int_equal(cache_bench_ask_pair(it, "acme", "t").version, 2);
}

/* Lets what was begun come to its end. */
static void let_work(struct cache_bench *it)
{
    cache_bench_run_ms(it, 5);
}

static void asks_ahead_once_a_second_for_what_the_store_cannot_give(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS * 9 / 10);
    it->store.status = STATUS_STORE_CORRUPT;
    it->store.asked = 0;
    static const struct {
        int64_t after_ms;
        unsigned asked;
    } rows[] = {{0, 1}, {0, 1}, {999, 1}, {1, 2}, {0, 2}, {999, 2}, {1, 3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_clock_advance(&it->clock, rows[i].after_ms);
        assert_true(cache_bench_keeps(it, "acme", "t"));
        let_work(it);
        assert_int_equal(it->store.asked, rows[i].asked);
    }
}

static void whoever_asks_ahead_does_not_say_that_the_store_is_down(void **state)
{
    struct cache_bench *it = *state;
    struct asker other = {0};
    const struct credential_key key = asker_pair_key("acme", "other");
    unsigned running = 0;
    (void)cache_bench_ask_pair(it, "acme", "t");
    (void)cache_bench_ask_pair(it, "acme", "other");
    fake_clock_advance(&it->clock, TTL_MS * 9 / 10);
    it->store.holds = true;
    assert_true(cache_bench_keeps(it, "acme", "t"));
    while (it->store.held_count == 0)
        cache_bench_run_ms(it, 1);
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.holds = false;
    asker_start(&other, it->view, it->loop, &key, &running);
    loop_run(it->loop);
    assert_false(other.from_memory);
    fake_durable_answer(&it->store);
    let_work(it);
}

static void unknown_ones_are_kept_no_longer_than_the_ttl_and_not_asked_ahead(void **state)
{
    enum { SHORT_TTL_MS = 500 };
    struct cache_bench *it = *state;
    it->cache->ttl_ms = SHORT_TTL_MS;
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, SHORT_TTL_MS - 1);
    assert_true(cache_bench_keeps(it, "acme", "unknown"));
    let_work(it);
    assert_int_equal(it->store.asked, 1);
    fake_clock_advance(&it->clock, 1);
    assert_false(cache_bench_keeps(it, "acme", "unknown"));
}

static void unknown_ones_are_kept_for_a_second_at_most(void **state)
{
    struct cache_bench *it = *state;
    assert_false(cache_bench_ask_pair(it, "acme", "unknown").is_known);
    fake_clock_advance(&it->clock, CREDENTIAL_UNKNOWN_MS - 1);
    struct asker soon = cache_bench_ask_pair(it, "acme", "unknown");
    assert_true(soon.from_memory && !soon.is_known);
    fake_clock_advance(&it->clock, 1);
    assert_false(cache_bench_keeps(it, "acme", "unknown"));
}

static void unknown_clients_and_servers_are_unknown_from_memory_too(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_key keys[] = {
        {CREDENTIAL_CLIENT, SLICE("unheard"), SLICE("")},
        {CREDENTIAL_RESOURCE_SERVER, SLICE("unheard"), SLICE("")},
        asker_pair_key("unheard", "t"),
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct asker first = cache_bench_ask(it, keys[i]);
        struct asker second = cache_bench_ask(it, keys[i]);
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
    struct cache_bench *it = *state;
    char token[32];
    (void)cache_bench_ask_pair(it, "acme", "hot");
    for (int i = 0; i < 10 * MAX_ENTRIES; i++) {
        name(token, "t", i);
        (void)cache_bench_ask_pair(it, "acme", token);
        assert_true(cache_bench_keeps(it, "acme", "hot"));
        assert_true(credential_cache_stats(it->cache).known <= MAX_ENTRIES);
    }
    assert_int_equal(credential_cache_stats(it->cache).known, MAX_ENTRIES);
    name(token, "t", 0);
    assert_false(cache_bench_keeps(it, "acme", token));
}

static void strangers_drive_nobody_out(void **state)
{
    struct cache_bench *it = *state;
    char token[32];
    for (int i = 0; i < MAX_ENTRIES; i++) {
        name(token, "t", i);
        (void)cache_bench_ask_pair(it, "acme", token);
    }
    for (int i = 0; i < 10 * MAX_ENTRIES; i++) {
        name(token, "un", i);
        (void)cache_bench_ask_pair(it, "acme", token);
        assert_true(credential_cache_stats(it->cache).unknown <= MAX_ENTRIES);
    }
    for (int i = 0; i < MAX_ENTRIES; i++) {
        name(token, "t", i);
        assert_true(cache_bench_keeps(it, "acme", token));
    }
}

static void keys_that_no_row_can_have_take_no_room(void **state)
{
    struct cache_bench *it = *state;
    char token[IDENTIFIER_MAX_BYTES + 2];
    memset(token, 'u', sizeof token - 1);
    token[1] = 'n';
    token[sizeof token - 1] = '\0';
    assert_status(cache_bench_ask_pair(it, "acme", token).status, STATUS_OK);
    assert_false(cache_bench_keeps(it, "acme", token));
    assert_int_equal(credential_cache_stats(it->cache).unknown, 0);
}

static void the_longest_keys_that_a_row_can_have_are_kept(void **state)
{
    struct cache_bench *it = *state;
    char longest[IDENTIFIER_MAX_BYTES + 2];
    memset(longest, 'k', sizeof longest);
    for (size_t len = IDENTIFIER_MAX_BYTES; len <= IDENTIFIER_MAX_BYTES + 1; len++) {
        const struct credential_key keys[] = {{CREDENTIAL_PAIR, slice_of(longest, len), SLICE("t")},
                                              {CREDENTIAL_PAIR, SLICE("acme"), slice_of(longest, len)}};
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            struct asker first = {.at_reply = NULL};
            unsigned running = 0;
            asker_start(&first, it->view, it->loop, &keys[i], &running);
            loop_run(it->loop);
            assert_status(first.status, STATUS_OK);
            size_t known = credential_cache_stats(it->cache).known;
            assert_int_equal(known, len > IDENTIFIER_MAX_BYTES ? 2 : i + 1);
        }
    }
}

static void one_that_is_not_used_is_wiped_in_the_end(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, CREDENTIAL_STALE_MAX_MS);
    for (int turn = 0; turn < 1000 && (credential_cache_stats(it->cache).bytes || it->view->count); turn++)
        cache_bench_run_ms(it, 20);
    assert_int_equal(credential_cache_stats(it->cache).bytes, 0);
    assert_int_equal(it->view->count, 0);
}

/* Until what is older than it may be has been looked for; what is unknown ends first, and tells it. */
static void let_expire(struct cache_bench *it)
{
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, CREDENTIAL_UNKNOWN_MS);
    for (int turn = 0; turn < 1000 && credential_cache_stats(it->cache).unknown; turn++)
        cache_bench_run_ms(it, 20);
    assert_int_equal(credential_cache_stats(it->cache).unknown, 0);
}

static void what_may_still_be_served_is_not_wiped(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, CREDENTIAL_STALE_MAX_MS - 2 * CREDENTIAL_UNKNOWN_MS); /* while the store is down */
    let_expire(it);
    assert_int_equal(credential_cache_stats(it->cache).known, 1);
    it->cache->ttl_ms = (int64_t)2 * CREDENTIAL_STALE_MAX_MS;
    fake_clock_advance(&it->clock, CREDENTIAL_STALE_MAX_MS / 2);
    let_expire(it);
    assert_int_equal(credential_cache_stats(it->cache).known, 1);
}

static void what_it_holds_is_wiped_at_its_end(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
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
    struct cache_bench *it = *state;
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
    const struct credential_key keys[4] = {asker_pair_key("acme", "t of 7"),
                                           asker_pair_key("acme", "t of 8"),
                                           asker_pair_key("other", "t of 7"),
                                           {CREDENTIAL_CLIENT, SLICE("acme"), SLICE("")}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            (void)cache_bench_ask(it, keys[k]);
        cache_bench_tell(it, rows[i].kind, rows[i].id);
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            assert_int_equal(cache_bench_ask(it, keys[k]).from_memory, !rows[i].drops[k]);
    }
}

static void a_resource_servers_change_drops_its_key(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_key key = {CREDENTIAL_RESOURCE_SERVER, SLICE("digest"), SLICE("")};
    (void)cache_bench_ask(it, key);
    cache_bench_tell(it, CHANGE_RESOURCE_SERVER, "4");
    assert_true(cache_bench_ask(it, key).from_memory);
    cache_bench_tell(it, CHANGE_RESOURCE_SERVER, "5");
    assert_false(cache_bench_ask(it, key).from_memory);
}

static void a_client_that_was_unknown_is_known_once_it_is_made(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "unborn", "t");
    assert_true(cache_bench_keeps(it, "unborn", "t"));
    cache_bench_tell(it, CHANGE_CLIENT, "unborn");
    assert_false(cache_bench_keeps(it, "unborn", "t"));
}

/* ---- the feed ---- */

static void nothing_is_kept_before_the_feed_stands(void **state)
{
    struct cache_bench *it = *state;
    change_feed_lost(&it->feed);
    change_feed_silent(&it->feed);
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_OK);
    assert_false(cache_bench_keeps(it, "acme", "t"));
    assert_int_equal(credential_cache_stats(it->cache).known, 0);
    change_feed_standing(&it->feed);
    assert_false(cache_bench_keeps(it, "acme", "t"));
    assert_true(cache_bench_keeps(it, "acme", "t"));
}

static void an_answer_that_a_silence_met_is_kept(void **state)
{
    struct cache_bench *it = *state;
    struct asker asker = {0};
    const struct credential_key key = asker_pair_key("acme", "t");
    unsigned running = 0;
    it->store.holds = true;
    asker_start(&asker, it->view, it->loop, &key, &running);
    while (it->store.held_count == 0)
        cache_bench_run_ms(it, 1);
    change_feed_silent(&it->feed);
    change_feed_standing(&it->feed); /* and it told all there was */
    fake_durable_answer(&it->store);
    loop_run(it->loop);
    assert_true(cache_bench_keeps(it, "acme", "t"));
}

static void a_feed_that_lost_changes_drops_everything(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    change_feed_lost(&it->feed);
    const struct credential_cache_stats stats = credential_cache_stats(it->cache);
    assert_int_equal(stats.known + stats.unknown + stats.bytes, 0);
    change_feed_standing(&it->feed);
    assert_false(cache_bench_keeps(it, "acme", "t"));
}

/* ---- a store that is down ---- */

static void a_store_that_is_down_is_not_needed_for_300_s_at_most(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    it->store.status = STATUS_STORE_DOWN;
    assert_status(cache_bench_ask_pair(it, "acme", "cold").status, STATUS_STORE_DOWN);
    for (int64_t age_ms = 10000; age_ms < CREDENTIAL_STALE_MAX_MS; age_ms += 10000) {
        fake_clock_advance(&it->clock, 10000);
        struct asker asker = cache_bench_ask_pair(it, "acme", "t");
        assert_status(asker.status, STATUS_OK);
        assert_true(asker.from_memory && asker.is_known); /* nobody waits for what is known to be down */
    }
    fake_clock_advance(&it->clock, 10000);
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_STORE_DOWN);
}

static void somebody_is_served_without_the_store_if_something_is_known_and_changes_are_heard(void **state)
{
    struct cache_bench *it = *state;
    assert_false(credential_cache_outlasts(it->cache)); /* nobody is known */
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    assert_false(credential_cache_outlasts(it->cache));
    (void)cache_bench_ask_pair(it, "acme", "t");
    assert_true(credential_cache_outlasts(it->cache));
    change_feed_silent(&it->feed);
    assert_false(credential_cache_outlasts(it->cache));
    change_feed_standing(&it->feed);
    assert_true(credential_cache_outlasts(it->cache));
    change_feed_lost(&it->feed);
    change_feed_standing(&it->feed);
    assert_false(credential_cache_outlasts(it->cache));
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
    struct cache_bench *it = *state;
    long before = stale_ones();
    (void)cache_bench_ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_DOWN;
    struct asker asker = cache_bench_ask_pair(it, "acme", "t");
    assert_false(asker.from_memory);
    assert_status(asker.status, STATUS_OK);
    assert_true(asker.is_known);
    assert_int_equal(stale_ones(), before + 1);
    assert_true(cache_bench_ask_pair(it, "acme", "t").from_memory);
    assert_int_equal(stale_ones(), before + 2);
    assert_status(cache_bench_ask_pair(it, "acme", "cold").status, STATUS_STORE_DOWN);
    assert_int_equal(stale_ones(), before + 2);
}

static void a_store_that_is_down_is_asked_once_a_second_and_noticed_when_back(void **state)
{
    struct cache_bench *it = *state;
    char token[32];
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        (void)cache_bench_ask_pair(it, "acme", token);
    }
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_DOWN;
    (void)cache_bench_ask_pair(it, "acme", "t0");
    it->store.asked = 0;
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        assert_true(cache_bench_keeps(it, "acme", token));
    }
    assert_int_equal(it->store.asked, 0);
    fake_clock_advance(&it->clock, 1000);
    it->store.version = 2;
    it->store.status = STATUS_OK;
    for (int i = 0; i < 50; i++) {
        name(token, "t", i);
        (void)cache_bench_ask_pair(it, "acme", token);
    }
    assert_true(it->store.asked >= 49);
    assert_int_equal(cache_bench_ask_pair(it, "acme", "t49").version, 2);
}

static void while_the_store_is_down_one_of_all_asks_it(void **state)
{
    struct cache_bench *it = *state;
    struct asker askers[ASKERS_MAX] = {0};
    unsigned running = 0;
    for (int i = 0; i < ASKERS_MAX; i++) {
        name(askers[i].token, "t", i);
        (void)cache_bench_ask_pair(it, "acme", askers[i].token);
    }
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_DOWN;
    (void)cache_bench_ask_pair(it, "acme", "t0");
    fake_clock_advance(&it->clock, CACHE_RETRY_MS);
    it->store.asked = 0;
    for (int i = 0; i < ASKERS_MAX; i++) { /* in one turn, so that none knows yet what another's question brings */
        const struct credential_key key = asker_pair_key("acme", askers[i].token);
        asker_start(&askers[i], it->view, it->loop, &key, &running);
    }
    loop_run(it->loop);
    let_work(it);
    assert_int_equal(it->store.asked, 1);
    for (int i = 0; i < ASKERS_MAX; i++)
        assert_true(askers[i].from_memory && askers[i].is_known);
}

static void nothing_is_served_beyond_its_ttl_while_the_feed_is_silent(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    change_feed_silent(&it->feed);
    it->store.status = STATUS_STORE_DOWN;
    fake_clock_advance(&it->clock, TTL_MS - 1);
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_OK);
    fake_clock_advance(&it->clock, 1);
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_STORE_DOWN);
    change_feed_standing(&it->feed); /* and it told all there was */
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_OK);
}

static void what_is_unknown_is_never_served_beyond_its_second(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "unknown");
    fake_clock_advance(&it->clock, CREDENTIAL_UNKNOWN_MS);
    it->store.status = STATUS_STORE_DOWN;
    assert_status(cache_bench_ask_pair(it, "acme", "unknown").status, STATUS_STORE_DOWN);
}

static void a_secret_that_does_not_open_is_no_store_that_is_down(void **state)
{
    struct cache_bench *it = *state;
    (void)cache_bench_ask_pair(it, "acme", "t");
    fake_clock_advance(&it->clock, TTL_MS);
    it->store.status = STATUS_STORE_CORRUPT;
    assert_status(cache_bench_ask_pair(it, "acme", "t").status, STATUS_STORE_CORRUPT);
    it->store.status = STATUS_OK;
    it->store.version = 2;
    struct asker next = cache_bench_ask_pair(it, "acme", "t"); /* nobody takes the store for one that is down */
    assert_false(next.from_memory);
    assert_int_equal(next.version, 2);
}

/* ---- what requests hold ---- */

static void drop_while_held(struct asker *asker)
{
    struct cache_bench *it = asker->context;
    cache_bench_tell(it, CHANGE_CLIENT, "acme");
    assert_slice_equal(credential_pair_of(&asker->hold)->token.secret, SLICE("secret of t"));
}

static void a_request_may_read_on_what_was_dropped(void **state)
{
    struct cache_bench *it = *state;
    const struct credential_key key = asker_pair_key("acme", "t");
    for (int i = 0; i < 2; i++) {
        struct asker asker = {.at_reply = drop_while_held, .context = it};
        unsigned running = 0;
        asker_start(&asker, it->view, it->loop, &key, &running);
        loop_run(it->loop);
        assert_status(asker.status, STATUS_OK);
        (void)cache_bench_ask_pair(it, "acme", "t"); /* to be found in the second round */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_TEST(answers_from_memory_what_was_asked_before),
        CACHE_TEST(keeps_client_token_and_kind_apart),
        CACHE_TEST(has_all_of_a_pair_that_a_verification_needs),
        CACHE_TEST(has_a_client_with_its_callbacks),
        CACHE_TEST(counts_hits_and_misses_by_kind),
        CACHE_TEST(what_one_loop_asked_for_all_loops_have),
        CACHE_TEST(what_a_loop_has_it_finds_without_a_lock),
        CACHE_TEST(is_not_made_without_randomness),
        CACHE_TEST(asks_again_after_the_ttl),
        CACHE_TEST(what_is_used_is_asked_for_ahead_of_its_end_and_nobody_waits),
        CACHE_TEST(asks_ahead_once_a_second_for_what_the_store_cannot_give),
        CACHE_TEST(whoever_asks_ahead_does_not_say_that_the_store_is_down),
        CACHE_TEST(unknown_ones_are_kept_no_longer_than_the_ttl_and_not_asked_ahead),
        CACHE_TEST(unknown_ones_are_kept_for_a_second_at_most),
        CACHE_TEST(unknown_clients_and_servers_are_unknown_from_memory_too),
        CACHE_TEST(holds_no_more_than_its_room_and_lets_the_unused_go),
        CACHE_TEST(strangers_drive_nobody_out),
        CACHE_TEST(keys_that_no_row_can_have_take_no_room),
        CACHE_TEST(the_longest_keys_that_a_row_can_have_are_kept),
        CACHE_TEST(one_that_is_not_used_is_wiped_in_the_end),
        CACHE_TEST(what_may_still_be_served_is_not_wiped),
        CACHE_TEST(what_it_holds_is_wiped_at_its_end),
        CACHE_TEST(a_change_drops_what_it_names_and_nothing_else),
        CACHE_TEST(a_resource_servers_change_drops_its_key),
        CACHE_TEST(a_client_that_was_unknown_is_known_once_it_is_made),
        CACHE_TEST(nothing_is_kept_before_the_feed_stands),
        CACHE_TEST(an_answer_that_a_silence_met_is_kept),
        CACHE_TEST(a_feed_that_lost_changes_drops_everything),
        CACHE_TEST(a_store_that_is_down_is_not_needed_for_300_s_at_most),
        CACHE_TEST(somebody_is_served_without_the_store_if_something_is_known_and_changes_are_heard),
        CACHE_TEST(the_first_to_find_the_store_down_is_served_too),
        CACHE_TEST(a_store_that_is_down_is_asked_once_a_second_and_noticed_when_back),
        CACHE_TEST(while_the_store_is_down_one_of_all_asks_it),
        CACHE_TEST(nothing_is_served_beyond_its_ttl_while_the_feed_is_silent),
        CACHE_TEST(what_is_unknown_is_never_served_beyond_its_second),
        CACHE_TEST(a_secret_that_does_not_open_is_no_store_that_is_down),
        CACHE_TEST(a_request_may_read_on_what_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
