/* Exactly one token for each temporary credential (RFC 5849 §2.3), whatever races, retries and crashes. */
#include "crypto/random.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RACERS = 8, PROCESSES = 4, ROUNDS = 10 };

static struct token_issue exchange(const char *temp_token, int64_t user, const char *oauth_token)
{
    return (struct token_issue){
        .temp_token = slice_str(temp_token),
        .client_id = SLICE("acme"),
        .user = user,
        .scopes = SLICE("photos:read"),
        .oauth_token = slice_str(oauth_token),
        .secret = SLICE("token secret"),
    };
}

static int64_t set_scene(struct durable_bench *bench)
{
    (void)durable_bench_client(bench, "acme");
    (void)durable_bench_client(bench, "other");
    return durable_bench_user(bench, "jane");
}

static enum status issue(struct durable_bench *bench, const struct token_issue *wanted)
{
    bool existing = false;
    struct token *token = NULL;
    enum status status = durable_token_issue_blocking(&bench->db, wanted, &existing, &token);
    assert_int_equal(status == STATUS_OK, token != NULL);
    token_free(token);
    return status;
}

static int64_t token_rows(struct durable_bench *bench)
{
    return durable_bench_number(bench, "SELECT COUNT(*) FROM tokens");
}

/* ---- one after the other ---- */

static void the_owners_own_token_needs_all_that_it_was_judged_by(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    struct user *user = NULL;
    struct client *client = NULL;
    assert_status(durable_user_find_blocking(&bench->db, jane, &user), STATUS_OK);
    assert_status(durable_client_find_blocking(&bench->db, SLICE("acme"), &client), STATUS_OK);
    struct token_issue wanted = {.client_id = SLICE("acme"),
                                 .user = jane,
                                 .user_generation = user->generation,
                                 .scopes = client->allowed_scopes,
                                 .allowed_scopes = client->allowed_scopes,
                                 .for_owner = true,
                                 .oauth_token = SLICE("own"),
                                 .secret = SLICE("token secret")};
    assert_status(issue(bench, &wanted), STATUS_CONFLICT); /* not hers */
    client->owner = user->subject;
    assert_status(durable_client_update_blocking(&bench->db, client), STATUS_OK);
    wanted.allowed_scopes = SLICE("what:it had before");
    assert_status(issue(bench, &wanted), STATUS_CONFLICT);
    wanted.allowed_scopes = client->allowed_scopes;
    wanted.user_generation--;
    assert_status(issue(bench, &wanted), STATUS_CONFLICT);
    wanted.user_generation++;
    assert_int_equal(token_rows(bench), 0);
    assert_status(issue(bench, &wanted), STATUS_OK);
    user_free(user);
    client_free(client);
}

static void a_retry_gets_the_same_token_again(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    struct token_issue first = exchange("temp", jane, "first");
    struct token_issue retry = exchange("temp", jane, "never used");
    struct token *tokens[2] = {NULL};
    bool existing[2] = {true, false};
    assert_status(durable_token_issue_blocking(&bench->db, &first, &existing[0], &tokens[0]), STATUS_OK);
    assert_status(durable_token_issue_blocking(&bench->db, &retry, &existing[1], &tokens[1]), STATUS_OK);
    assert_false(existing[0]);
    assert_true(existing[1]);
    assert_slice_equal(tokens[1]->oauth_token, SLICE("first"));
    assert_slice_equal(tokens[1]->secret, SLICE("token secret"));
    assert_slice_equal(tokens[1]->jti, tokens[0]->jti);
    assert_int_equal(token_rows(bench), 1);
    token_free(tokens[0]);
    token_free(tokens[1]);
}

static void another_client_or_user_is_too_late(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    struct token_issue first = exchange("temp", jane, "first");
    struct token_issue other_user = exchange("temp", durable_bench_user(bench, "joe"), "second");
    struct token_issue other_client = exchange("temp", jane, "second");
    other_client.client_id = SLICE("other");
    assert_status(issue(bench, &first), STATUS_OK);
    assert_status(issue(bench, &other_user), STATUS_TOKEN_USED);
    assert_status(issue(bench, &other_client), STATUS_TOKEN_USED);
    assert_int_equal(token_rows(bench), 1);
}

static void a_retry_after_the_revocation_gets_nothing(void **state)
{
    struct durable_bench *bench = *state;
    struct token_issue first = exchange("temp", set_scene(bench), "first");
    struct token_filter all = {.client_id = SLICE("acme")};
    int64_t count = 0;
    assert_status(issue(bench, &first), STATUS_OK);
    assert_status(durable_token_revoke_blocking(&bench->db, &all, &count), STATUS_OK);
    assert_status(issue(bench, &first), STATUS_TOKEN_USED);
    assert_int_equal(token_rows(bench), 1);
}

