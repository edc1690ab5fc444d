/* Resource servers, changes, audit, the janitor, and the nonces of a store that stopped. */
#include "durable/changes.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "guard/nonce_ledger.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t DAY_MS = 24LL * 3600 * 1000;

/* ---- resource servers ---- */

static struct slice digest_of(char byte, char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES])
{
    memset(memory, byte, RESOURCE_SERVER_KEY_DIGEST_BYTES);
    return slice_of(memory, RESOURCE_SERVER_KEY_DIGEST_BYTES);
}

static void a_resource_server_is_found_by_its_keys_digest(void **state)
{
    struct durable_bench *bench = *state;
    char memory[2][RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct resource_server wanted = {
        .name = SLICE("photos"),
        .key_digest = digest_of('k', memory[0]),
        .origins = SLICE("https://photos.example.com https://photos.example.net:8443"),
        .tls_sans = SLICE("photos.internal"),
        .allow_explain = true,
    };
    struct resource_server *found = NULL;
    int64_t id = 0;
    assert_status(durable_resource_server_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    assert_status(durable_resource_server_find_blocking(&bench->db, wanted.key_digest, &found), STATUS_OK);
    assert_int_equal(found->id, id);
    assert_slice_equal(found->name, wanted.name);
    assert_slice_equal(found->origins, wanted.origins);
    assert_slice_equal(found->tls_sans, wanted.tls_sans);
    assert_true(found->allow_explain);
    assert_int_equal(found->revoked_ms, 0);
    resource_server_free(found);
    found = NULL;
    assert_status(durable_resource_server_find_blocking(&bench->db, digest_of('K', memory[1]), &found),
                  STATUS_NOT_FOUND);
    assert_null(found);
}

static void a_resource_server_needs_a_name_and_a_way_in(void **state)
{
    struct durable_bench *bench = *state;
    char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct resource_server nameless = {.key_digest = digest_of('k', memory)};
    struct resource_server keyless = {.name = SLICE("photos")};
    struct resource_server short_digest = {.name = SLICE("photos"), .key_digest = SLICE("short")};
    struct resource_server by_certificate = {.name = SLICE("photos"), .tls_sans = SLICE("photos.internal")};
    struct resource_server keyed = {.name = SLICE("photos"), .key_digest = digest_of('k', memory)};
    int64_t id = 0;
    assert_status(durable_resource_server_create_blocking(&bench->db, &nameless, &id), STATUS_BAD_INPUT);
    assert_status(durable_resource_server_create_blocking(&bench->db, &keyless, &id), STATUS_BAD_INPUT);
    assert_status(durable_resource_server_create_blocking(&bench->db, &short_digest, &id), STATUS_BAD_INPUT);
    assert_status(durable_resource_server_create_blocking(&bench->db, &by_certificate, &id), STATUS_OK);
    keyed.name = SLICE("keyed");
    assert_status(durable_resource_server_create_blocking(&bench->db, &keyed, &id), STATUS_OK);
    keyed.name = SLICE("keyed too");
    assert_status(durable_resource_server_create_blocking(&bench->db, &keyed, &id), STATUS_CONFLICT);
}

static int64_t certified(struct durable_bench *bench, const char *sans)
{
    struct resource_server *found = NULL;
    enum status status = durable_resource_server_find_by_san_blocking(&bench->db, slice_str(sans), &found);
    int64_t id = status == STATUS_OK ? found->id : 0;
    assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
    resource_server_free(found);
    return id;
}

static void a_resource_server_is_found_by_a_name_of_its_certificate(void **state)
{
    struct durable_bench *bench = *state;
    char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct resource_server keyed = {.name = SLICE("keyed"), .key_digest = digest_of('k', memory)};
    struct resource_server old = {.name = SLICE("old"), .tls_sans = SLICE("a.internal spiffe://x/Photos")};
    struct resource_server new = {.name = SLICE("new"), .tls_sans = SLICE("b.internal")};
    int64_t ids[3] = {0};
    int64_t count = 0;
    assert_status(durable_resource_server_create_blocking(&bench->db, &keyed, &ids[0]), STATUS_OK);
    assert_status(durable_resource_server_create_blocking(&bench->db, &old, &ids[1]), STATUS_OK);
    assert_status(durable_resource_server_create_blocking(&bench->db, &new, &ids[2]), STATUS_OK);
    assert_int_equal(certified(bench, "DNS:other.internal DNS:A.Internal"), ids[1]);
    assert_int_equal(certified(bench, "URI:spiffe://x/Photos"), ids[1]);
    assert_int_equal(certified(bench, "DNS:b.internal"), ids[2]);
    assert_int_equal(certified(bench, "DNS:a.internal DNS:b.internal"), ids[2]); /* the newest */
    static const char *const nobodys[] = {"",
                                          "DNS:a",
                                          "DNS:internal",
                                          "DNS:a.internal.evil",
                                          "DNS:a_nternal",
                                          "DNS:%.internal",
                                          "URI:spiffe://x/photos",
                                          "URI:spiffe://x/Photos/",
                                          "URI:a.internal",
                                          "DNS:spiffe://x/Photos"};
    for (size_t i = 0; i < COUNT_OF(nobodys); i++)
        assert_int_equal(certified(bench, nobodys[i]), 0);
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("old"), &count), STATUS_OK);
    assert_int_equal(certified(bench, "DNS:a.internal"), 0);
}

