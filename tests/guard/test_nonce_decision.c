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
    row = row_of("theirs", "3 theirs elsewhere 256", true);
    meeting.is_patient = true;
    meeting.left = SLICE("theirs"); /* this process was in it, and nobody has declared one since */
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = row_of("theirs", "3 theirs here 256", true);
    meeting.left = SLICE("");
    meeting.is_patient = true; /* of this server: nobody to give way to */
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = (struct nonce_row){0};
    meeting.left = SLICE("theirs"); /* and the row is gone: a database that was begun anew */
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

/* A single second of it is enough. */
static void the_last_second_that_another_store_may_have_accepted_counts(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("old");
    struct nonce_users users = {0};
    (void)state;
    meeting.looked = SLICE("old");
    accepted_ranges_guard_all(&row.ranges); /* up to the fifth second */
    accepted_ranges_guard_span(&users.others, NOW_S, NOW_S + 5);
    assert_status(nonce_decide_meeting(&meeting, &row, &users), STATUS_OK);
    assert_int_equal(meeting.outcome, NONCE_STANDS);
    accepted_ranges_guard_span(&users.others, NOW_S, NOW_S + 6);
    assert_status(nonce_decide_meeting(&meeting, &row, &users), STATUS_OK);
    assert_int_equal(meeting.outcome, NONCE_DECLARES);
    assert_string_equal(text_of(&row.ranges), "1000000 1000006 1000006");
}

static void a_row_that_is_not_there_is_neither_believed_nor_waited_for(void **state)
{
    struct nonce_row row = {0};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    meeting.stands = true; /* as an empty record would */
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = (struct nonce_row){0};
    meeting = meeting_of("");
    meeting.yielded = SLICE("another");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = (struct nonce_row){0};
    meeting = meeting_of("");
    meeting.is_patient = true;
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    row = (struct nonce_row){.is_used = true};
    meeting = meeting_of("");
    meeting.looked = SLICE("another");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
}

/* Later losses are covered by the ranges. */
static void what_a_version_before_accepted_is_guarded_once(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    row.earlier_ms = (NOW_S - 100) * INT64_C(1000);
    meeting.looked = SLICE("old");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    assert_string_equal(text_of(&row.ranges), "1000000 1000005 1000005");
}

