#include "decision/decision_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct {
    unsigned active, refused, unavailable;
    int64_t told; /* lines that were left out, as a warning says */
} logged;

void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count);
void __wrap_log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count)
{
    for (size_t i = 0; i < field_count; i++) {
        bool is_verdict = strcmp(fields[i].name, "verdict") == 0;
        logged.active += is_verdict && slice_eq(fields[i].slice, SLICE("active"));
        logged.refused += is_verdict && slice_eq(fields[i].slice, SLICE("refused"));
        logged.unavailable += is_verdict && slice_eq(fields[i].slice, SLICE("unavailable"));
        if (level == LOG_WARN && strcmp(fields[i].name, "decisions") == 0)
            logged.told += fields[i].number;
    }
    assert_non_null(message);
}

static int64_t now_ns = INT64_C(5000000000);

int64_t __wrap_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void)
{
    return now_ns;
}

/* In a second of their own. */
static void note(enum config_decision_log wanted, enum status status, unsigned count)
{
    static const struct request request;
    const struct config config = {.decision_log = wanted};
    const struct decision decision = {.request = &request, .config = &config, .status = status};
    memset(&logged, 0, sizeof logged);
    now_ns += INT64_C(1000000000);
    for (unsigned i = 0; i < count; i++)
        decision_log_note(&decision);
}

static uint64_t count_left_out(void)
{
    struct buf text = BUF_INIT;
    static const char name[] = "\noauth1_decision_lines_left_out_total ";
    uint64_t count = 0;
    metrics_write(&text);
    const char *line = strstr(buf_string(&text), name);
    assert_non_null(line);
    assert_int_equal(sscanf(line + sizeof name - 1, "%" SCNu64, &count), 1);
    buf_done(&text);
    return count;
}

static void one_in_a_hundred_that_are_active_has_a_line_and_each_refusal(void **state)
{
    (void)state;
    note(DECISION_LOG_REFUSED, STATUS_OK, 700);
    assert_int_equal(logged.active, 7);
    note(DECISION_LOG_REFUSED, STATUS_SIGNATURE_INVALID, 700);
    assert_int_equal(logged.refused, 700);
}

static void all_have_a_line_or_none_where_that_is_wanted(void **state)
{
    (void)state;
    note(DECISION_LOG_ALL, STATUS_OK, 700);
    assert_int_equal(logged.active, 700);
    note(DECISION_LOG_OFF, STATUS_OK, 700);
    assert_int_equal(logged.active, 0);
    note(DECISION_LOG_OFF, STATUS_SIGNATURE_INVALID, 700);
    assert_int_equal(logged.refused, 0);
}

static void of_refusals_beyond_a_thousand_a_second_the_number_is_told(void **state)
{
    uint64_t before = count_left_out();
    (void)state;
    note(DECISION_LOG_REFUSED, STATUS_SIGNATURE_INVALID, 1300);
    assert_int_equal(logged.refused, 1000);
    assert_int_equal(count_left_out() - before, 300);
    note(DECISION_LOG_REFUSED, STATUS_SIGNATURE_INVALID, 2);
    assert_int_equal(logged.refused, 2);
    assert_int_equal(logged.told, 300);
    note(DECISION_LOG_REFUSED, STATUS_SIGNATURE_INVALID, 2);
    assert_int_equal(logged.told, 0);
}

static void what_no_store_could_decide_has_ten_lines_a_second_of_its_own(void **state)
{
    uint64_t before = count_left_out();
    (void)state;
    note(DECISION_LOG_REFUSED, STATUS_STORE_DOWN, 500);
    assert_int_equal(logged.unavailable, 10);
    assert_int_equal(count_left_out() - before, 490);
    note(DECISION_LOG_REFUSED, STATUS_SIGNATURE_INVALID, 500);
    assert_int_equal(logged.refused, 500);
}

static int register_what_is_counted(void **state)
{
    (void)state;
    return decision_log_register() == STATUS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_in_a_hundred_that_are_active_has_a_line_and_each_refusal),
        cmocka_unit_test(all_have_a_line_or_none_where_that_is_wanted),
        cmocka_unit_test(of_refusals_beyond_a_thousand_a_second_the_number_is_told),
        cmocka_unit_test(what_no_store_could_decide_has_ten_lines_a_second_of_its_own),
    };
    return cmocka_run_group_tests(tests, register_what_is_counted, NULL);
}