static enum status register_server(struct durable_bench *bench, const char *name, const char *sans)
{
    const struct resource_server server = {.name = slice_str(name), .tls_sans = slice_str(sans)};
    int64_t id = 0;
    return durable_resource_server_create_blocking(&bench->db, &server, &id);
}

/* Who registers the name of another's certificate would be taken for that one, or the other way round. */
static void a_name_of_a_live_resource_server_or_of_its_certificate_is_not_given_again(void **state)
{
    struct durable_bench *bench = *state;
    int64_t count = 0;
    assert_status(register_server(bench, "photos", "DNS:photos.internal URI:spiffe://x/Photos"), STATUS_OK);
    static const char *const taken[] = {
        "DNS:photos.internal", "photos.internal",       "DNS:Photos.Internal", "DNS:a.internal DNS:photos.internal",
        "spiffe://x/Photos",   "URI:spiffe://x/Photos",
    };
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (register_server(bench, "other", taken[i]) != STATUS_CONFLICT)
            fail_msg("%s", taken[i]);
    assert_status(register_server(bench, "photos", "DNS:b.internal"), STATUS_CONFLICT);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM resource_servers"), 1);
    /* others are free, and what is refused takes nothing */
    assert_status(register_server(bench, "Photos", "DNS:a.internal DNS:b.internal URI:photos.internal"), STATUS_OK);
    assert_int_equal(certified(bench, "URI:photos.internal"), 2);
    assert_int_equal(certified(bench, "DNS:photos.internal"), 1);
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("photos"), &count), STATUS_OK);
    assert_status(register_server(bench, "photos", "DNS:photos.internal URI:spiffe://x/Photos"), STATUS_OK);
    assert_int_equal(certified(bench, "DNS:photos.internal"), 3);
}

/* As an earlier version stored them: without types, and two live ones with one name. */
static void names_that_were_stored_without_a_type_are_still_somebodys(void **state)
{
    struct durable_bench *bench = *state;
    static const char insert[] = "INSERT INTO resource_servers (name, tls_sans, created_at) VALUES (?, ?, 1)";
    struct sql_value rows[][2] = {{sql_text(SLICE("old")), sql_text(SLICE("a.internal spiffe://x/Photos"))},
                                  {sql_text(SLICE("old")), sql_text(SLICE("b.internal"))}};
    int64_t count = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_status(sql_execute_blocking(bench->db.sql, insert, rows[i], 2, NULL, NULL), STATUS_OK);
    assert_int_equal(certified(bench, "DNS:A.internal"), 1);
    assert_int_equal(certified(bench, "URI:spiffe://x/Photos"), 1);
    assert_int_equal(certified(bench, "URI:a.internal"), 0);
    assert_status(register_server(bench, "new", "DNS:B.internal"), STATUS_CONFLICT);
    assert_status(register_server(bench, "new", "URI:spiffe://x/Photos"), STATUS_CONFLICT);
    assert_status(register_server(bench, "old", "DNS:c.internal"), STATUS_CONFLICT);
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("old"), &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_status(register_server(bench, "old", "DNS:b.internal"), STATUS_OK);
}