static void who_met_the_row_is_told_what_is_in_it(void **state)
{
    struct nonce_row row = row_of("old", "3 old here 256", true);
    struct nonce_meeting meeting = meeting_of("old");
    (void)state;
    assert_int_equal(meet(&meeting, &row), NONCE_STANDS);
    assert_string_equal(meeting.row.epoch, "old");
    assert_string_equal(text_of(&meeting.row.ranges), "1000000 999999 1000005");
    meeting = meeting_of("");
    meeting.looked = SLICE("old");
    assert_int_equal(meet(&meeting, &row), NONCE_DECLARES);
    assert_string_equal(meeting.row.epoch, "fresh");
    assert_string_equal(text_of(&meeting.row.ranges), "1000000 1000005 1000005");
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

/* Confirms over the rows of some users; the ranges are empty before. */
static const char *confirm_all(struct nonce_confirmation *confirmation, struct nonce_user *items, size_t count)
{
    struct nonce_row row = row_of("fresh", "3 fresh here 256", false);
    struct nonce_users users = {.items = items, .count = count};
    row.ranges = (struct accepted_ranges){0};
    assert_status(nonce_decide_confirmation(confirmation, &row, &users), STATUS_OK);
    assert_true(confirmation->is_in_force);
    assert_true(row.is_used);
    return text_of(&confirmation->ranges);
}

static const char *confirm(struct nonce_confirmation *confirmation, struct nonce_user *user)
{
    return confirm_all(confirmation, user, 1);
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
    row = (struct nonce_row){.epoch = "fresh"}; /* of a row that is not there */
    assert_status(nonce_decide_confirmation(&confirmation, &row, &users), STATUS_OK);
    assert_false(confirmation.is_in_force);
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

/* It may accept the second itself in which its row was written (nonce_guard_may_go_on). */
static void the_second_of_its_row_is_guarded_from_its_beginning(void **state)
{
    struct nonce_user user = user_of("a", "here", 100, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(112, 0, NOW_S);
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .was_used = true, .epoch = "fresh"};
    struct nonce_users users = {.items = &user, .count = 1};
    (void)state;
    user.clock_ms += 999;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000017 1000017");
    confirmation = confirmation_at(401, 0, NOW_S);
    whole.ranges = (struct accepted_ranges){0};
    assert_status(nonce_decide_part_confirmation(&confirmation, &whole, &part, &users), STATUS_OK);
    assert_string_equal(text_of(&part.ranges), "1000000 1000305 1000305");
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000305");
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

/* What this process takes for the time is for others: a user of its own machine has the same steady clock. */
static void a_user_of_this_machine_is_judged_by_nothing_but_steady_time(void **state)
{
    struct nonce_user user = user_of("a", "here", 100, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(100, NOW_S + 50, NOW_S + 60);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000005 1000005");
    confirmation = confirmation_at(110, NOW_S + 50, NOW_S + 60);
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000015 1000015");
}

/* Its steady clock began anew, so it is another boot, whatever its name says. */
static void a_user_whose_steady_time_is_still_to_come_is_one_of_another_machine(void **state)
{
    struct nonce_user user = user_of("a", "here", 101, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(100, NOW_S + 50, NOW_S);
    (void)state;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000055 1000055");
    confirmation = confirmation_at(100, 0, NOW_S + 20);
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000025 1000025");
    assert_true(confirmation.is_unsure);
}

/* Rule 10: steady time outlives a process. */
static void the_user_that_was_last_heard_on_this_machine_tells_the_time_for_the_others(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct nonce_user users[] = {
            user_of("a", "here", 100, NOW_S - 700), /* its clock was behind: by it the time is another */
            user_of("b", "here", 700, NOW_S),
            user_of("c", "there", 5, NOW_S - 2),
        };
        struct nonce_confirmation confirmation = confirmation_at(712, 0, NOW_S + 86400);
        if (order) {
            struct nonce_user first = users[0];
            users[0] = users[1];
            users[1] = first;
        }
        assert_string_equal(confirm_all(&confirmation, users, COUNT_OF(users)),
                            "999300 999605 999605;999998 1000017 1000017");
        assert_false(confirmation.is_unsure);
    }
}

static void a_user_that_was_heard_this_moment_tells_the_time_too(void **state)
{
    struct nonce_user users[] = {user_of("a", "here", 100, NOW_S), user_of("c", "there", 5, NOW_S)};
    struct nonce_confirmation confirmation = confirmation_at(100, 0, NOW_S + 3600);
    (void)state;
    assert_string_equal(confirm_all(&confirmation, users, COUNT_OF(users)), "1000000 1000005 1000005");
    assert_false(confirmation.is_unsure);
}

static void whoever_is_unsure_goes_by_the_later_of_what_it_knows_and_what_the_clocks_say(void **state)
{
    struct nonce_user user = user_of("a", "there", 5, NOW_S);
    struct nonce_confirmation confirmation = confirmation_at(100, NOW_S + 40, NOW_S + 30);
    (void)state;
    confirmation.is_unsure = true;
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000045 1000045");
    confirmation.latest_ms = (NOW_S + 50) * INT64_C(1000);
    assert_string_equal(confirm(&confirmation, &user), "1000000 1000055 1000055");
}

/* Or the first start of all would let the guard follow the clocks. */
static void where_nobody_was_heard_there_is_nothing_to_be_unsure_of(void **state)
{
    struct nonce_confirmation confirmation = confirmation_at(100, 0, NOW_S);
    (void)state;
    assert_string_equal(confirm_all(&confirmation, NULL, 0), "");
    assert_false(confirmation.is_unsure);
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

/* ---- parts ---- */

static enum nonce_outcome meet_part(struct nonce_meeting *meeting, struct nonce_row *whole, struct nonce_row *part)
{
    struct nonce_users users = {0};
    assert_status(nonce_decide_part_meeting(meeting, whole, part, &users), STATUS_OK);
    assert_string_equal(meeting->row.epoch, part->epoch); /* as it is then */
    assert_int_equal(meeting->row.ranges.count, part->ranges.count);
    return meeting->outcome;
}

static void the_first_start_of_all_guards_nothing_in_a_part(void **state)
{
    struct nonce_row whole = {0};
    struct nonce_row part = {0};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_string_equal(whole.record, "parts");
    assert_true(whole.exists && whole.is_used);
    assert_false(part.was_used || part.is_used);
    assert_string_equal(part.record, "3 fresh here 256");
}

/* Its declarer may have gone on without the database. */
static void a_part_that_was_used_once_is_guarded_whenever_it_is_declared_anew(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .was_used = true, .epoch = "begun", .record = "3 begun here 4"};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    meeting.yielded = SLICE("begun");
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_true(part.was_used);
    assert_string_equal(text_of(&part.ranges), "1000000 1000005 1000005");
}

static void a_part_that_is_used_already_is_not_guarded_again(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .is_used = true, .was_used = true, .epoch = "fresh"};
    struct nonce_user user = {.id = "u", .machine = "m", .steady_ms = 0, .clock_ms = NOW_S * INT64_C(1000)};
    struct nonce_users users = {.items = &user, .count = 1};
    struct nonce_confirmation it = {.epoch = SLICE("fresh"), .machine = "m", .steady_ms = 400000};
    (void)state;
    assert_status(nonce_decide_part_confirmation(&it, &whole, &part, &users), STATUS_OK);
    assert_true(it.is_in_force);
    assert_string_equal(text_of(&it.ranges), "");
    assert_string_equal(user.id, "u");
}

static void in_a_part_that_was_never_used_nothing_is_lost(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {0};
    struct nonce_user user = {.id = "u", .machine = "m", .steady_ms = 5000, .clock_ms = NOW_S * INT64_C(1000)};
    struct nonce_users users = {.items = &user, .count = 1};
    struct nonce_meeting meeting = meeting_of("");
    struct nonce_confirmation it = {.epoch = SLICE("fresh"), .machine = "m", .steady_ms = 6000};
    (void)state;
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_string_equal(part.epoch, "fresh");
    assert_string_equal(whole.epoch, "fresh"); /* whoever raises the ranges has to read the parts anew */
    assert_string_equal(whole.record, "parts");
    assert_status(nonce_decide_part_confirmation(&it, &whole, &part, &users), STATUS_OK);
    assert_true(it.is_in_force && part.is_used);
    assert_string_equal(text_of(&it.ranges), "");
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000005");
}

static void a_loss_in_a_part_guards_in_it_what_any_part_accepted_and_leaves_the_others(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .is_used = true, .epoch = "old", .record = "3 old here 4"};
    struct nonce_user user = {.id = "u", .machine = "m", .steady_ms = 5000, .clock_ms = NOW_S * INT64_C(1000)};
    struct nonce_users users = {.items = &user, .count = 1};
    struct nonce_meeting meeting = meeting_of("");
    struct nonce_confirmation it = {.epoch = SLICE("fresh"), .machine = "m", .steady_ms = 15000};
    (void)state;
    accepted_ranges_guard_span(&part.ranges, 500, 600);
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_LOOKS_AGAIN);
    assert_string_equal(whole.epoch, "before");
    meeting.looked = SLICE("old");
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_string_equal(text_of(&part.ranges), "500 600 600;1000000 1000005 1000005");
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000005");
    assert_string_equal(whole.epoch, "fresh");
    assert_status(nonce_decide_part_confirmation(&it, &whole, &part, &users), STATUS_OK);
    assert_string_equal(text_of(&it.ranges), "500 600 600;1000000 1000015 1000015"); /* rule 9 */
    assert_string_equal(user.id, "u");
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000005");
}

/* Its row is forgotten, so what it may have accepted has to be in what the next loss in another part guards. */
static void a_user_that_is_forgotten_is_in_the_ranges_of_all_parts(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .is_used = false, .was_used = true, .epoch = "fresh"};
    struct nonce_user user = {.id = "u", .machine = "m", .steady_ms = 0, .clock_ms = NOW_S * INT64_C(1000)};
    struct nonce_users users = {.items = &user, .count = 1};
    struct nonce_confirmation it = {.epoch = SLICE("fresh"), .machine = "m", .steady_ms = 400000};
    (void)state;
    assert_status(nonce_decide_part_confirmation(&it, &whole, &part, &users), STATUS_OK);
    assert_string_equal(user.id, "");
    assert_string_equal(text_of(&part.ranges), "1000000 1000305 1000305");
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000305");
}

