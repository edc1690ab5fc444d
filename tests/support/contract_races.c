/* Several connections that do the same at once: what SQLite's single writer gives for nothing. */
#include "durable/changes.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

enum { RACERS = 6, ROUNDS = 5 };

struct racer {
    pthread_t thread;
    struct durable db;
    enum status (*run)(struct racer *racer);
    pthread_barrier_t *start;
    char text[64];
    int64_t client;
    bool exchanges; /* a temporary credential, of the client in this generation: */
    int64_t generation;
    int64_t user;
    int64_t found;
    enum status status;
};

/* No assertion here: another thread than the test's cannot fail it. */
static void *race(void *context)
{
    struct racer *racer = context;
    (void)pthread_barrier_wait(racer->start);
    racer->status = racer->run(racer);
    return NULL;
}

static void race_all(struct racer *racers)
{
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i].start = &start;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++)
        (void)pthread_join(racers[i].thread, NULL);
    (void)pthread_barrier_destroy(&start);
    for (int i = 0; i < RACERS; i++)
        assert_status(racers[i].status, STATUS_OK);
}

static void open_all(struct durable_bench *bench, struct racer *racers, enum status (*run)(struct racer *racer))
{
    for (int i = 0; i < RACERS; i++)
        racers[i] = (struct racer){.db = durable_bench_connect(bench), .run = run};
}

static void close_all(struct racer *racers)
{
    for (int i = 0; i < RACERS; i++)
        sql_close(racers[i].db.sql);
}

/* ---- rotation ---- */

static enum status rotate(struct racer *racer)
{
    return durable_client_rotate_secret_blocking(&racer->db, SLICE("acme"), slice_str(racer->text), 60000);
}

static size_t live_secrets(struct durable_bench *bench)
{
    struct client *client = NULL;
    size_t live = 0;
    assert_status(durable_client_find_blocking(&bench->db, SLICE("acme"), &client), STATUS_OK);
    for (size_t i = 0; i < client->secret_count; i++)
        live += client_secret_is_live(&client->secrets[i], BENCH_NOW_MS) ? 1 : 0;
    client_free(client);
    return live;
}

static void rotations_at_once_leave_two_live_secrets(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    (void)durable_bench_client(bench, "acme");
    open_all(bench, racers, rotate);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "secret %d of round %d", i, round);
        race_all(racers);
        assert_int_equal(live_secrets(bench), 2);
    }
    close_all(racers);
}

/* ---- registrations ---- */

static enum status register_one(struct racer *racer)
{
    const struct client client = {.client_id = slice_str(racer->text), .owner = SLICE("42"), .flags = CLIENT_PENDING};
    enum status status = durable_client_register_blocking(&racer->db, &client);
    racer->found = status == STATUS_OK;
    return status == STATUS_FORBIDDEN ? STATUS_OK : status;
}

static void registrations_at_once_find_room_for_one(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    struct user *owner = NULL;
    char name[32];
    assert_status(durable_user_ensure_blocking(&bench->db, SLICE("42"), SLICE("jane"), &owner), STATUS_OK);
    user_free(owner);
    for (int i = 1; i < CLIENTS_OF_OWNER_MAX; i++) {
        (void)snprintf(name, sizeof name, "client %d", i);
        struct client client = {.client_id = slice_str(name), .owner = SLICE("42")};
        assert_status(durable_client_register_blocking(&bench->db, &client), STATUS_OK);
    }
    open_all(bench, racers, register_one);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t made = 0;
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "racer %d of round %d", i, round);
        race_all(racers);
        for (int i = 0; i < RACERS; i++)
            made += racers[i].found;
        assert_int_equal(made, 1);
        for (int i = 0; i < RACERS; i++)
            if (racers[i].found)
                assert_status(durable_client_delete_blocking(&bench->db, slice_str(racers[i].text)), STATUS_OK);
    }
    close_all(racers);
}

/* ---- the first login of a user whom another site knows ---- */

static enum status ensure(struct racer *racer)
{
    struct user *user = NULL;
    enum status status =
        durable_user_ensure_blocking(&racer->db, slice_str(racer->text), slice_str(racer->text), &user);
    racer->found = status == STATUS_OK ? user->id : 0;
    user_free(user);
    return status;
}

static void a_user_who_logs_in_twice_at_once_is_made_once(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    open_all(bench, racers, ensure);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "user %d", round);
        race_all(racers);
        for (int i = 1; i < RACERS; i++)
            assert_true(racers[i].found == racers[0].found);
    }
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM users"), ROUNDS);
    close_all(racers);
}

/* ---- disabling ---- */

static enum status disable(struct racer *racer)
{
    return durable_client_disable_blocking(&racer->db, SLICE("acme"));
}

/* `client`: of which it was judged before; 0: it was not. */
static enum status issue(struct racer *racer, int64_t client)
{
    struct token_issue wanted = {
        .temp_token = racer->exchanges ? slice_str(racer->text) : SLICE(""),
        .client_id = SLICE("acme"),
        .client = client,
        .client_generation = racer->generation,
        .user = racer->user,
        .oauth_token = slice_str(racer->text),
        .secret = SLICE("secret"),
    };
    bool existing = false;
    struct token *token = NULL;
    enum status status = durable_token_issue_blocking(&racer->db, &wanted, &existing, &token);
    token_free(token);
    return status;
}