static void revoking_a_resource_server_ends_all_keys_of_that_name(void **state)
{
    struct durable_bench *bench = *state;
    char memory[2][RESOURCE_SERVER_KEY_DIGEST_BYTES];
    char line[1024];
    struct sql_value keys[2] = {sql_blob(digest_of('1', memory[0])), sql_blob(digest_of('2', memory[1]))};
    struct resource_server *found = NULL;
    int64_t count = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) /* as an earlier version let two share a name */
        assert_status(sql_execute_blocking(bench->db.sql,
                                           "INSERT INTO resource_servers (name, key_digest, created_at)"
                                           " VALUES ('photos', ?, 1)",
                                           &keys[i], 1, NULL, NULL),
                      STATUS_OK);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("photos"), &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(durable_bench_changes(bench, before, line),
                        "resource-server revoked 1, resource-server revoked 2");
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("photos"), &count), STATUS_OK);
    assert_int_equal(count, 0);
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("Photos"), &count), STATUS_NOT_FOUND);
    assert_status(durable_resource_server_find_blocking(&bench->db, keys[1].bytes, &found), STATUS_OK);
    assert_int_equal(found->revoked_ms, BENCH_NOW_MS);
    resource_server_free(found);
}

static void resource_servers_are_listed_in_pages(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const names[] = {"a", "b", "c"};
    struct resource_server_page *page = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_status(register_server(bench, names[i], names[i]), STATUS_OK);
    struct page_request after_first = {.after_id = 1, .limit = 5};
    assert_status(durable_resource_server_list_blocking(&bench->db, after_first, &page), STATUS_OK);
    assert_int_equal(page->count, 2);
    assert_slice_equal(page->servers[1].name, SLICE("c"));
    resource_server_page_free(page);
}

/* ---- changes, audit ---- */

static void changes_are_followed_from_where_one_is(void **state)
{
    struct durable_bench *bench = *state;
    struct change_page *page = NULL;
    assert_int_equal(durable_bench_latest_change(bench), 0);
    for (int i = 0; i < 5; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        (void)durable_bench_client(bench, id);
    }
    int64_t latest = durable_bench_latest_change(bench);
    assert_status(durable_changes_since_blocking(&bench->db, 0, 2, &page), STATUS_OK);
    assert_int_equal(page->count, 2);
    assert_slice_equal(page->changes[1].id, SLICE("b"));
    assert_int_equal(page->changes[1].at_ms, BENCH_NOW_MS);
    int64_t second = page->changes[1].sequence;
    change_page_free(page);
    assert_status(durable_changes_since_blocking(&bench->db, second, 0, &page), STATUS_OK);
    assert_int_equal(page->count, 3);
    assert_int_equal(page->changes[2].sequence, latest);
    change_page_free(page);
    assert_status(durable_changes_since_blocking(&bench->db, latest, 0, &page), STATUS_OK);
    assert_int_equal(page->count, 0);
    change_page_free(page);
}

static void the_audit_log_keeps_who_did_what(void **state)
{
    struct durable_bench *bench = *state;
    struct audit_page *page = NULL;
    assert_status(durable_audit_append_blocking(&bench->db, SLICE("ops"), SLICE("client.create"), SLICE("a'b\"c")),
                  STATUS_OK);
    assert_status(durable_audit_append_blocking(&bench->db, SLICE("ops"), SLICE("client.delete"), SLICE("abc")),
                  STATUS_OK);
    assert_status(durable_audit_list_blocking(&bench->db, (struct page_request){0}, &page), STATUS_OK);
    assert_int_equal(page->count, 2);
    assert_slice_equal(page->entries[0].who, SLICE("ops"));
    assert_slice_equal(page->entries[0].what, SLICE("client.create"));
    assert_slice_equal(page->entries[0].subject, SLICE("a'b\"c"));
    assert_int_equal(page->entries[0].at_ms, BENCH_NOW_MS);
    audit_page_free(page);
}

/* ---- the janitor ---- */

static void the_janitor_takes_what_is_over_and_nothing_else(void **state)
{
    struct durable_bench *bench = *state;
    struct janitor_counts counts = {0};
    char jti[2][64];
    (void)durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    durable_bench_token(bench, "acme", jane, "revoked", jti[0]);
    durable_bench_token(bench, "acme", jane, "live", jti[1]);
    struct token_filter filter = {.jti = slice_str(jti[0])};
    int64_t revoked = 0;
    assert_status(durable_token_revoke_blocking(&bench->db, &filter, &revoked), STATUS_OK);
    assert_status(durable_client_rotate_secret_blocking(&bench->db, SLICE("acme"), SLICE("new"), 0), STATUS_OK);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes + counts.secrets + counts.tokens, 0);
    fake_clock_advance(&bench->clock, 31 * DAY_MS);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes, 3);
    assert_int_equal(counts.secrets, 1);
    assert_int_equal(counts.tokens, 1);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE oauth_token = 'live'"), 1);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM client_secrets"), 1);
}

