#include "durable/changes.h"
#include "durable/clients.h"
#include "durable/passwords.h"
#include "durable/pool.h"
#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "loop/flow.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEY_TEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" /* durable_bench's */
#define KEY_ONE  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

struct fixture {
    struct durable_bench bench;
    struct durable_pool *pool;
    struct asking asking;
};

static struct durable_pool *new_pool(struct durable_bench *bench, size_t readers, size_t queue_limit)
{
    struct durable_pool_options options = {
        .url = slice_str(bench->url),
        .connections = readers,
        .queue_limit = queue_limit,
        .keys = bench->keys,
        .clock = &bench->clock.clock,
    };
    struct buf why = BUF_INIT;
    struct durable_pool *pool = NULL;
    assert_status(durable_pool_new_blocking(&options, &why, &pool), STATUS_OK);
    buf_done(&why);
    return pool;
}

static const struct tested_durable *kind; /* the engine whose turn it is */

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    durable_bench_init(&it->bench, kind);
    it->pool = new_pool(&it->bench, 2, 2);
    asking_init(&it->asking, &it->bench.clock.clock);
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    durable_pool_free(it->pool);
    asking_done(&it->asking);
    durable_bench_done(&it->bench);
    test_free(it);
    return 0;
}

#define ASK(it)              asking_ticket(&(it)->asking)
#define DONE(it, expected)   (void)asking_answer(&(it)->asking, (expected))
#define ANSWER(it, expected) asking_answer(&(it)->asking, (expected))

/* ---- every call that a loop may make ---- */

