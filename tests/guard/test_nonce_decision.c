/* What becomes of an epoch's row (docs/design/nonce-guard.md, rules 2, 5, 9 and 10). */
#include "guard/nonce_decision.h"

#include "base/buf.h"
#include "guard/nonce_guard.h"
#include "support/test.h"

#include <stdio.h>

enum { NOW_S = 1000000 };

static const char *text_of(const struct accepted_ranges *ranges)
{
    static char memory[ACCEPTED_TEXT_BYTES + 1];
    struct buf text = buf_fixed(memory, sizeof memory);
    accepted_ranges_write(ranges, &text);
    return buf_string(&text);
}

static struct nonce_row row_of(const char *epoch, const char *record, bool is_used)
{
    struct nonce_row row = {.exists = true, .is_used = is_used};
    (void)snprintf(row.epoch, sizeof row.epoch, "%s", epoch);
    (void)snprintf(row.record, sizeof row.record, "%s", record);
    accepted_ranges_raise(&row.ranges, NOW_S);
    return row;
}

static struct nonce_meeting meeting_of(const char *seen)
{
    return (struct nonce_meeting){
        .seen = slice_str(seen),
        .stands = *seen != '\0',
        .fresh = SLICE("fresh"),
        .record = SLICE("3 fresh here 256"),
        .server = SLICE(" here "),
        .now_ms = NOW_S * INT64_C(1000),
        .lead_ms = 60000,
    };
}

static enum nonce_outcome meet(struct nonce_meeting *meeting, struct nonce_row *row)
{
    struct nonce_users users = {0};
    assert_status(nonce_decide_meeting(meeting, row, &users), STATUS_OK);
    return meeting->outcome;
}

static void a_record_stands_if_the_row_names_it(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("old");
    (void)state;
    assert_int_equal(meet(&meeting, &row), NONCE_STANDS);
    assert_string_equal(text_of(&row.ranges), "1000000 999999 1000005");
    row.is_used = false;
    assert_int_equal(meet(&meeting, &row), NONCE_CONFIRMS);
}

static void everything_else_is_a_loss_and_guards_all(void **state)
{
    static const char *const seen[] = {"", "other", "old"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        struct nonce_row row = row_of("old", "3 old here 256", true);
        struct nonce_meeting meeting = meeting_of(seen[i]);
        meeting.looked = SLICE("old");
        meeting.stands = i == 1; /* the last is the row's, and something speaks against it */
        assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
        assert_string_equal(row.epoch, "fresh");
        assert_string_equal(row.record, "3 fresh here 256");
        assert_false(row.is_used);
        assert_string_equal(text_of(&row.ranges), "1000000 1000005 1000005");
    }
}

/* Its record may have been written between our reading it and our asking. */
static void an_epoch_in_use_is_looked_for_once_more_before_it_is_replaced(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet(&meeting, &row), NONCE_LOOKS_AGAIN);
    assert_string_equal(row.epoch, "old");
    meeting.looked = SLICE("older");
    assert_int_equal(meet(&meeting, &row), NONCE_LOOKS_AGAIN);
    meeting.looked = SLICE("old");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
}

static void one_that_is_declared_and_not_used_is_waited_for_and_then_replaced(void **state)
{
    struct nonce_row row = row_of("begun", "3 begun here 256", false);
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet(&meeting, &row), NONCE_YIELDS);
    meeting.yielded = SLICE("another");
    assert_int_equal(meet(&meeting, &row), NONCE_YIELDS);
    assert_string_equal(row.epoch, "begun");
    meeting.yielded = SLICE("begun");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    assert_string_equal(row.epoch, "fresh");
}

static void another_servers_epoch_is_given_way_to_for_a_while(void **state)
{
    struct nonce_row row = row_of("theirs", "3 theirs there 256", true);
    struct nonce_meeting meeting = meeting_of("ours");
    (void)state;
    meeting.looked = SLICE("theirs");
    meeting.is_patient = true;
    assert_int_equal(meet(&meeting, &row), NONCE_GIVES_WAY);
    assert_string_equal(row.epoch, "theirs");
    meeting.is_patient = false;
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = row_of("theirs", "3 theirs here 256", true);
    meeting.is_patient = true; /* of this server: nobody to give way to */
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
}

static void the_first_start_guards_nothing_but_what_a_version_before_accepted(void **state)
{
    struct nonce_row row = {0};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    assert_true(row.exists);
    assert_string_equal(text_of(&row.ranges), "");
    row = (struct nonce_row){.earlier_ms = (NOW_S - 100) * INT64_C(1000)};
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    assert_string_equal(text_of(&row.ranges), "999900 1000060 1000060");
}

static void what_another_store_accepted_since_is_a_loss(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("old");
    struct nonce_users users = {0};
    (void)state;
    meeting.looked = SLICE("old");
    accepted_ranges_guard_span(&users.others, NOW_S + 20, NOW_S + 25);
    assert_status(nonce_decide_meeting(&meeting, &row, &users), STATUS_OK);
    assert_int_equal(meeting.outcome, NONCE_DECLARES);
    assert_string_equal(text_of(&row.ranges), "1000000 1000005 1000005;1000020 1000025 1000025");
    (void)snprintf(row.epoch, sizeof row.epoch, "old");
    row.is_used = true;
    assert_status(nonce_decide_meeting(&meeting, &row, &users), STATUS_OK); /* it is guarded by now */
    assert_int_equal(meeting.outcome, NONCE_STANDS);
}

