/* Resource servers, changes, audit and the janitor. */
#include "durable/changes.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>

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

static int64_t end_of_key(struct durable_bench *bench, char byte)
{
    char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    struct resource_server *found = NULL;
    assert_status(durable_resource_server_find_blocking(&bench->db, digest_of(byte, memory), &found), STATUS_OK);
    int64_t end_ms = found->revoked_ms;
    assert_slice_equal(found->name, SLICE("photos"));
    assert_slice_equal(found->origins, SLICE("https://a.example"));
    assert_true(found->allow_explain);
    resource_server_free(found);
    return end_ms;
}

static enum status rotate_to(struct durable_bench *bench, const char *name, char byte, int64_t overlap_ms)
{
    char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    return durable_resource_server_rotate_blocking(&bench->db, slice_str(name), digest_of(byte, memory), overlap_ms);
}

static int64_t former_until(struct durable_bench *bench, const char *name)
{
    int64_t until_ms = 0;
    assert_status(durable_resource_server_former_until_blocking(&bench->db, slice_str(name), &until_ms), STATUS_OK);
    return until_ms;
}

static void a_rotated_key_stays_good_for_the_overlap_and_the_one_before_it_no_longer(void **state)
{
    struct durable_bench *bench = *state;
    char memory[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    char line[1024];
    int64_t id = 0;
    int64_t count = 0;
    struct resource_server server = {.name = SLICE("photos"),
                                     .key_digest = digest_of('1', memory),
                                     .origins = SLICE("https://a.example"),
                                     .tls_sans = SLICE("DNS:photos.internal"),
                                     .allow_explain = true};
    assert_status(durable_resource_server_create_blocking(&bench->db, &server, &id), STATUS_OK);
    int64_t before = durable_bench_latest_change(bench);
    assert_int_equal(former_until(bench, "photos"), 0);
    assert_status(rotate_to(bench, "photos", '2', DAY_MS), STATUS_OK);
    assert_int_equal(former_until(bench, "photos"), BENCH_NOW_MS + DAY_MS);
    assert_int_equal(former_until(bench, "nobody"), 0);
    assert_string_equal(durable_bench_changes(bench, before, line),
                        "resource-server edited 1, resource-server edited 2");
    assert_int_equal(end_of_key(bench, '1'), BENCH_NOW_MS + DAY_MS);
    assert_int_equal(end_of_key(bench, '2'), 0);
    assert_int_equal(certified(bench, "DNS:photos.internal"), 2);
    assert_status(register_server(bench, "photos", "DNS:b.internal"), STATUS_CONFLICT);
    assert_status(register_server(bench, "other", "DNS:photos.internal"), STATUS_CONFLICT);
    assert_status(rotate_to(bench, "photos", '3', 2 * DAY_MS), STATUS_OK);
    assert_int_equal(end_of_key(bench, '1'), BENCH_NOW_MS);
    assert_int_equal(end_of_key(bench, '2'), BENCH_NOW_MS + 2 * DAY_MS);
    assert_status(rotate_to(bench, "photos", '2', 0), STATUS_CONFLICT);
    assert_status(rotate_to(bench, "nobody", '4', 0), STATUS_NOT_FOUND);
    /* one that is revoked takes the key that was rotated out with it */
    assert_status(durable_resource_server_revoke_blocking(&bench->db, SLICE("photos"), &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(end_of_key(bench, '2'), BENCH_NOW_MS);
    assert_int_equal(former_until(bench, "photos"), 0);
    assert_status(rotate_to(bench, "photos", '4', 0), STATUS_NOT_FOUND);
    assert_status(register_server(bench, "photos", "DNS:photos.internal"), STATUS_OK);
}

static void a_key_that_was_rotated_out_is_good_until_its_end(void **state)
{
    (void)state;
    const struct resource_server live = {.revoked_ms = 0};
    const struct resource_server ending = {.revoked_ms = 1000};
    assert_true(resource_server_is_live(&live, 5000));
    assert_true(resource_server_is_live(&ending, 999));
    assert_false(resource_server_is_live(&ending, 1000));
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

static size_t count_audit(struct durable *db, const struct audit_filter *filter)
{
    struct audit_page *page = NULL;
    assert_status(durable_audit_list_blocking(db, filter, (struct page_request){0}, &page), STATUS_OK);
    size_t count = page->count;
    audit_page_free(page);
    return count;
}

static void fail_login(struct durable *db, struct slice user)
{
    const struct audit_entry entry = {.who = SLICE("login"), .subject = user, .user = user};
    assert_status(durable_audit_failed_login_blocking(db, &entry), STATUS_OK);
}

static void failed_logins_are_one_row_an_account_and_minute_and_a_hundred_at_most(void **state)
{
    struct durable_bench *bench = *state;
    const struct audit_filter jane = {.user = SLICE("jane")};
    fail_login(&bench->db, SLICE("jane"));
    fail_login(&bench->db, SLICE("jane"));
    assert_int_equal(count_audit(&bench->db, &jane), 1);
    for (int i = 0; i < 120; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "user-%d", i);
        fail_login(&bench->db, slice_of(name, (size_t)len));
    }
    assert_int_equal(count_audit(&bench->db, NULL), 100);
    fake_clock_advance(&bench->clock, 60000);
    fail_login(&bench->db, SLICE("jane"));
    assert_int_equal(count_audit(&bench->db, &jane), 2);
}

static void the_audit_log_is_filtered_by_whom_it_concerns(void **state)
{
    struct durable_bench *bench = *state;
    const struct audit_entry grant = {.who = SLICE("user:7"),
                                      .what = SLICE("access.grant"),
                                      .subject = SLICE("abc"),
                                      .client = SLICE("abc"),
                                      .request = SLICE("r1")};
    assert_status(durable_audit_write_blocking(&bench->db, &grant), STATUS_OK);
    assert_status(durable_audit_append_blocking(&bench->db, SLICE("cli:jo"), SLICE("client.update"), SLICE("abc")),
                  STATUS_OK);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.client = SLICE("abc")}), 2);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.user = SLICE("7")}), 1);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.who = SLICE("cli:jo")}), 1);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.id = SLICE("r1")}), 1);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.client = SLICE("ab")}), 0);
    assert_int_equal(count_audit(&bench->db, &(struct audit_filter){.until_ms = 1}), 0);
}