static void the_janitor_goes_in_batches_and_misses_none(void **state)
{
    struct durable_bench *bench = *state;
    enum { BATCH = 500, LEFT = 13 };
    struct janitor_counts counts = {0};
    struct sql_value params[] = {sql_int(BENCH_NOW_MS)};
    for (int i = 0; i < BATCH + LEFT; i++)
        assert_status(sql_execute_blocking(
                          bench->db.sql, "INSERT INTO changes (kind, event, id, at) VALUES ('client', 'edited', '', ?)",
                          params, 1, NULL, NULL),
                      STATUS_OK);
    fake_clock_advance(&bench->clock, 2 * DAY_MS);
    (void)durable_bench_client(bench, "a");
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes, BATCH);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes, LEFT);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes, 0);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM changes"), 1);
}

static void a_sequence_is_never_given_twice(void **state)
{
    struct durable_bench *bench = *state;
    struct janitor_counts counts = {0};
    (void)durable_bench_client(bench, "a");
    int64_t before = durable_bench_latest_change(bench);
    fake_clock_advance(&bench->clock, 2 * DAY_MS);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.changes, 1);
    (void)durable_bench_client(bench, "b");
    assert_true(durable_bench_latest_change(bench) > before);
}

/* ---- what is known of a nonce store ---- */

static struct nonce_ledger *ledger_of(struct durable_bench *bench)
{
    static struct durable_nonce_ledger ledger;
    durable_nonce_ledger_init(&ledger, &bench->db);
    return &ledger.ledger;
}

static struct nonce_state open_ledger(struct durable_bench *bench, const char *name, const char *epoch, int64_t now_ms)
{
    const struct nonce_begin begin = {
        .name = slice_str(name), .epoch = slice_str(epoch), .now_ms = now_ms, .back_ms = 2000, .lead_ms = 60000};
    struct nonce_state nonces = {0};
    struct nonce_ledger *ledger = ledger_of(bench);
    assert_status(ledger->open_blocking(ledger, &begin, &nonces), STATUS_OK);
    return nonces;
}

static enum nonce_opening opening_of(struct durable_bench *bench, const char *name, const char *epoch, int64_t now_ms)
{
    struct nonce_state nonces = open_ledger(bench, name, epoch, now_ms);
    enum nonce_opening opening = nonces.opening;
    nonce_state_done(&nonces);
    return opening;
}

/* Saves at BENCH_NOW_MS + 10, with ranges that were raised to 100 s. */
static enum status save_ledger(struct durable_bench *bench, const char *name, const char *epoch, size_t count)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct nonce_state nonces = {.at_ms = BENCH_NOW_MS + 10, .count = count};
    nonces.nonces = calloc(count + 1, sizeof *nonces.nonces);
    assert_non_null(nonces.nonces);
    memset(nonces.hash_key, 'K', sizeof nonces.hash_key);
    for (size_t i = 0; i < count; i++)
        nonces.nonces[i] = (struct saved_nonce){(int64_t)(i / 20000), 0x8000000000000000U + i};
    accepted_ranges_raise(&nonces.ranges, 100);
    enum status status = ledger->save_blocking(ledger, slice_str(name), slice_str(epoch), &nonces);
    nonce_state_done(&nonces);
    return status;
}

static enum status keep(struct durable_bench *bench, const char *name, const char *epoch, int64_t second,
                        struct accepted_ranges *ranges)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    const struct nonce_keep wanted = {.name = slice_str(name),
                                      .epoch = slice_str(epoch),
                                      .wanted = &second,
                                      .wanted_count = 1,
                                      .away = SECOND_SPAN_EMPTY};
    return ledger->keep_blocking(ledger, &wanted, ranges);
}

static const char *ranges_text(const struct accepted_ranges *ranges)
{
    static char memory[ACCEPTED_TEXT_BYTES + 1];
    struct buf text = buf_fixed(memory, sizeof memory);
    accepted_ranges_write(ranges, &text);
    return buf_string(&text);
}