/* ---- confirming ---- */

static struct nonce_user user_of(const char *id, const char *machine, int64_t steady_s, int64_t clock_s)
{
    struct nonce_user user = {.steady_ms = steady_s * 1000, .clock_ms = clock_s * 1000};
    (void)snprintf(user.id, sizeof user.id, "%s", id);
    (void)snprintf(user.machine, sizeof user.machine, "%s", machine);
    return user;
}

static struct nonce_confirmation confirmation_at(int64_t steady_s, int64_t known_s, int64_t latest_s)
{
    return (struct nonce_confirmation){.epoch = SLICE("fresh"),
                                       .machine = "here",
                                       .steady_ms = steady_s * 1000,
                                       .known_ms = known_s * 1000,
                                       .latest_ms = latest_s * 1000};
}

/* Confirms over one user's row; the ranges are empty before. */
static const char *confirm(struct nonce_confirmation *confirmation, struct nonce_user *user)
{
    struct nonce_row row = row_of("fresh", "3 fresh here 256", false);
    struct nonce_users users = {.items = user, .count = 1};
    row.ranges = (struct accepted_ranges){0};
    assert_status(nonce_decide_confirmation(confirmation, &row, &users), STATUS_OK);
    assert_true(confirmation->is_in_force);
    assert_true(row.is_used);
    return text_of(&confirmation->ranges);
}

static void only_the_epoch_that_is_in_force_is_confirmed(void **state)
{
    struct nonce_row row = row_of("another", "3 another here 256", false);
    struct nonce_users users = {0};
    struct nonce_confirmation confirmation = confirmation_at(10, 0, NOW_S);
    (void)state;
    assert_status(nonce_decide_confirmation(&confirmation, &row, &users), STATUS_OK);
    assert_false(confirmation.is_in_force);
    assert_false(row.is_used);
}

/* From its row's clock to its steady time now and five seconds more, whatever the clocks say. */
static void what_a_user_of_this_machine_may_have_accepted_is_guarded_by_steady_time(void **state)
{
    struct nonce_user user = user_of("a", "here", 100, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(112, 0, NOW_S - 3600);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000017 1000017");
    assert_string_equal(user.id, "a");
    assert_false(confirmation.is_unsure);
}

static void no_more_than_it_can_ever_have_accepted_is_guarded_and_then_it_is_forgotten(void **state)
{
    struct nonce_user user = user_of("a", "here", 100, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(399, 0, NOW_S);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000304 1000304");
    assert_string_equal(user.id, "a");
    confirmation = confirmation_at(400, 0, NOW_S);
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000305 1000305");
    assert_string_equal(user.id, "");
}

static void a_user_of_another_machine_is_judged_by_what_this_process_knows(void **state)
{
    struct nonce_user user = user_of("a", "there", 5, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(100, NOW_S + 10, NOW_S + 86400);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000015 1000015");
    assert_false(confirmation.is_unsure);
}

static void a_process_that_knows_nothing_goes_by_the_latest_clock_and_stays_unsure(void **state)
{
    struct nonce_user user = user_of("a", "there", 5, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(100, 0, NOW_S + 30);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000035 1000035");
    assert_true(confirmation.is_unsure);
    confirmation.known_ms = (NOW_S + 31) * INT64_C(1000); /* the clock is set forward soon after */
    confirmation.latest_ms = (NOW_S + 90) * INT64_C(1000);
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000095 1000095");
}

static void an_epoch_that_is_used_is_not_guarded_again(void **state)
{
    struct nonce_row row = row_of("fresh", "3 fresh here 256", true);
    struct nonce_user user = user_of("a", "here", 100, NOW_S + 2);
    struct nonce_users users = {.items = &user, .count = 1};
    struct nonce_confirmation confirmation = confirmation_at(101, 0, NOW_S);
    (void)state;
    assert_status(nonce_decide_confirmation(&confirmation, &row, &users), STATUS_OK);
    assert_string_equal(text_of(&confirmation.ranges), "1000000 999999 1000005");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_stands_if_the_row_names_it),
        cmocka_unit_test(everything_else_is_a_loss_and_guards_all),
        cmocka_unit_test(an_epoch_in_use_is_looked_for_once_more_before_it_is_replaced),
        cmocka_unit_test(one_that_is_declared_and_not_used_is_waited_for_and_then_replaced),
        cmocka_unit_test(another_servers_epoch_is_given_way_to_for_a_while),
        cmocka_unit_test(the_first_start_guards_nothing_but_what_a_version_before_accepted),
        cmocka_unit_test(what_another_store_accepted_since_is_a_loss),
        cmocka_unit_test(only_the_epoch_that_is_in_force_is_confirmed),
        cmocka_unit_test(what_a_user_of_this_machine_may_have_accepted_is_guarded_by_steady_time),
        cmocka_unit_test(no_more_than_it_can_ever_have_accepted_is_guarded_and_then_it_is_forgotten),
        cmocka_unit_test(a_user_of_another_machine_is_judged_by_what_this_process_knows),
        cmocka_unit_test(a_process_that_knows_nothing_goes_by_the_latest_clock_and_stays_unsure),
        cmocka_unit_test(an_epoch_that_is_used_is_not_guarded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