static void the_audit_log_keeps_who_did_what(void **state)
{
    struct durable_bench *bench = *state;
    struct audit_page *page = NULL;
    assert_status(durable_audit_append_blocking(&bench->db, SLICE("ops"), SLICE("client.create"), SLICE("a'b\"c")),
                  STATUS_OK);
    assert_status(durable_audit_append_blocking(&bench->db, SLICE("ops"), SLICE("client.delete"), SLICE("abc")),
                  STATUS_OK);
    assert_status(durable_audit_list_blocking(&bench->db, NULL, (struct page_request){0}, &page), STATUS_OK);
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

static void the_janitor_leaves_an_expired_token_for_30_days(void **state)
{
    struct durable_bench *bench = *state;
    char memory[320];
    struct janitor_counts counts = {0};
    (void)durable_bench_client(bench, "acme");
    struct token_issue issue = {
        .client_id = SLICE("acme"),
        .user = durable_bench_user(bench, "jane"),
        .scopes = SLICE("photos:read"),
        .oauth_token = SLICE("short"),
        .secret = durable_bench_secret("short", memory),
        .lifetime_ms = DAY_MS,
    };
    bool existing = false;
    struct token *token = NULL;
    assert_status(durable_token_issue_blocking(&bench->db, &issue, &existing, &token), STATUS_OK);
    token_free(token);
    fake_clock_advance(&bench->clock, 31 * DAY_MS);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.tokens, 0);
    fake_clock_advance(&bench->clock, 1);
    assert_status(durable_janitor_blocking(&bench->db, &counts), STATUS_OK);
    assert_int_equal(counts.tokens, 1);
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

int contract_ledgers_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_resource_server_is_found_by_its_keys_digest),
        BENCH_TEST(a_resource_server_is_found_by_a_name_of_its_certificate),
        BENCH_TEST(a_name_of_a_live_resource_server_or_of_its_certificate_is_not_given_again),
        BENCH_TEST(names_that_were_stored_without_a_type_are_still_somebodys),
        BENCH_TEST(a_resource_server_needs_a_name_and_a_way_in),
        BENCH_TEST(revoking_a_resource_server_ends_all_keys_of_that_name),
        BENCH_TEST(a_rotated_key_stays_good_for_the_overlap_and_the_one_before_it_no_longer),
        BENCH_TEST(a_key_that_was_rotated_out_is_good_until_its_end),
        BENCH_TEST(resource_servers_are_listed_in_pages),
        BENCH_TEST(changes_are_followed_from_where_one_is),
        BENCH_TEST(the_audit_log_keeps_who_did_what),
        BENCH_TEST(the_audit_log_is_filtered_by_whom_it_concerns),
        BENCH_TEST(failed_logins_are_one_row_an_account_and_minute_and_a_hundred_at_most),
        BENCH_TEST(the_janitor_takes_what_is_over_and_nothing_else),
        BENCH_TEST(the_janitor_leaves_an_expired_token_for_30_days),
        BENCH_TEST(the_janitor_goes_in_batches_and_misses_none),
        BENCH_TEST(a_sequence_is_never_given_twice),
    };
    return cmocka_run_group_tests_name("resource servers, changes, the janitor", tests, NULL, NULL);
}