static void the_first_start_ever_has_lost_nothing_and_the_next_has(void **state)
{
    struct durable_bench *bench = *state;
    assert_int_equal(opening_of(bench, "memory:auth-service", "e1", BENCH_NOW_MS), NONCES_FIRST);
    assert_int_equal(opening_of(bench, "memory:auth-service", "e2", BENCH_NOW_MS + 5), NONCES_LOST);
    assert_int_equal(opening_of(bench, "memory:introspection-service", "e3", BENCH_NOW_MS + 5), NONCES_FIRST);
}

static void saved_nonces_come_back_once(void **state)
{
    struct durable_bench *bench = *state;
    enum { COUNT = 50000 };
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", COUNT), STATUS_OK);
    struct nonce_state back = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 20);
    assert_int_equal(back.opening, NONCES_SAVED);
    assert_int_equal(back.at_ms, BENCH_NOW_MS + 10);
    assert_string_equal(ranges_text(&back.ranges), "100 99 105");
    assert_int_equal(back.count, COUNT);
    assert_memory_equal(back.hash_key, "KKKKKKKKKKKKKKKK", NONCE_HASH_KEY_BYTES);
    uint64_t sum = 0;
    for (size_t i = 0; i < back.count; i++) {
        assert_int_equal(back.nonces[i].timestamp_s, (back.nonces[i].hash & 0xFFFFFF) / 20000);
        sum += back.nonces[i].hash & 0xFFFFFF;
    }
    assert_int_equal(sum, (uint64_t)COUNT * (COUNT - 1) / 2);
    nonce_state_done(&back);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM saved_nonces"), 0);
    struct nonce_state again = open_ledger(bench, "memory:a", "e3", BENCH_NOW_MS + 30); /* a crash came in between */
    assert_int_equal(again.opening, NONCES_LOST);
    assert_int_equal(again.count, 0);
    assert_string_equal(ranges_text(&again.ranges), "100 105 105");
    nonce_state_done(&again);
}

static void a_store_without_nonces_stops_cleanly_too(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 0), STATUS_OK);
    struct nonce_state back = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 20);
    assert_int_equal(back.opening, NONCES_SAVED);
    assert_int_equal(back.count, 0);
    nonce_state_done(&back);
}

/* What had expired by the clock of then would be good again. */
static void saved_nonces_do_not_count_where_the_clock_has_gone_back(void **state)
{
    struct durable_bench *bench = *state;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(save_ledger(bench, "memory:a", "e1", 3), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "e2", BENCH_NOW_MS + 10 - 2001), NONCES_LOST);
    assert_status(save_ledger(bench, "memory:a", "e2", 3), STATUS_OK);
    assert_int_equal(opening_of(bench, "memory:a", "e3", BENCH_NOW_MS + 10 - 2000), NONCES_SAVED);
}

static void nothing_is_raised_or_saved_under_an_epoch_that_is_over(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 105");
    (void)opening_of(bench, "memory:a", "e2", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 110, &ranges), STATUS_CONFLICT);
    assert_status(save_ledger(bench, "memory:a", "e1", 0), STATUS_CONFLICT);
    assert_status(keep(bench, "memory:a", "e2", 106, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 105 111");
    assert_status(keep(bench, "memory:b", "e2", 106, &ranges), STATUS_CONFLICT);
}

static void a_raise_that_others_made_is_seen(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 104, &ranges), STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 101, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 109");
}

static void what_was_accepted_away_is_put_into_the_ranges(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    const struct nonce_keep away = {.name = SLICE("memory:a"), .epoch = SLICE("e1"), .away = {200, 240}};
    assert_status(ledger->keep_blocking(ledger, &away, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "200 199 245");
}

/* ---- decisions ---- */

static enum status begin_shared(void *context, struct nonce_row *row, struct nonce_users *users)
{
    *(struct nonce_row *)context = *row;
    row->exists = row->is_used = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "shared");
    (void)snprintf(row->record, sizeof row->record, "3 shared");
    accepted_ranges_guard_others(&row->ranges, &users->others);
    return STATUS_OK;
}

static enum status fail_to_decide(void *context, struct nonce_row *row, struct nonce_users *users)
{
    (void)context, (void)users;
    row->exists = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "wrong");
    return STATUS_BAD_INPUT;
}

static struct nonce_row decide(struct durable_bench *bench, nonce_decide_fn decide_fn, enum status expected)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct nonce_row before = {0};
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), decide_fn, &before), expected);
    return before;
}