static enum status disable_or_issue(struct racer *racer)
{
    if (racer->text[0] == 'd')
        return disable(racer);
    enum status status = issue(racer, 0);
    return status == STATUS_CLIENT_DISABLED ? STATUS_OK : status;
}

static enum status disable_and_enable_or_exchange(struct racer *racer)
{
    if (racer->text[0] == 'd') {
        enum status status = disable(racer);
        return status == STATUS_OK ? durable_client_enable_blocking(&racer->db, SLICE("acme")) : status;
    }
    enum status status = issue(racer, racer->client);
    return status == STATUS_CLIENT_DISABLED || status == STATUS_TOKEN_REJECTED ? STATUS_OK : status;
}

/* Enabled again at once, before anybody hears of it. */
static void no_exchange_survives_its_clients_disabling_and_enabling(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    int64_t acme = durable_bench_client(bench, "acme");
    int64_t user = durable_bench_user(bench, "jane");
    open_all(bench, racers, disable_and_enable_or_exchange);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RACERS; i++) {
            racers[i].client = acme;
            racers[i].user = user;
            racers[i].exchanges = true;
            racers[i].generation = round;
            (void)snprintf(racers[i].text, sizeof racers[i].text, "%s %d of %d", i == RACERS / 2 ? "disable" : "token",
                           i, round);
        }
        race_all(racers);
        assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL"), 0);
    }
    close_all(racers);
}

static void no_token_that_was_looked_up_survives_its_clients_disabling(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    (void)durable_bench_client(bench, "acme");
    open_all(bench, racers, disable_or_issue);
    for (int i = 0, user = (int)durable_bench_user(bench, "jane"); i < RACERS; i++)
        racers[i].user = user;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "%s %d of %d", i == RACERS / 2 ? "disable" : "token",
                           i, round);
        race_all(racers);
        assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL"), 0);
        assert_status(durable_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    }
    close_all(racers);
}

/* ---- deleting ---- */

static enum status delete_client_or_issue(struct racer *racer)
{
    if (racer->text[0] == 'd')
        return durable_client_delete_blocking(&racer->db, SLICE("acme"));
    enum status status = issue(racer, racer->client);
    return status == STATUS_CLIENT_UNKNOWN ? STATUS_OK : status;
}

static enum status delete_user_or_issue(struct racer *racer)
{
    if (racer->text[0] == 'd')
        return durable_user_delete_blocking(&racer->db, racer->user);
    enum status status = issue(racer, racer->client);
    return status == STATUS_TOKEN_REJECTED ? STATUS_OK : status;
}

/* Every second racer issues for a client and a user that were judged before the race. */
static void race_deletion(struct durable_bench *bench, struct racer *racers, int round)
{
    char name[64];
    (void)snprintf(name, sizeof name, "jane %d", round);
    int64_t client = durable_bench_number(bench, "SELECT MAX(id) FROM clients");
    int64_t user = durable_bench_user(bench, name);
    for (int i = 0; i < RACERS; i++) {
        racers[i].client = i % 2 ? client : 0;
        racers[i].user = user;
        (void)snprintf(racers[i].text, sizeof racers[i].text, "%s %d of %d", i == RACERS / 2 ? "delete" : "token", i,
                       round);
    }
    race_all(racers);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens"), 0);
}

static void a_client_that_is_deleted_takes_along_every_token_that_is_issued_meanwhile(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    open_all(bench, racers, delete_client_or_issue);
    for (int round = 0; round < ROUNDS; round++) {
        (void)durable_bench_client(bench, "acme");
        race_deletion(bench, racers, round);
    }
    close_all(racers);
}

static void a_user_who_is_deleted_takes_along_every_token_that_is_issued_meanwhile(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    (void)durable_bench_client(bench, "acme");
    open_all(bench, racers, delete_user_or_issue);
    for (int round = 0; round < ROUNDS; round++)
        race_deletion(bench, racers, round);
    close_all(racers);
}

/* ---- what is made but once ---- */

static enum status create_client(struct racer *racer)
{
    struct client client = {.client_id = slice_str(racer->text), .name = SLICE("Acme")};
    enum status status = durable_client_create_blocking(&racer->db, &client, &racer->found);
    if (status == STATUS_CONFLICT)
        racer->found = 0;
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

static void of_clients_with_one_identifier_one_is_made_and_the_others_are_told(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    open_all(bench, racers, create_client);
    for (int round = 0; round < ROUNDS; round++) {
        int made = 0;
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "client %d", round);
        race_all(racers);
        for (int i = 0; i < RACERS; i++)
            made += racers[i].found ? 1 : 0;
        assert_int_equal(made, 1);
    }
    close_all(racers);
}

