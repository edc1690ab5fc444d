/* The contract of the ephemeral store, in memory; and its bounds. */
#include "base/buf.h"
#include "ephemeral/ephemeral.h"
#include "support/contract_ephemeral.h"
#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>

static struct ephemeral_store *open_memory(const struct ephemeral_options *options)
{
    return ephemeral_bench_open(SLICE("memory:"), options);
}

static const struct tested_ephemeral memory = {"memory", open_memory, NULL};

/* ---- bounds ---- */

struct service {
    struct fake_clock clock;
    struct volatile_ledger ledger;
    struct ephemeral_options options;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

static void start(struct service *service)
{
    service->store = open_memory(&service->options);
    assert_status(ephemeral_view_new(service->store, service->asking.loop, &service->view), STATUS_OK);
}

static void stop(struct service *service)
{
    ephemeral_view_free(service->view);
    ephemeral_store_free(service->store);
}

static int setup(void **state)
{
    struct service *service = test_calloc(1, sizeof *service);
    fake_clock_init(&service->clock, INT64_C(1790000000000));
    volatile_ledger_init(&service->ledger);
    service->options = (struct ephemeral_options){
        .clock = &service->clock.clock,
        .skew_ms = BENCH_SKEW_MS,
        .lead_ms = BENCH_LEAD_MS,
        .temp_ttl_ms = BENCH_TEMP_TTL_MS,
        .ledger = &service->ledger.ledger,
        .ledger_name = SLICE("memory:test"),
    };
    asking_init(&service->asking, &service->clock.clock);
    *state = service;
    return 0;
}

static int teardown(void **state)
{
    struct service *service = *state;
    asking_done(&service->asking);
    test_free(service);
    return 0;
}

static void full_tables_refuse_until_something_expires(void **state)
{
    struct service *service = *state;
    service->options.max_entries = 2;
    start(service);
    for (int round = 0; round < 2; round++) {
        static const struct slice ids[] = {SLICE_INIT("1"), SLICE_INIT("2"), SLICE_INIT("3")};
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
            ephemeral_blob_put_start(service->view, ids[i], SLICE("x"), 60000, asking_ticket(&service->asking));
            assert_status(asking_wait(&service->asking, NULL), i < 2 ? STATUS_OK : STATUS_STORE_DOWN);
        }
        fake_clock_advance(&service->clock, 60000);
    }
    stop(service);
}

/* The counter's answer for a name: how many came. */
static int64_t count(struct service *service, enum quota quota, const char *name)
{
    ephemeral_count_start(service->view, quota, slice_str(name), 60000, asking_ticket(&service->asking));
    const struct ephemeral_count *counted = asking_answer(&service->asking, STATUS_OK);
    return counted->count;
}

/* Strangers name as many accounts as they like: nobody else's counter is refused, and who guessed most is not
 * forgotten. */
static void a_flood_of_names_refuses_nobody_and_forgets_no_guesser(void **state)
{
    enum { FLOOD = 200000, GUESSES = 5 };
    struct service *service = *state;
    char name[32];
    start(service);
    for (int i = 1; i <= GUESSES; i++)
        assert_int_equal(count(service, QUOTA_LOGIN_ACCOUNT, "jane"), i);
    for (int i = 0; i < FLOOD; i++) {
        (void)snprintf(name, sizeof name, "account %d", i);
        (void)count(service, QUOTA_LOGIN_ACCOUNT, name);
    }
    assert_int_equal(count(service, QUOTA_CLIENT, "acme"), 1);
    assert_int_equal(count(service, QUOTA_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(service, QUOTA_LOGIN_ADDRESS, "192.0.2.1"), 1);
    assert_int_equal(count(service, QUOTA_LOGIN_ACCOUNT, "joe"), 1);
    assert_int_equal(count(service, QUOTA_LOGIN_ACCOUNT, "jane"), GUESSES + 1);
    stop(service);
}

/* There is no other clock. */
static void its_clock_is_never_ahead(void **state)
{
    struct service *service = *state;
    start(service);
    assert_int_equal(ephemeral_clock_ahead_ms(service->view), 0);
    stop(service);
}

/* Whoever waits so long finds a new window. */
static void the_rest_of_a_window_is_told_in_whole_seconds_and_never_too_short(void **state)
{
    static const struct {
        int64_t after_ms, reset_s;
    } rows[] = {{0, 60}, {1, 60}, {998, 60}, {1, 59}, {1, 59}, {58998, 1}};
    struct service *service = *state;
    start(service);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_clock_advance(&service->clock, rows[i].after_ms);
        ephemeral_count_start(service->view, QUOTA_CLIENT, SLICE("acme"), 60000, asking_ticket(&service->asking));
        const struct ephemeral_count *counted = asking_answer(&service->asking, STATUS_OK);
        assert_int_equal(counted->count, i + 1);
        assert_int_equal(counted->reset_s, rows[i].reset_s);
    }
    stop(service);
}