static void temporary_credentials_compare_byte_for_byte(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const temps[] = {"temp", "Temp", "temp ", "temp\xc3\xa9"};
    static const char *const tokens[] = {"a", "A", "a ", "\xc3\xa9"};
    int64_t jane = set_scene(bench);
    for (size_t i = 0; i < COUNT_OF(temps); i++) {
        struct token_issue wanted = exchange(temps[i], jane, tokens[i]);
        assert_status(issue(bench, &wanted), STATUS_OK);
    }
    assert_int_equal(token_rows(bench), (int)COUNT_OF(temps));
}

static void without_a_temporary_credential_each_call_makes_a_token(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    struct token_issue first = exchange("", jane, "1");
    struct token_issue second = exchange("", jane, "2");
    struct token_issue taken = exchange("", jane, "1");
    assert_status(issue(bench, &first), STATUS_OK);
    assert_status(issue(bench, &second), STATUS_OK);
    assert_status(issue(bench, &taken), STATUS_CONFLICT);
    assert_int_equal(token_rows(bench), 2);
}

static void an_imported_token_may_have_255_bytes(void **state)
{
    struct durable_bench *bench = *state;
    char longest[257] = {0};
    int64_t jane = set_scene(bench);
    memset(longest, 'x', 255);
    struct token_issue wanted = exchange("", jane, longest);
    assert_status(issue(bench, &wanted), STATUS_OK);
    longest[255] = 'x';
    struct token_issue too_long = exchange("", jane, longest);
    struct token_issue empty = exchange("", jane, "");
    assert_status(issue(bench, &too_long), STATUS_BAD_INPUT);
    assert_status(issue(bench, &empty), STATUS_BAD_INPUT);
}

static void a_lifetime_becomes_the_time_of_expiry(void **state)
{
    struct durable_bench *bench = *state;
    struct token_issue wanted = exchange("temp", set_scene(bench), "token");
    struct token *token = NULL;
    bool existing = false;
    wanted.lifetime_ms = 60000;
    assert_status(durable_token_issue_blocking(&bench->db, &wanted, &existing, &token), STATUS_OK);
    assert_int_equal(token->expires_ms, BENCH_NOW_MS + 60000);
    token_free(token);
}

static void nobody_gets_a_token_for_whom_ended(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    struct token_issue wanted = exchange("temp", jane, "token");
    struct token_issue unknown_client = wanted;
    struct token_issue unknown_user = exchange("temp", 999, "token");
    unknown_client.client_id = SLICE("nobody");
    assert_status(issue(bench, &unknown_client), STATUS_CLIENT_UNKNOWN);
    assert_status(issue(bench, &unknown_user), STATUS_TOKEN_REJECTED);
    assert_status(durable_user_disable_blocking(&bench->db, jane), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_TOKEN_REJECTED);
    assert_status(durable_user_enable_blocking(&bench->db, jane), STATUS_OK);
    assert_status(durable_client_disable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_CLIENT_DISABLED);
    assert_int_equal(token_rows(bench), 0);
}

static void an_exchange_needs_its_client_and_user_to_be_there(void **state)
{
    struct durable_bench *bench = *state;
    int64_t acme = durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    struct token_issue wanted = exchange("temp", jane, "token");
    struct token_issue taken = exchange("another temp", jane, "token");
    struct token_issue unknown_client = exchange("temp 2", jane, "2");
    struct token_issue unknown_user = exchange("temp 3", 999, "3");
    unknown_client.client_id = SLICE("nobody");
    wanted.client = taken.client = unknown_user.client = acme;
    unknown_client.client = 999;
    assert_status(issue(bench, &unknown_client), STATUS_CLIENT_UNKNOWN);
    assert_status(issue(bench, &unknown_user), STATUS_TOKEN_REJECTED);
    assert_status(issue(bench, &wanted), STATUS_OK);
    assert_status(issue(bench, &taken), STATUS_CONFLICT);
    assert_status(issue(bench, &wanted), STATUS_OK); /* the same again */
    assert_int_equal(token_rows(bench), 1);
}

