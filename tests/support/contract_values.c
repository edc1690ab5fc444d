/* Blobs and counters, and that no kind of value takes another's names. */
#include "support/contract_parts.h"
#include "support/ephemeral_bench.h"
#include "support/test.h"

#include <stdio.h>

/* ---- blobs ---- */

static enum status replace(struct ephemeral_bench *bench, const char *id, struct slice from, struct slice to)
{
    ephemeral_blob_replace_start(bench->view, slice_str(id), from, to, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_blob_is_taken_once(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(ephemeral_bench_put_blob(bench, "id", SLICE("by\0tes")), STATUS_OK);
    assert_status(ephemeral_bench_put_blob(bench, "id", SLICE("others")), STATUS_CONFLICT);
    ephemeral_blob_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    const struct ephemeral_blob *blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, SLICE("by\0tes"));
    ephemeral_blob_take_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, SLICE("by\0tes"));
    ephemeral_blob_take_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
    ephemeral_blob_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
}

static void a_blob_is_replaced_only_by_who_knows_it_and_keeps_its_time(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(replace(bench, "id", SLICE(""), SLICE("b")), STATUS_NOT_FOUND);
    assert_status(ephemeral_bench_put_blob(bench, "id", SLICE("a")), STATUS_OK);
    ephemeral_bench_pass_s(bench, 30);
    assert_status(replace(bench, "id", SLICE("a"), SLICE("b")), STATUS_OK);
    assert_status(replace(bench, "id", SLICE("a"), SLICE("c")), STATUS_CONFLICT);
    ephemeral_bench_pass_s(bench, 30);
    assert_status(replace(bench, "id", SLICE("b"), SLICE("c")), STATUS_NOT_FOUND);
}

static void *take_all(void *context)
{
    struct bench_rival *rival = context;
    for (int i = 0; i < 50; i++) {
        char id[16];
        int len = snprintf(id, sizeof id, "%d", i);
        ephemeral_blob_take_start(rival->view, slice_of(id, (size_t)len), asking_ticket(&rival->asking));
        rival->good += asking_wait(&rival->asking, NULL) == STATUS_OK ? 1 : 0;
    }
    return NULL;
}

static void of_racing_takers_exactly_one_gets_each_blob(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct bench_rival rivals[BENCH_RIVALS];
    unsigned taken = 0;
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        assert_status(ephemeral_bench_put_blob(bench, id, SLICE("x")), STATUS_OK);
    }
    ephemeral_bench_compete(bench, rivals, take_all);
    for (int i = 0; i < BENCH_RIVALS; i++)
        taken += rivals[i].good;
    assert_int_equal(taken, 50);
}

/* ---- counters ---- */

static void a_counter_starts_anew_after_its_window(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct ephemeral_count *counted = ephemeral_bench_count(bench, "login jane");
    assert_int_equal(counted->count, 1);
    assert_int_equal(counted->reset_s, 60);
    ephemeral_bench_pass_s(bench, 20);
    counted = ephemeral_bench_count(bench, "login jane");
    assert_int_equal(counted->count, 2);
    assert_int_equal(counted->reset_s, 40);
    assert_int_equal(ephemeral_bench_count(bench, "login joe")->count, 1);
    ephemeral_bench_pass_s(bench, 40);
    counted = ephemeral_bench_count(bench, "login jane");
    assert_int_equal(counted->count, 1);
    assert_int_equal(counted->reset_s, 60);
}

static void take_back(struct ephemeral_bench *bench, const char *name)
{
    ephemeral_count_back_start(bench->view, QUOTA_LOGIN_ACCOUNT, slice_str(name), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void what_was_counted_can_be_taken_back(void **state)
{
    struct ephemeral_bench *bench = *state;
    take_back(bench, "login jane"); /* never below nothing */
    assert_int_equal(ephemeral_bench_count(bench, "login jane")->count, 1);
    assert_int_equal(ephemeral_bench_count(bench, "login jane")->count, 2);
    ephemeral_bench_pass_s(bench, 20);
    take_back(bench, "login jane");
    const struct ephemeral_count *counted = ephemeral_bench_count(bench, "login jane");
    assert_int_equal(counted->count, 2);
    assert_int_equal(counted->reset_s, 40); /* the window goes on */
    ephemeral_bench_pass_s(bench, 40);
    take_back(bench, "login jane");
    assert_int_equal(ephemeral_bench_count(bench, "login jane")->count, 1);
    take_back(bench, "login jane");
    take_back(bench, "login jane");
    assert_int_equal(ephemeral_bench_count(bench, "login jane")->count, 1);
}

/* Names in all kinds of values are apart, and values hold any byte. */
static void kinds_share_no_names_and_values_hold_any_byte(void **state)
{
    struct ephemeral_bench *bench = *state;
    static char long_bytes[20000];
    struct temp_new odd = bench_temp;
    odd.callback = SLICE("a:b;c\0d\r\n*1\r\n");
    odd.scopes = SLICE("");
    memset(long_bytes, 0xff, sizeof long_bytes);
    assert_status(ephemeral_bench_create_temp(bench, &odd), STATUS_OK);
    assert_status(ephemeral_bench_put_blob(bench, "temp", slice_of(long_bytes, sizeof long_bytes)), STATUS_OK);
    assert_status(ephemeral_bench_log_in(bench, "temp", 7), STATUS_OK);
    assert_int_equal(ephemeral_bench_count(bench, "temp")->count, 1);
    assert_slice_equal(ephemeral_bench_find_temp(bench)->callback, odd.callback);
    assert_slice_equal(ephemeral_bench_find_temp(bench)->scopes, SLICE(""));
    ephemeral_blob_find_start(bench->view, SLICE("temp"), asking_ticket(&bench->asking));
    const struct ephemeral_blob *blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, slice_of(long_bytes, sizeof long_bytes));
}

int contract_values_run(void)
{
    const struct CMUnitTest tests[] = {
        EPHEMERAL_TEST(a_blob_is_taken_once),
        EPHEMERAL_TEST(a_blob_is_replaced_only_by_who_knows_it_and_keeps_its_time),
        EPHEMERAL_TEST(of_racing_takers_exactly_one_gets_each_blob),
        EPHEMERAL_TEST(a_counter_starts_anew_after_its_window),
        EPHEMERAL_TEST(what_was_counted_can_be_taken_back),
        EPHEMERAL_TEST(kinds_share_no_names_and_values_hold_any_byte),
    };
    return cmocka_run_group_tests_name("ephemeral: blobs and counters", tests, NULL, NULL);
}