static void what_a_blob_was_is_compared_in_constant_time(void **state)
{
    struct service *service = *state;
    start(service);
    ephemeral_blob_put_start(service->view, SLICE("id"), SLICE("secret"), 60000, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    watch_begin();
    ephemeral_blob_replace_start(service->view, SLICE("id"), SLICE("secreT"), SLICE("new"),
                                 asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_CONFLICT);
    assert_int_equal(watch_comparisons(SLICE("secret")), 1);
    watch_end();
    stop(service);
}

static bool has_no_handles;
enum status __real_session_handle(struct slice id, char handle[SESSION_HANDLE_BYTES]);
enum status __wrap_session_handle(struct slice id, char handle[SESSION_HANDLE_BYTES]);

enum status __wrap_session_handle(struct slice id, char handle[SESSION_HANDLE_BYTES])
{
    enum status status = __real_session_handle(id, handle); /* which is not to be used if it failed */
    return has_no_handles ? STATUS_NO_MEMORY : status;
}

/* Rather than one that all share who came when there was no memory. And none ends by chance. */
static void without_a_handle_there_is_no_session(void **state)
{
    struct service *service = *state;
    const struct session session = {.user = 7, .username = SLICE("jane"), .csrf = SLICE("csrf")};
    start(service);
    ephemeral_session_create_start(service->view, SLICE("before"), &session, 60000, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    has_no_handles = true;
    ephemeral_session_create_start(service->view, SLICE("id"), &session, 60000, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NO_MEMORY);
    ephemeral_session_find_start(service->view, SLICE("id"), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NO_MEMORY);
    ephemeral_session_delete_start(service->view, SLICE("before"), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NO_MEMORY);
    has_no_handles = false;
    ephemeral_session_find_start(service->view, SLICE("id"), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_NOT_FOUND);
    ephemeral_session_find_start(service->view, SLICE("before"), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    stop(service);
}

/* It could not be ended from the list of its user's. */
static void a_session_that_no_list_has_room_for_does_not_begin(void **state)
{
    static const struct slice ids[] = {SLICE_INIT("1"), SLICE_INIT("2"), SLICE_INIT("3")};
    struct service *service = *state;
    service->options.max_entries = 2;
    start(service);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct session session = {.user = (int64_t)i + 1, .username = SLICE("jane"), .csrf = SLICE("csrf")};
        ephemeral_session_create_start(service->view, ids[i], &session, 60000, asking_ticket(&service->asking));
        assert_status(asking_wait(&service->asking, NULL), i < 2 ? STATUS_OK : STATUS_STORE_DOWN);
        ephemeral_session_delete_start(service->view, ids[i], asking_ticket(&service->asking)); /* the user stays */
        assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    }
    stop(service);
}

static void what_is_no_users_number_ends_nobodys(void **state)
{
    struct service *service = *state;
    const struct temp_new temp = {.token = SLICE("temp"), .client_id = SLICE("acme"), .callback = SLICE("oob")};
    start(service);
    ephemeral_temp_create_start(service->view, &temp, asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    ephemeral_end_start(service->view, EPHEMERAL_USER, SLICE("x"), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    ephemeral_temp_find_start(service->view, SLICE("temp"), SLICE(""), asking_ticket(&service->asking));
    assert_status(asking_wait(&service->asking, NULL), STATUS_OK);
    stop(service);
}

/* ---- a ledger that cannot be used ---- */

static enum status status_of_open;

static enum status fail_open(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                             struct nonce_state *ret_state)
{
    (void)ledger, (void)begin, (void)ret_state;
    return status_of_open;
}

static const char *tell_nothing(const struct nonce_ledger *ledger)
{
    (void)ledger;
    return "";
}

static const char *tell_why(const struct nonce_ledger *ledger)
{
    (void)ledger;
    return "x is down";
}

static void why_it_cannot_be_opened_is_told(void **state)
{
    struct service *service = *state;
    const struct {
        const char *(*last_error)(const struct nonce_ledger *ledger);
        enum status status;
        const char *told;
    } rows[] = {{tell_why, STATUS_STORE_DOWN, "x is down"},
                {tell_why, STATUS_STORE_CORRUPT, "x is down"},
                {tell_why, STATUS_NO_MEMORY, status_text(STATUS_NO_MEMORY)}, /* not the ledger's */
                {tell_nothing, STATUS_STORE_DOWN, status_text(STATUS_STORE_DOWN)},
                {NULL, STATUS_STORE_DOWN, status_text(STATUS_STORE_DOWN)}};
    service->ledger.ledger.open_blocking = fail_open;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ephemeral_store *store = NULL;
        struct buf why = BUF_INIT;
        struct buf expected = BUF_INIT;
        status_of_open = rows[i].status;
        service->ledger.ledger.last_error = rows[i].last_error;
        assert_status(ephemeral_open_blocking(SLICE("memory:"), &service->options, &why, &store), rows[i].status);
        assert_null(store);
        buf_addf(&expected, "the nonces of the last run cannot be taken over: %s", rows[i].told);
        assert_string_equal(buf_string(&why), buf_string(&expected));
        buf_done(&expected);
        buf_done(&why);
    }
}

static enum status fail_save(struct nonce_ledger *ledger, struct slice name, struct slice epoch,
                             const struct nonce_state *state)
{
    (void)ledger, (void)name, (void)epoch, (void)state;
    return STATUS_STORE_DOWN;
}

static void nonces_that_cannot_be_saved_are_told(void **state)
{
    struct service *service = *state;
    service->ledger.ledger.save_blocking = fail_save;
    start(service);
    assert_status(ephemeral_save_blocking(service->store), STATUS_STORE_DOWN);
    stop(service);
}

static void another_kind_of_url_is_explained(void **state)
{
    struct service *service = *state;
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    assert_status(ephemeral_open_blocking(SLICE("memcached://h"), &service->options, &why, &store), STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&why), "OAUTH1_REDIS_URL"));
    assert_null(store);
    buf_done(&why);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_tables_refuse_until_something_expires),
        TEST(a_flood_of_names_refuses_nobody_and_forgets_no_guesser),
        TEST(its_clock_is_never_ahead),
        TEST(the_rest_of_a_window_is_told_in_whole_seconds_and_never_too_short),
        TEST(what_a_blob_was_is_compared_in_constant_time),
        TEST(without_a_handle_there_is_no_session),
        TEST(a_session_that_no_list_has_room_for_does_not_begin),
        TEST(what_is_no_users_number_ends_nobodys),
        TEST(why_it_cannot_be_opened_is_told),
        TEST(nonces_that_cannot_be_saved_are_told),
        TEST(another_kind_of_url_is_explained),
    };
    int failed = contract_ephemeral_run(&memory);
    return failed + cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