/* By a name of its own, and a name that the others have too: of the server itself, or of its certificate. */
static enum status create_server(struct racer *racer)
{
    bool by_name = racer->user != 0;
    struct slice own = slice_str(racer->text);
    struct resource_server server = {.name = by_name ? SLICE("shared") : own,
                                     .tls_sans = by_name ? own : SLICE("DNS:shared.internal")};
    enum status status = durable_resource_server_create_blocking(&racer->db, &server, &racer->found);
    if (status == STATUS_CONFLICT)
        racer->found = 0;
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

static void of_resource_servers_with_one_name_one_is_made_and_the_others_are_told(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    open_all(bench, racers, create_server);
    for (int round = 0; round < 2 * ROUNDS; round++) {
        int made = 0;
        int64_t count = 0;
        for (int i = 0; i < RACERS; i++) {
            racers[i].user = round % 2;
            (void)snprintf(racers[i].text, sizeof racers[i].text, "server-%d-of-%d", i, round);
        }
        race_all(racers);
        for (int i = 0; i < RACERS; i++) {
            made += racers[i].found ? 1 : 0;
            if (racers[i].found)
                assert_status(durable_resource_server_revoke_blocking(
                                  &bench->db, round % 2 ? SLICE("shared") : slice_str(racers[i].text), &count),
                              STATUS_OK);
        }
        assert_int_equal(made, 1);
    }
    close_all(racers);
}

/* ---- janitors, and what they run into ---- */

enum { DEAD_TOKENS = 1500, USED_TOKENS = 100 };

static void make_tokens(struct durable_bench *bench, int64_t user, const char *name, int count)
{
    char jti[64];
    char text[64];
    for (int i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "%s %d", name, i);
        durable_bench_token(bench, "acme", user, text, jti);
    }
}

static enum status clean(struct racer *racer)
{
    struct janitor_counts counts = {.tokens = 1};
    enum status status = STATUS_OK;
    for (racer->found = 0; status == STATUS_OK && counts.tokens > 0; racer->found += counts.tokens)
        status = durable_janitor_blocking(&racer->db, &counts);
    return status;
}

/* In an order of its own, as introspection-services that see the same tokens. */
static enum status touch(struct racer *racer)
{
    enum status status = STATUS_OK;
    for (int times = 1; status == STATUS_OK && times <= ROUNDS; times++) {
        int64_t ids[USED_TOKENS];
        for (int i = 0; i < USED_TOKENS; i++)
            ids[i] = racer->found + (racer->text[0] == 'u' ? i : USED_TOKENS - 1 - i);
        status = durable_token_touch_blocking(&racer->db, BENCH_NOW_MS + times, ids, USED_TOKENS);
    }
    return status;
}

static void janitors_at_once_count_what_they_took_away_once(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    int64_t counted = 0;
    (void)durable_bench_client(bench, "acme");
    int64_t user = durable_bench_user(bench, "jane");
    open_all(bench, racers, clean);
    make_tokens(bench, user, "dead", DEAD_TOKENS);
    assert_status(
        sql_execute_blocking(bench->db.sql, "UPDATE tokens SET revoked_at = 1, expires_at = 1", NULL, 0, NULL, NULL),
        STATUS_OK);
    make_tokens(bench, user, "live", 1);
    race_all(racers);
    for (int i = 0; i < RACERS; i++)
        counted += racers[i].found;
    assert_int_equal(counted, DEAD_TOKENS);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens"), 1);
    close_all(racers);
}

static void uses_that_are_told_at_once_in_another_order_are_all_written(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    (void)durable_bench_client(bench, "acme");
    make_tokens(bench, durable_bench_user(bench, "jane"), "used", USED_TOKENS);
    open_all(bench, racers, touch);
    for (int i = 0; i < RACERS; i++) {
        racers[i].found = durable_bench_number(bench, "SELECT MIN(id) FROM tokens");
        (void)snprintf(racers[i].text, sizeof racers[i].text, "%s", i % 2 ? "up" : "down");
    }
    race_all(racers);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE last_used_at = 1790000000005"),
                     USED_TOKENS);
    close_all(racers);
}

int contract_races_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(rotations_at_once_leave_two_live_secrets),
        BENCH_TEST(registrations_at_once_find_room_for_one),
        BENCH_TEST(a_user_who_logs_in_twice_at_once_is_made_once),
        BENCH_TEST(no_token_that_was_looked_up_survives_its_clients_disabling),
        BENCH_TEST(no_exchange_survives_its_clients_disabling_and_enabling),
        BENCH_TEST(a_client_that_is_deleted_takes_along_every_token_that_is_issued_meanwhile),
        BENCH_TEST(a_user_who_is_deleted_takes_along_every_token_that_is_issued_meanwhile),
        BENCH_TEST(of_clients_with_one_identifier_one_is_made_and_the_others_are_told),
        BENCH_TEST(of_resource_servers_with_one_name_one_is_made_and_the_others_are_told),
        BENCH_TEST(janitors_at_once_count_what_they_took_away_once),
        BENCH_TEST(uses_that_are_told_at_once_in_another_order_are_all_written),
    };
    return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