static void a_decision_is_kept_and_one_that_failed_is_not(void **state)
{
    struct durable_bench *bench = *state;
    (void)decide(bench, fail_to_decide, STATUS_BAD_INPUT);
    struct nonce_row first = decide(bench, begin_shared, STATUS_OK);
    assert_false(first.exists);
    assert_int_equal(first.earlier_ms, 0);
    struct nonce_row second = decide(bench, begin_shared, STATUS_OK);
    assert_true(second.exists);
    assert_true(second.is_used);
    assert_string_equal(second.epoch, "shared");
    assert_string_equal(second.record, "3 shared");
}

static void what_lies_between_a_range_and_a_wanted_second_may_be_anothers(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 110, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "110 109 115");
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(sql_execute_blocking(bench->db.sql,
                                       "UPDATE nonce_epochs SET ranges = '116 115 117' WHERE name = 'redis'", NULL, 0,
                                       NULL, NULL),
                  STATUS_OK);
    assert_status(keep(bench, "memory:a", "e1", 119, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 116) || accepted_ranges_cover(&ranges, 117));
    assert_true(accepted_ranges_cover(&ranges, 119));
}

/* One that forgot to name Redis, say: they share the durable store alone. */
static void of_two_stores_that_run_at_once_one_alone_covers_a_second(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 105, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 105));
    assert_status(keep(bench, "memory:a", "e1", 104, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 99 109"); /* its own goes on */
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 108, &ranges), STATUS_OK);
    assert_false(accepted_ranges_cover(&ranges, 108));
    assert_status(keep(bench, NONCE_STORE_SHARED, "shared", 120, &ranges), STATUS_OK);
    assert_true(accepted_ranges_cover(&ranges, 120) && accepted_ranges_cover(&ranges, 125));
    assert_status(keep(bench, "memory:a", "e1", 118, &ranges), STATUS_OK);
    assert_true(accepted_ranges_cover(&ranges, 118) || accepted_ranges_guard(&ranges, 118));
    for (int64_t second = 120; second <= 125; second++) {
        assert_status(keep(bench, "memory:a", "e1", second, &ranges), STATUS_OK);
        assert_false(accepted_ranges_cover(&ranges, second));
    }
}

/* Each knows nothing of what the other has accepted. */
static void going_from_one_store_to_the_other_and_back_guards_what_was_accepted_there(void **state)
{
    struct durable_bench *bench = *state;
    struct accepted_ranges ranges = {0};
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(keep(bench, "memory:a", "e1", 100, &ranges), STATUS_OK);
    assert_status(save_ledger(bench, "memory:a", "e1", 1), STATUS_OK);
    (void)decide(bench, begin_shared, STATUS_OK);
    assert_status(keep(bench, "redis", "shared", 103, &ranges), STATUS_OK);
    assert_string_equal(ranges_text(&ranges), "100 105 105");
    assert_status(keep(bench, "redis", "shared", 200, &ranges), STATUS_OK);
    struct nonce_state memory = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 40);
    assert_int_equal(memory.opening, NONCES_SAVED); /* and still good for what was accepted here */
    assert_string_equal(ranges_text(&memory.ranges), "100 105 105;200 205 205");
    nonce_state_done(&memory);
    memory = open_ledger(bench, "memory:b", "e3", BENCH_NOW_MS + 40); /* two services do not concern each other */
    assert_string_equal(ranges_text(&memory.ranges), "100 105 105;200 205 205");
    nonce_state_done(&memory);
}

static void what_a_version_without_ranges_may_have_accepted_is_guarded(void **state)
{
    struct durable_bench *bench = *state;
    char text[128];
    int64_t now_s = BENCH_NOW_MS / 1000;
    (void)opening_of(bench, "memory:a", "e1", BENCH_NOW_MS);
    assert_status(sql_execute_blocking(bench->db.sql, "DELETE FROM nonce_epochs", NULL, 0, NULL, NULL), STATUS_OK);
    struct nonce_row shared = decide(bench, begin_shared, STATUS_OK);
    assert_int_equal(shared.earlier_ms, BENCH_NOW_MS);
    struct nonce_state memory = open_ledger(bench, "memory:a", "e2", BENCH_NOW_MS + 30000);
    (void)snprintf(text, sizeof text, "%lld %lld %lld", (long long)now_s, (long long)now_s + 90, (long long)now_s + 90);
    assert_string_equal(ranges_text(&memory.ranges), text);
    nonce_state_done(&memory);
}

/* ---- users ---- */