/* An exchange that began before a disabling is of an earlier generation, also where everybody is enabled again. */
static void no_exchange_outlives_a_disabling_of_its_client_or_user(void **state)
{
    struct durable_bench *bench = *state;
    int64_t acme = durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    struct token_issue wanted = exchange("1", jane, "1");
    wanted.client = acme;
    wanted.scopes = SLICE("");
    wanted.allowed_scopes = SLICE("photos:read"); /* so that it is judged once, by the statement itself */
    assert_status(durable_client_disable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_CLIENT_DISABLED);
    assert_status(durable_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_TOKEN_REJECTED);
    wanted.client_generation = 1;
    assert_status(durable_user_disable_blocking(&bench->db, jane), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_TOKEN_REJECTED);
    assert_status(durable_user_enable_blocking(&bench->db, jane), STATUS_OK);
    assert_status(issue(bench, &wanted), STATUS_TOKEN_REJECTED);
    assert_int_equal(token_rows(bench), 0);
    wanted.user_generation = 1;
    assert_status(issue(bench, &wanted), STATUS_OK);
    /* twice is once, and who was enabled is not ended by it */
    assert_status(durable_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_status(durable_user_enable_blocking(&bench->db, jane), STATUS_OK);
    struct token_issue second = wanted;
    second.temp_token = second.oauth_token = SLICE("2");
    assert_status(issue(bench, &second), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL"), 2);
}

static void generations_count_disablings_and_are_read(void **state)
{
    struct durable_bench *bench = *state;
    (void)durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    for (int times = 0; times < 3; times++) {
        struct client *client = NULL;
        struct user *user = NULL;
        assert_status(durable_client_find_blocking(&bench->db, SLICE("acme"), &client), STATUS_OK);
        assert_status(durable_user_find_blocking(&bench->db, jane, &user), STATUS_OK);
        assert_int_equal(client->generation, times);
        assert_int_equal(user->generation, times);
        client_free(client);
        user_free(user);
        for (int i = 0; i < 2; i++) { /* it is disabled once */
            assert_status(durable_client_disable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
            assert_status(durable_user_disable_blocking(&bench->db, jane), STATUS_OK);
        }
        assert_status(durable_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
        assert_status(durable_user_enable_blocking(&bench->db, jane), STATUS_OK);
    }
}

static void allow(struct durable_bench *bench, const char *scopes)
{
    const struct client client = {.client_id = SLICE("acme"), .allowed_scopes = slice_str(scopes)};
    assert_status(durable_client_update_blocking(&bench->db, &client), STATUS_OK);
}

static void an_exchange_gives_the_scopes_that_the_client_may_still_have(void **state)
{
    struct durable_bench *bench = *state;
    static const struct {
        const char *granted, *known, *allowed, *given; /* NULL: refused */
    } rows[] = {
        {"r admin", "r admin", "r admin", "r admin"},
        {"r admin", "r admin", "r", "r"},
        {"r admin", "r", "r admin", "r admin"},
        {"r admin", "r admin w", "w r", "r"},
        {"admin", "r admin", "r", NULL},
        {"admin", "r", "r", NULL},
        {"admin", "r", "admin", "admin"},
        {"", "r", "r", ""},
        {"", "r", "", ""},
        {"admin", "", "", NULL},
    };
    int64_t acme = durable_bench_client(bench, "acme");
    int64_t jane = durable_bench_user(bench, "jane");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[8] = {'t', (char)('a' + i), '\0'};
        struct token_issue wanted = exchange(name, jane, name);
        struct token *token = NULL;
        bool existing = false;
        wanted.client = acme;
        wanted.scopes = slice_str(rows[i].granted);
        wanted.allowed_scopes = slice_str(rows[i].known);
        allow(bench, rows[i].allowed);
        enum status status = durable_token_issue_blocking(&bench->db, &wanted, &existing, &token);
        assert_status(status, rows[i].given ? STATUS_OK : STATUS_SCOPE_REJECTED);
        if (token)
            assert_slice_equal(token->scopes, slice_str(rows[i].given));
        token_free(token);
    }
    /* a retry gets what was written, whatever was withdrawn since */
    struct token_issue retry = exchange("ta", jane, "again");
    retry.client = acme;
    retry.scopes = SLICE("r admin");
    retry.allowed_scopes = SLICE("");
    assert_status(issue(bench, &retry), STATUS_OK);
}

static void set_approval(struct durable_bench *bench, unsigned flags, const char *owner)
{
    struct client *acme = NULL;
    assert_status(durable_client_find_blocking(&bench->db, SLICE("acme"), &acme), STATUS_OK);
    acme->flags = flags;
    acme->owner = slice_str(owner);
    assert_status(durable_client_update_blocking(&bench->db, acme), STATUS_OK);
    client_free(acme);
}

static void an_unapproved_client_exchanges_for_its_owner_alone(void **state)
{
    struct durable_bench *bench = *state;
    int64_t jane = set_scene(bench);
    int64_t joe = durable_bench_user(bench, "joe");
    struct user *owner = NULL;
    struct credential_pair *pair = NULL;
    char subject[64];
    assert_status(durable_user_find_blocking(&bench->db, jane, &owner), STATUS_OK);
    (void)snprintf(subject, sizeof subject, "%.*s", SLICE_ARGS(owner->subject));
    user_free(owner);
    assert_status(durable_pair_find_blocking(&bench->db, SLICE("acme"), SLICE(""), &pair), STATUS_OK);
    struct token_issue for_joe = exchange("temp of joe", joe, "joe's");
    struct token_issue for_jane = exchange("temp of jane", jane, "jane's");
    for_joe.client = for_jane.client = pair->client.id;
    for_joe.allowed_scopes = for_jane.allowed_scopes = SLICE("photos:read");
    allow(bench, "photos:read");
    set_approval(bench, CLIENT_PENDING, subject);
    assert_status(issue(bench, &for_joe), STATUS_CLIENT_DISABLED);
    assert_int_equal(token_rows(bench), 0);
    assert_status(issue(bench, &for_jane), STATUS_OK);
    set_approval(bench, CLIENT_REJECTED, "");
    assert_status(issue(bench, &for_joe), STATUS_CLIENT_DISABLED);
    set_approval(bench, 0, subject);
    assert_status(issue(bench, &for_joe), STATUS_OK);
    credential_pair_free(pair);
}

static void no_randomness_issues_nothing(void **state)
{
    struct durable_bench *bench = *state;
    struct token_issue wanted = exchange("temp", set_scene(bench), "token");
    random_fail_next(1);
    assert_status(issue(bench, &wanted), STATUS_NO_RANDOMNESS);
    assert_int_equal(token_rows(bench), 0);
    assert_status(issue(bench, &wanted), STATUS_OK);
}

static void generated_tokens_are_long_and_differ(void **state)
{
    (void)state;
    char token[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
    char other[TOKEN_TEXT_BYTES];
    assert_status(durable_generate_token(token, secret), STATUS_OK);
    assert_memory_not_equal(token, secret, TOKEN_TEXT_BYTES);
    assert_status(durable_generate_token(other, secret), STATUS_OK);
    assert_memory_not_equal(token, other, TOKEN_TEXT_BYTES);
    random_fail_next(1);
    assert_status(durable_generate_token(token, secret), STATUS_NO_RANDOMNESS);
}

/* ---- all at once ---- */

struct racer {
    pthread_t thread;
    struct durable db;
    int64_t client; /* 0: looked up */
    int64_t user;
    const char *temp_token;
    char oauth_token[TOKEN_TEXT_BYTES];
    char got[TOKEN_TEXT_BYTES];
    enum status status;
    bool existing;
};

/* No assertion here: another thread than the test's cannot fail it. */
static void race_one(struct racer *racer)
{
    struct token_issue wanted = exchange(racer->temp_token, racer->user, "");
    wanted.client = racer->client;
    struct token *token = NULL;
    wanted.oauth_token = slice_of(racer->oauth_token, sizeof racer->oauth_token);
    racer->status = random_text(racer->oauth_token, sizeof racer->oauth_token);
    if (racer->status == STATUS_OK)
        racer->status = durable_token_issue_blocking(&racer->db, &wanted, &racer->existing, &token);
    if (racer->status == STATUS_OK)
        memcpy(racer->got, token->oauth_token.ptr, sizeof racer->got);
    token_free(token);
}

static void *race(void *racer)
{
    race_one(racer);
    return NULL;
}

static void assert_one_winner(const struct racer *racers)
{
    int made = 0;
    for (int i = 0; i < RACERS; i++) {
        assert_status(racers[i].status, STATUS_OK);
        assert_memory_equal(racers[i].got, racers[0].got, TOKEN_TEXT_BYTES);
        made += racers[i].existing ? 0 : 1;
    }
    assert_int_equal(made, 1);
}

static void racing_connections_get_one_and_the_same_token(void **state)
{
    struct durable_bench *bench = *state;
    struct racer racers[RACERS] = {0};
    int64_t jane = set_scene(bench);
    int64_t acme = durable_bench_number(bench, "SELECT id FROM clients WHERE client_id = 'acme'");
    for (int i = 0; i < RACERS; i++) /* some had it judged, some have it looked up */
        racers[i] = (struct racer){.db = durable_bench_connect(bench), .client = i % 2 ? acme : 0, .user = jane};
    for (int round = 0; round < ROUNDS; round++) {
        char temp_token[8] = {'t', (char)('0' + round), '\0'};
        for (int i = 0; i < RACERS; i++) {
            racers[i].temp_token = temp_token;
            assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++)
            (void)pthread_join(racers[i].thread, NULL);
        assert_one_winner(racers);
        assert_int_equal(token_rows(bench), round + 1);
    }
    for (int i = 0; i < RACERS; i++)
        sql_close(racers[i].db.sql);
}

/* A child that issues for each round and exits with 0 if every answer was OK. It never returns. */
static void issue_in_child(struct durable_bench *bench, int64_t user)
{
    struct racer racer = {.db = bench->db, .user = user};
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    bool good = sql_open_blocking(slice_str(bench->url), &options, &why, &racer.db.sql) == STATUS_OK;
    for (int round = 0; good && round < ROUNDS; round++) {
        char temp_token[8] = {'p', (char)('0' + round), '\0'};
        racer.temp_token = temp_token;
        race_one(&racer);
        good = racer.status == STATUS_OK;
    }
    _exit(good ? 0 : 1);
}

static void racing_processes_make_one_row_for_each(void **state)
{
    struct durable_bench *bench = *state;
    pid_t children[PROCESSES];
    int64_t jane = set_scene(bench);
    sql_close(bench->db.sql); /* an SQLite connection must not be carried across a fork */
    bench->db.sql = NULL;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            issue_in_child(bench, jane);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int end = 0;
        assert_int_equal(waitpid(children[i], &end, 0), children[i]);
        assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    }
    bench->db = durable_bench_connect(bench);
    assert_int_equal(token_rows(bench), ROUNDS);
}

/* ---- crashes ---- */

/* Issues, tells the text, and waits to be killed before it can mark the temporary credential. */
static void issue_and_hang(struct durable_bench *bench, int64_t user, int tell)
{
    struct racer racer = {.db = bench->db, .user = user, .temp_token = "crash"};
    struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS};
    struct buf why = BUF_INIT;
    if (sql_open_blocking(slice_str(bench->url), &options, &why, &racer.db.sql) == STATUS_OK)
        race_one(&racer);
    if (racer.status == STATUS_OK && write(tell, racer.got, sizeof racer.got) == (ssize_t)sizeof racer.got)
        for (;;)
            (void)pause();
    _exit(1);
}

static void a_kill_between_the_commit_and_the_mark_loses_no_token_and_makes_no_second(void **state)
{
    struct durable_bench *bench = *state;
    int ends[2];
    char told[TOKEN_TEXT_BYTES];
    int64_t jane = set_scene(bench);
    sql_close(bench->db.sql);
    bench->db.sql = NULL;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        issue_and_hang(bench, jane, ends[1]);
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], told, sizeof told), (int)sizeof told);
    (void)close(ends[0]);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    bench->db = durable_bench_connect(bench);
    struct token_issue retry = exchange("crash", jane, "another");
    struct token *token = NULL;
    bool existing = false;
    assert_status(durable_token_issue_blocking(&bench->db, &retry, &existing, &token), STATUS_OK);
    assert_true(existing);
    assert_slice_equal(token->oauth_token, slice_of(told, sizeof told));
    assert_int_equal(token_rows(bench), 1);
    token_free(token);
}