#define MAKE_TEXT(member, ...)                                         \
    (void)snprintf(texts[count], sizeof texts[count], "its " #member); \
    client.member = slice_str(texts[count++]);
#define ASSERT_TEXT(member, ...) assert_slice_equal(found->member, SLICE("its " #member));

static void make_owner(struct fixture *it, const char *subject)
{
    struct user *user = NULL;
    assert_status(durable_user_ensure_blocking(&it->bench.db, slice_str(subject), SLICE("jane"), &user), STATUS_OK);
    user_free(user);
}

/* A row of the audit log: what a write is here. */
static void append_audit(struct fixture *it, struct slice what)
{
    const struct audit_entry entry = {.who = SLICE("ops"), .what = what, .subject = SLICE("photos")};
    durable_audit_write_start(it->pool, &entry, ASK(it));
}

static void a_client_is_copied_with_every_text_it_has_before_the_call_returns(void **state)
{
    struct fixture *it = *state;
    char texts[32][32];
    char id[] = "copied";
    size_t count = 0;
    struct client client = {.client_id = slice_str(id)};
    CLIENT_TEXTS(MAKE_TEXT);
    make_owner(it, "its owner");
    durable_client_register_start(it->pool, &client, NULL, ASK(it));
    memset(texts, '#', sizeof texts);
    memset(id, '#', sizeof id - 1);
    DONE(it, STATUS_OK);
    durable_client_find_start(it->pool, SLICE("copied"), ASK(it));
    const struct client *found = ANSWER(it, STATUS_OK);
    CLIENT_TEXTS(ASSERT_TEXT);
}

static void clients_are_written_and_read_from_a_loop(void **state)
{
    struct fixture *it = *state;
    static const struct client_callback callback = {SLICE_INIT("https://a.example/cb"), false};
    static const struct client_secret secret = {.text = SLICE_INIT("secret")};
    static const struct client_secret key = {.text = SLICE_INIT("PEM")};
    struct client client = {.client_id = SLICE("acme"),
                            .name = SLICE("Acme"),
                            .owner = SLICE("7"),
                            .callbacks = &callback,
                            .callback_count = 1,
                            .secrets = &secret,
                            .secret_count = 1,
                            .keys = &key,
                            .key_count = 1};
    make_owner(it, "7");
    durable_client_register_start(it->pool, &client, NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_register_start(it->pool, &client, NULL, ASK(it));
    DONE(it, STATUS_CONFLICT);
    durable_client_rotate_secret_start(it->pool, SLICE("acme"), SLICE("second"), 1000, NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_rotate_key_start(it->pool, SLICE("acme"), SLICE("PEM 2"), 1000, NULL, ASK(it));
    DONE(it, STATUS_OK);
    client.name = SLICE("Renamed");
    durable_client_update_start(it->pool, &client, NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_find_start(it->pool, SLICE("acme"), ASK(it));
    const struct client *found = ANSWER(it, STATUS_OK);
    assert_slice_equal(found->name, SLICE("Renamed"));
    assert_slice_equal(found->callbacks[0].uri, callback.uri);
    assert_slice_equal(found->secrets[0].text, SLICE("second"));
    assert_slice_equal(found->keys[0].text, SLICE("PEM 2"));
    durable_client_list_start(it->pool, SLICE("7"), (struct page_request){0}, ASK(it));
    assert_int_equal(((const struct client_page *)ANSWER(it, STATUS_OK))->count, 1);
    durable_client_list_start(it->pool, SLICE(""), (struct page_request){0}, ASK(it));
    assert_int_equal(((const struct client_page *)ANSWER(it, STATUS_OK))->count, 0);
    durable_client_list_start(it->pool, SLICE_ABSENT, (struct page_request){0}, ASK(it));
    assert_int_equal(((const struct client_page *)ANSWER(it, STATUS_OK))->count, 1);
    durable_client_switch_off_start(it->pool, SLICE("acme"), NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_switch_on_start(it->pool, SLICE("acme"), NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_delete_start(it->pool, SLICE("acme"), NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_client_find_start(it->pool, SLICE("acme"), ASK(it));
    assert_null(ANSWER(it, STATUS_NOT_FOUND));
}

static void users_are_written_and_read_from_a_loop(void **state)
{
    struct fixture *it = *state;
    (void)durable_bench_user(&it->bench, "jane");
    durable_user_find_by_login_start(it->pool, SLICE("jane"), ASK(it));
    int64_t id = ((const struct user *)ANSWER(it, STATUS_OK))->id;
    durable_user_find_start(it->pool, id, ASK(it));
    assert_slice_equal(((const struct user *)ANSWER(it, STATUS_OK))->username, SLICE("jane"));
    durable_user_ensure_start(it->pool, SLICE("s-2"), SLICE("joe"), ASK(it));
    int64_t other = ((const struct user *)ANSWER(it, STATUS_OK))->id;
    assert_true(other > id);
    durable_user_ensure_start(it->pool, SLICE("s-2"), SLICE_ABSENT, ASK(it));
    assert_slice_equal(((const struct user *)ANSWER(it, STATUS_OK))->username, SLICE("joe"));
    durable_user_find_by_subject_start(it->pool, SLICE("s-2"), ASK(it));
    assert_int_equal(((const struct user *)ANSWER(it, STATUS_OK))->id, other);
    durable_password_change_start(it->pool, id, SLICE(""), SLICE("$y$hash"), NULL, ASK(it));
    DONE(it, STATUS_OK);
    durable_user_find_start(it->pool, id, ASK(it));
    const struct user *found = ANSWER(it, STATUS_OK);
    assert_slice_equal(found->password_hash, SLICE("$y$hash"));
    durable_user_find_start(it->pool, other + 1, ASK(it));
    assert_null(ANSWER(it, STATUS_NOT_FOUND));
}

static void tokens_are_issued_used_and_revoked_from_a_loop(void **state)
{
    struct fixture *it = *state;
    (void)durable_bench_client(&it->bench, "acme");
    struct token_issue issue = {
        .temp_token = SLICE("temp"),
        .client_id = SLICE("acme"),
        .user = durable_bench_user(&it->bench, "jane"),
        .scopes = SLICE("photos:read"),
        .oauth_token = SLICE("token"),
        .secret = SLICE("token secret"),
    };
    struct token_filter filter = {.client_id = SLICE("acme")};
    for (int i = 0; i < 2; i++) {
        durable_token_issue_start(it->pool, &issue, NULL, ASK(it));
        const struct token_issued *issued = ANSWER(it, STATUS_OK);
        assert_int_equal(issued->existing, i == 1);
        assert_slice_equal(issued->token->secret, SLICE("token secret"));
    }
    durable_token_covers_start(it->pool, SLICE("acme"), issue.user, SLICE("photos:read"), ASK(it));
    assert_true(*(const bool *)ANSWER(it, STATUS_OK));
    durable_pair_find_start(it->pool, SLICE("acme"), SLICE("token"), ASK(it));
    const struct credential_pair *pair = ANSWER(it, STATUS_OK);
    assert_true(pair->client_found && pair->token_found);
    int64_t id = pair->token.id;
    durable_token_touch_start(it->pool, 5000, &id, 1, ASK(it));
    DONE(it, STATUS_OK);
    struct token_page *tokens = NULL;
    assert_status(durable_token_list_blocking(&it->bench.db, &filter, (struct page_request){0}, &tokens), STATUS_OK);
    assert_int_equal(tokens->tokens[0].last_used_ms, 5000);
    token_page_free(tokens);
    for (int i = 0; i < 2; i++) {
        durable_token_revoke_start(it->pool, &filter, NULL, ASK(it));
        assert_int_equal(*(const int64_t *)ANSWER(it, STATUS_OK), i == 0);
    }
    durable_token_issue_start(it->pool, &issue, NULL, ASK(it));
    assert_null(ANSWER(it, STATUS_TOKEN_USED));
}

static void resource_servers_changes_and_audit_work_from_a_loop(void **state)
{
    struct fixture *it = *state;
    struct resource_server server = {.name = SLICE("photos"),
                                     .key_digest = SLICE("0123456789abcdef0123456789abcdef"),
                                     .origins = SLICE("https://a")};
    int64_t id = 0;
    int64_t revoked = 0;
    assert_status(durable_resource_server_create_blocking(&it->bench.db, &server, &id), STATUS_OK);
    durable_resource_server_find_start(it->pool, server.key_digest, ASK(it));
    assert_slice_equal(((const struct resource_server *)ANSWER(it, STATUS_OK))->origins, SLICE("https://a"));
    assert_status(durable_resource_server_revoke_blocking(&it->bench.db, SLICE("photos"), &revoked), STATUS_OK);
    durable_changes_latest_start(it->pool, ASK(it));
    assert_int_equal(*(const int64_t *)ANSWER(it, STATUS_OK), 2);
    durable_changes_since_start(it->pool, 1, 10, ASK(it));
    assert_int_equal(((const struct change_page *)ANSWER(it, STATUS_OK))->changes[0].event, CHANGE_REVOKED);
    append_audit(it, SLICE("resource-server.revoke"));
    DONE(it, STATUS_OK);
    struct audit_page *rows = NULL;
    assert_status(durable_audit_list_blocking(&it->bench.db, NULL, (struct page_request){0}, &rows), STATUS_OK);
    assert_slice_equal(rows->entries[0].what, SLICE("resource-server.revoke"));
    audit_page_free(rows);
}

/* ---- the pool ---- */

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int waiting;
    bool open;
};

static enum status wait_at_gate(struct durable *db, void *arguments, void **ret_result)
{
    struct gate *gate = arguments;
    (void)db, (void)ret_result;
    (void)pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    (void)pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
    return STATUS_OK;
}

static void await_waiting(struct gate *gate, int count)
{
    (void)pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < count)
        (void)pthread_cond_wait(&gate->changed, &gate->mutex);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static void open_gate(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->mutex);
}

static void reads_go_on_while_a_write_takes_its_time(void **state)
{
    struct fixture *it = *state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct durable_job slow = {DURABLE_WRITE, wait_at_gate, &gate, NULL, NULL};
    struct asking other;
    asking_init(&other, &it->bench.clock.clock);
    durable_pool_start(it->pool, &slow, asking_ticket(&other));
    await_waiting(&gate, 1);
    durable_client_find_start(it->pool, SLICE("nobody"), ASK(it));
    DONE(it, STATUS_NOT_FOUND);
    open_gate(&gate);
    assert_status(asking_wait(&other, NULL), STATUS_OK);
    asking_done(&other);
}

static void a_full_queue_refuses_at_once(void **state)
{
    struct fixture *it = *state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct durable_job slow = {DURABLE_WRITE, wait_at_gate, &gate, NULL, NULL};
    struct asking waiting[3]; /* one runs, two are queued */
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        asking_init(&waiting[i], &it->bench.clock.clock);
        durable_pool_start(it->pool, &slow, asking_ticket(&waiting[i]));
        if (i == 0)
            await_waiting(&gate, 1);
    }
    durable_pool_start(it->pool, &slow, ASK(it));
    DONE(it, STATUS_STORE_DOWN);
    open_gate(&gate);
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        assert_status(asking_wait(&waiting[i], NULL), STATUS_OK);
        asking_done(&waiting[i]);
    }
}

static void a_locked_database_is_store_down_and_recovers(void **state)
{
    struct fixture *it = *state;
    struct sql *holder = it->bench.db.sql;
    assert_status(sql_execute_blocking(holder, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL), STATUS_OK);
    append_audit(it, SLICE("b"));
    DONE(it, STATUS_STORE_DOWN);
    assert_status(sql_execute_blocking(holder, "ROLLBACK", NULL, 0, NULL, NULL), STATUS_OK);
    append_audit(it, SLICE("b"));
    DONE(it, STATUS_OK);
}

static void a_late_answer_finds_nobody_and_is_freed(void **state)
{
    struct fixture *it = *state;
    struct ticket ticket = ASK(it);
    (void)durable_bench_client(&it->bench, "acme");
    ticket_complete(ticket, STATUS_STORE_DOWN, NULL, NULL); /* as a deadline would */
    durable_client_find_start(it->pool, SLICE("acme"), ticket);
    assert_status(asking_wait(&it->asking, NULL), STATUS_STORE_DOWN);
    durable_client_find_start(it->pool, SLICE("acme"), ASK(it)); /* by now the late one was delivered */
    assert_non_null(ANSWER(it, STATUS_OK));
}

static void what_cannot_be_opened_is_explained(void **state)
{
    struct fixture *it = *state;
    static const struct slice urls[] = {SLICE_INIT("sqlite:/nowhere/at/all.db"), SLICE_INIT("sqlite::memory:"),
                                        SLICE_INIT("oracle:x")};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct durable_pool_options options = {
            .url = urls[i], .connections = 1, .keys = it->bench.keys, .clock = &it->bench.clock.clock};
        struct buf why = BUF_INIT;
        struct durable_pool *pool = NULL;
        enum status status = durable_pool_new_blocking(&options, &why, &pool);
        assert_true(status == STATUS_STORE_DOWN || status == STATUS_BAD_INPUT);
        assert_null(pool);
        assert_true(why.len > 20);
        buf_done(&why);
    }
}

struct rotation {
    struct durable_pool *pool;
    struct keyring *rings[2];
    atomic_bool is_over;
};

static void *rotate_again_and_again(void *context)
{
    struct rotation *rotation = context;
    for (size_t i = 0; !atomic_load(&rotation->is_over); i++)
        durable_pool_set_keys(rotation->pool, rotation->rings[i % 2]);
    return NULL;
}

/* A key that is in both rings opens all the time, whichever a job began with. */
static void sealing_keys_are_exchanged_while_jobs_run(void **state)
{
    struct fixture *it = *state;
    struct rotation rotation = {.pool = it->pool};
    const char *why = NULL;
    pthread_t thread;
    (void)durable_bench_client(&it->bench, "acme");
    for (int i = 0; i < 2; i++)
        assert_status(keyring_parse(i ? SLICE("a:" KEY_ONE ",test:" KEY_TEST) : SLICE("test:" KEY_TEST ",a:" KEY_ONE),
                                    &rotation.rings[i], &why),
                      STATUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, rotate_again_and_again, &rotation), 0);
    for (int i = 0; i < 200; i++) {
        durable_client_find_start(it->pool, SLICE("acme"), ASK(it));
        assert_slice_equal(((const struct client *)ANSWER(it, STATUS_OK))->secrets[0].text, SLICE("secret of acme"));
    }
    atomic_store(&rotation.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    keyring_free(rotation.rings[0]);
    keyring_free(rotation.rings[1]); /* the pool still holds the last one */
    durable_client_find_start(it->pool, SLICE("acme"), ASK(it));
    DONE(it, STATUS_OK);
}

static void without_the_key_nothing_opens(void **state)
{
    struct fixture *it = *state;
    struct keyring *other = NULL;
    const char *why = NULL;
    (void)durable_bench_client(&it->bench, "acme");
    assert_status(keyring_parse(SLICE("a:" KEY_ONE), &other, &why), STATUS_OK);
    durable_pool_set_keys(it->pool, other);
    keyring_free(other);
    durable_client_find_start(it->pool, SLICE("acme"), ASK(it));
    DONE(it, STATUS_STORE_CORRUPT);
}

static enum status count_runs(struct durable *db, void *arguments, void **ret_result)
{
    (void)db, (void)ret_result;
    ++*(int *)arguments;
    return STATUS_OK;
}

static void a_job_that_nobody_waits_for_any_more_is_not_begun(void **state)
{
    struct fixture *it = *state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct durable_job slow = {DURABLE_WRITE, wait_at_gate, &gate, NULL, NULL};
    int runs[2] = {0};
    struct durable_job late = {DURABLE_WRITE, count_runs, &runs[0], NULL, NULL};
    struct durable_job unasked = {DURABLE_WRITE, count_runs, &runs[1], NULL, NULL};
    struct asking other;
    asking_init(&other, &it->bench.clock.clock);
    durable_pool_start(it->pool, &slow, asking_ticket(&other));
    await_waiting(&gate, 1);
    it->asking.patience_ms = 50;
    durable_pool_start(it->pool, &late, ASK(it));
    DONE(it, STATUS_STORE_DOWN);
    (void)usleep(20000); /* a loop's timers may fire some ticks of the kernel's clock before the deadline */
    durable_pool_start(it->pool, &unasked, (struct ticket){.loop = it->asking.loop}); /* nobody ever did: it is done */
    open_gate(&gate);
    assert_status(asking_wait(&other, NULL), STATUS_OK);
    durable_pool_free(it->pool);
    it->pool = NULL;
    assert_int_equal(runs[0], 0);
    assert_int_equal(runs[1], 1);
    asking_done(&other);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void a_store_that_takes_writes_is_ready(void **state)
{
    struct fixture *it = *state;
    durable_pool_check_start(it->pool, ASK(it));
    assert_null(ANSWER(it, STATUS_OK));
}

/* Bytes that a file of this process may have: what a quota does, and shows nobody beforehand. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static enum status write_user(struct fixture *it, const char *name)
{
    void *result = NULL;
    durable_user_ensure_start(it->pool, slice_str(name), slice_str(name), ASK(it));
    return asking_wait(&it->asking, &result);
}

static void after_a_write_that_failed_it_is_ready_once_one_succeeds(void **state)
{
    struct fixture *it = *state;
    void *why = NULL;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    limit_files(4096);
    durable_pool_check_start(it->pool, ASK(it));
    DONE(it, STATUS_OK); /* nothing was written yet */
    assert_false(durable_pool_is_useless(it->pool));
    assert_status(write_user(it, "jane"), STATUS_STORE_DOWN);
    durable_pool_check_start(it->pool, ASK(it));
    assert_status(asking_wait(&it->asking, &why), STATUS_STORE_DOWN);
    assert_non_null(strstr(why, "database "));
    assert_true(durable_pool_is_useless(it->pool));
    limit_files(RLIM_INFINITY);
    (void)signal(SIGXFSZ, before);
    durable_pool_check_start(it->pool, ASK(it)); /* writes, though nobody else does */
    DONE(it, STATUS_OK);
    assert_false(durable_pool_is_useless(it->pool));
    assert_status(write_user(it, "jane"), STATUS_OK);
    struct audit_page *rows = NULL;
    assert_status(durable_audit_list_blocking(&it->bench.db, NULL, (struct page_request){0}, &rows), STATUS_OK);
    assert_int_equal(rows->count, 0); /* and leaves nothing behind */
    audit_page_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sealing_keys_are_exchanged_while_jobs_run),
        TEST(without_the_key_nothing_opens),
        TEST(a_client_is_copied_with_every_text_it_has_before_the_call_returns),
        TEST(users_are_written_and_read_from_a_loop),
        TEST(clients_are_written_and_read_from_a_loop),
        TEST(users_are_written_and_read_from_a_loop),
        TEST(tokens_are_issued_used_and_revoked_from_a_loop),
        TEST(resource_servers_changes_and_audit_work_from_a_loop),
        TEST(a_late_answer_finds_nobody_and_is_freed),
        TEST(a_store_that_takes_writes_is_ready),
    };
    const struct CMUnitTest sqlite[] = {
        TEST(reads_go_on_while_a_write_takes_its_time),
        TEST(a_full_queue_refuses_at_once),
        TEST(a_job_that_nobody_waits_for_any_more_is_not_begun),
        TEST(a_locked_database_is_store_down_and_recovers),
        TEST(after_a_write_that_failed_it_is_ready_once_one_succeeds),
        TEST(what_cannot_be_opened_is_explained),
    };
    kind = &durable_sqlite;
    int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("SQLite alone", sqlite, NULL, NULL);
    kind = &durable_mysql;
    return failed + cmocka_run_group_tests_name("MySQL", tests, NULL, NULL);
}