static void what_another_store_accepted_before_is_guarded_in_every_part(void **state)
{
    struct nonce_row whole = row_of("e", "3 e alone 256", true);
    struct nonce_row part = {0};
    struct nonce_row stands = {.exists = true, .is_used = true, .epoch = "ours", .record = "3 ours here 4"};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_string_equal(text_of(&whole.ranges), "1000000 1000005 1000005");
    assert_string_equal(text_of(&part.ranges), "1000000 1000005 1000005");
    assert_true(part.was_used); /* by rule 8 more may have been accepted than the ranges say */
    meeting = meeting_of("ours");
    assert_int_equal(meet_part(&meeting, &whole, &stands), NONCE_STANDS);
}

/* An earlier version has written no ranges. */
static void what_a_version_before_accepted_is_guarded_in_every_part(void **state)
{
    struct nonce_row whole = {.earlier_ms = (NOW_S - 100) * INT64_C(1000)};
    struct nonce_row part = {0};
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    assert_int_equal(meet_part(&meeting, &whole, &part), NONCE_DECLARES);
    assert_true(part.was_used);
    assert_string_equal(text_of(&part.ranges), "999900 1000060 1000060");
}

static void what_another_store_accepted_meanwhile_is_guarded_in_every_part(void **state)
{
    struct nonce_row whole = row_of("before", "parts", true);
    struct nonce_row part = {.exists = true, .is_used = true, .epoch = "ours", .record = "3 ours here 4"};
    struct nonce_meeting meeting = meeting_of("ours");
    struct nonce_users users = {0};
    (void)state;
    accepted_ranges_guard_span(&users.others, NOW_S + 20, NOW_S + 25);
    assert_status(nonce_decide_part_meeting(&meeting, &whole, &part, &users), STATUS_OK);
    assert_string_equal(whole.epoch, "fresh");  /* nobody goes by ranges that were read before */
    assert_string_equal(whole.record, "parts"); /* it was a Cluster's before, too */
    assert_string_equal(text_of(&whole.ranges), "1000000 999999 1000005;1000020 1000025 1000025");
    meeting.fresh = SLICE("fresher");
    assert_status(nonce_decide_part_meeting(&meeting, &whole, &part, &users), STATUS_OK);
    assert_string_equal(whole.epoch, "fresh"); /* once */
}