int contract_issue_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_retry_gets_the_same_token_again),
        BENCH_TEST(the_owners_own_token_needs_all_that_it_was_judged_by),
        BENCH_TEST(another_client_or_user_is_too_late),
        BENCH_TEST(a_retry_after_the_revocation_gets_nothing),
        BENCH_TEST(temporary_credentials_compare_byte_for_byte),
        BENCH_TEST(without_a_temporary_credential_each_call_makes_a_token),
        BENCH_TEST(an_imported_token_may_have_255_bytes),
        BENCH_TEST(a_lifetime_becomes_the_time_of_expiry),
        BENCH_TEST(nobody_gets_a_token_for_whom_ended),
        BENCH_TEST(an_exchange_needs_its_client_and_user_to_be_there),
        BENCH_TEST(no_exchange_outlives_a_disabling_of_its_client_or_user),
        BENCH_TEST(generations_count_disablings_and_are_read),
        BENCH_TEST(an_exchange_gives_the_scopes_that_the_client_may_still_have),
        BENCH_TEST(an_unapproved_client_exchanges_for_its_owner_alone),
        BENCH_TEST(no_randomness_issues_nothing),
        BENCH_TEST(generated_tokens_are_long_and_differ),
        BENCH_TEST(racing_connections_get_one_and_the_same_token),
        BENCH_TEST(racing_processes_make_one_row_for_each),
        BENCH_TEST(a_kill_between_the_commit_and_the_mark_loses_no_token_and_makes_no_second),
    };
    return cmocka_run_group_tests_name("issuing", tests, NULL, NULL);
}