static enum status look_at_users(void *context, struct nonce_row *row, struct nonce_users *users)
{
    char *line = context;
    size_t len = 0;
    row->exists = true;
    (void)snprintf(row->epoch, sizeof row->epoch, "shared");
    line[0] = '\0';
    for (size_t i = 0; i < users->count; i++) {
        const struct nonce_user *user = &users->items[i];
        len += (size_t)snprintf(line + len, 256 - len, "%s@%s %d %d;", user->id, user->machine, (int)user->steady_ms,
                                (int)user->clock_ms);
    }
    if (users->count == 2)
        users->items[0].id[0] = '\0';
    return STATUS_OK;
}

static enum status note_user(struct durable_bench *bench, const char *id, int64_t clock_ms)
{
    struct nonce_ledger *ledger = ledger_of(bench);
    struct accepted_ranges ranges;
    struct nonce_user user = {.machine = "m", .steady_ms = 5, .clock_ms = clock_ms};
    (void)snprintf(user.id, sizeof user.id, "%s", id);
    const struct nonce_keep noted = {
        .name = SLICE(NONCE_STORE_SHARED), .epoch = SLICE("shared"), .away = SECOND_SPAN_EMPTY, .user = &user};
    return ledger->keep_blocking(ledger, &noted, &ranges);
}

static void users_are_noted_refreshed_and_forgotten(void **state)
{
    struct durable_bench *bench = *state;
    struct nonce_ledger *ledger = ledger_of(bench);
    char line[256];
    assert_status(note_user(bench, "a", 1), STATUS_CONFLICT);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "");
    assert_status(note_user(bench, "a", 1), STATUS_OK);
    assert_status(note_user(bench, "a", 2), STATUS_OK);
    assert_status(note_user(bench, "b", 3), STATUS_OK);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "a@m 5 2;b@m 5 3;");
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "b@m 5 3;");
    assert_status(ledger->leave_blocking(ledger, SLICE(NONCE_STORE_SHARED), SLICE("b")), STATUS_OK);
    assert_status(ledger->decide_blocking(ledger, SLICE(NONCE_STORE_SHARED), look_at_users, line), STATUS_OK);
    assert_string_equal(line, "");
}

int contract_ledgers_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_resource_server_is_found_by_its_keys_digest),
        BENCH_TEST(a_resource_server_is_found_by_a_name_of_its_certificate),
        BENCH_TEST(a_name_of_a_live_resource_server_or_of_its_certificate_is_not_given_again),
        BENCH_TEST(names_that_were_stored_without_a_type_are_still_somebodys),
        BENCH_TEST(a_resource_server_needs_a_name_and_a_way_in),
        BENCH_TEST(revoking_a_resource_server_ends_all_keys_of_that_name),
        BENCH_TEST(resource_servers_are_listed_in_pages),
        BENCH_TEST(changes_are_followed_from_where_one_is),
        BENCH_TEST(the_audit_log_keeps_who_did_what),
        BENCH_TEST(the_janitor_takes_what_is_over_and_nothing_else),
        BENCH_TEST(the_janitor_goes_in_batches_and_misses_none),
        BENCH_TEST(a_sequence_is_never_given_twice),
        BENCH_TEST(the_first_start_ever_has_lost_nothing_and_the_next_has),
        BENCH_TEST(saved_nonces_come_back_once),
        BENCH_TEST(a_store_without_nonces_stops_cleanly_too),
        BENCH_TEST(saved_nonces_do_not_count_where_the_clock_has_gone_back),
        BENCH_TEST(nothing_is_raised_or_saved_under_an_epoch_that_is_over),
        BENCH_TEST(a_raise_that_others_made_is_seen),
        BENCH_TEST(what_was_accepted_away_is_put_into_the_ranges),
        BENCH_TEST(a_decision_is_kept_and_one_that_failed_is_not),
        BENCH_TEST(of_two_stores_that_run_at_once_one_alone_covers_a_second),
        BENCH_TEST(what_lies_between_a_range_and_a_wanted_second_may_be_anothers),
        BENCH_TEST(going_from_one_store_to_the_other_and_back_guards_what_was_accepted_there),
        BENCH_TEST(what_a_version_without_ranges_may_have_accepted_is_guarded),
        BENCH_TEST(users_are_noted_refreshed_and_forgotten),
    };
    return cmocka_run_group_tests_name("resource servers, changes, nonces", tests, NULL, NULL);
}