static void a_single_server_that_follows_a_cluster_guards_all(void **state)
{
    struct nonce_row whole = row_of("v", "parts", true);
    struct nonce_meeting meeting = meeting_of("");
    (void)state;
    meeting.looked = SLICE("v");
    assert_int_equal(meet(&meeting, &whole), NONCE_DECLARES);
    assert_string_equal(text_of(&whole.ranges), "1000000 1000005 1000005");
    assert_string_equal(whole.record, "3 fresh here 256");
}

static void a_part_that_was_declared_anew_is_not_confirmed_under_the_old_id(void **state)
{
    struct nonce_row whole = row_of("v", "parts", true);
    struct nonce_row part = {.exists = true, .epoch = "newer"};
    struct nonce_users users = {0};
    struct nonce_confirmation it = {.epoch = SLICE("fresh"), .machine = "m"};
    (void)state;
    assert_status(nonce_decide_part_confirmation(&it, &whole, &part, &users), STATUS_OK);
    assert_false(it.is_in_force || part.is_used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_of_all_guards_nothing_in_a_part),
        cmocka_unit_test(a_part_that_was_used_once_is_guarded_whenever_it_is_declared_anew),
        cmocka_unit_test(a_part_that_is_used_already_is_not_guarded_again),
        cmocka_unit_test(in_a_part_that_was_never_used_nothing_is_lost),
        cmocka_unit_test(a_loss_in_a_part_guards_in_it_what_any_part_accepted_and_leaves_the_others),
        cmocka_unit_test(a_user_that_is_forgotten_is_in_the_ranges_of_all_parts),
        cmocka_unit_test(what_another_store_accepted_before_is_guarded_in_every_part),
        cmocka_unit_test(what_a_version_before_accepted_is_guarded_in_every_part),
        cmocka_unit_test(what_another_store_accepted_meanwhile_is_guarded_in_every_part),
        cmocka_unit_test(a_single_server_that_follows_a_cluster_guards_all),
        cmocka_unit_test(a_part_that_was_declared_anew_is_not_confirmed_under_the_old_id),
        cmocka_unit_test(a_record_stands_if_the_row_names_it),
        cmocka_unit_test(everything_else_is_a_loss_and_guards_all),
        cmocka_unit_test(an_epoch_in_use_is_looked_for_once_more_before_it_is_replaced),
        cmocka_unit_test(one_that_is_declared_and_not_used_is_waited_for_and_then_replaced),
        cmocka_unit_test(another_servers_epoch_is_given_way_to_for_a_while),
        cmocka_unit_test(the_first_start_guards_nothing_but_what_a_version_before_accepted),
        cmocka_unit_test(what_another_store_accepted_since_is_a_loss),
        cmocka_unit_test(the_last_second_that_another_store_may_have_accepted_counts),
        cmocka_unit_test(a_row_that_is_not_there_is_neither_believed_nor_waited_for),
        cmocka_unit_test(what_a_version_before_accepted_is_guarded_once),
        cmocka_unit_test(who_met_the_row_is_told_what_is_in_it),
        cmocka_unit_test(only_the_epoch_that_is_in_force_is_confirmed),
        cmocka_unit_test(what_a_user_of_this_machine_may_have_accepted_is_guarded_by_steady_time),
        cmocka_unit_test(the_second_of_its_row_is_guarded_from_its_beginning),
        cmocka_unit_test(no_more_than_it_can_ever_have_accepted_is_guarded_and_then_it_is_forgotten),
        cmocka_unit_test(a_user_of_another_machine_is_judged_by_what_this_process_knows),
        cmocka_unit_test(a_process_that_knows_nothing_goes_by_the_latest_clock_and_stays_unsure),
        cmocka_unit_test(a_user_of_this_machine_is_judged_by_nothing_but_steady_time),
        cmocka_unit_test(a_user_whose_steady_time_is_still_to_come_is_one_of_another_machine),
        cmocka_unit_test(the_user_that_was_last_heard_on_this_machine_tells_the_time_for_the_others),
        cmocka_unit_test(a_user_that_was_heard_this_moment_tells_the_time_too),
        cmocka_unit_test(whoever_is_unsure_goes_by_the_later_of_what_it_knows_and_what_the_clocks_say),
        cmocka_unit_test(where_nobody_was_heard_there_is_nothing_to_be_unsure_of),
        cmocka_unit_test(an_epoch_that_is_used_is_not_guarded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
