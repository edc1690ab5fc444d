/* Several connections that do the same at once: what SQLite's single writer gives for nothing. */
#include "store/credentials_tokens.h"
#include "store/credentials_users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

enum { RACERS = 6, ROUNDS = 5 };

struct racer {
    pthread_t thread;
    struct credentials db;
    enum status (*run)(struct racer *racer);
    char text[64];
    int64_t found;
    enum status status;
};

/* No assertion here: another thread than the test's cannot fail it. */
static void *race(void *context)
{
    struct racer *racer = context;
    racer->status = racer->run(racer);
    return NULL;
}

static void race_all(struct racer *racers)
{
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++)
        (void)pthread_join(racers[i].thread, NULL);
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
    return credentials_client_rotate_secret_blocking(&racer->db, SLICE("acme"), slice_str(racer->text), 60000);
}

static size_t live_secrets(struct durable_bench *bench)
{
    struct client *client = NULL;
    size_t live = 0;
    assert_status(credentials_client_find_blocking(&bench->db, SLICE("acme"), &client), STATUS_OK);
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

/* ---- the first login of a user whom another site knows ---- */

static enum status ensure(struct racer *racer)
{
    struct user *user = NULL;
    enum status status =
        credentials_user_ensure_blocking(&racer->db, slice_str(racer->text), slice_str(racer->text), &user);
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
    return credentials_client_disable_blocking(&racer->db, SLICE("acme"));
}

static enum status disable_or_issue(struct racer *racer)
{
    struct token_issue wanted = {
        .client_id = SLICE("acme"),
        .user = 1,
        .oauth_token = slice_str(racer->text),
        .secret = SLICE("secret"),
    };
    bool existing = false;
    struct token *token = NULL;
    if (racer->text[0] == 'd')
        return disable(racer);
    enum status status = credentials_token_issue_blocking(&racer->db, &wanted, &existing, &token);
    token_free(token);
    return status == STATUS_CLIENT_DISABLED ? STATUS_OK : status;
}

static void no_token_that_was_looked_up_survives_its_clients_disabling(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS];
    (void)durable_bench_client(bench, "acme");
    assert_int_equal(durable_bench_user(bench, "jane"), 1);
    open_all(bench, racers, disable_or_issue);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RACERS; i++)
            (void)snprintf(racers[i].text, sizeof racers[i].text, "%s %d of %d", i == RACERS / 2 ? "disable" : "token",
                           i, round);
        race_all(racers);
        assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL"), 0);
        assert_status(credentials_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    }
    close_all(racers);
}

int contract_races_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(rotations_at_once_leave_two_live_secrets),
        BENCH_TEST(a_user_who_logs_in_twice_at_once_is_made_once),
        BENCH_TEST(no_token_that_was_looked_up_survives_its_clients_disabling),
    };
    return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
