/* The protocol of docs/design/nonce-guard.md, searched: no replay and no lasting denial while all its rules are kept,
 * and a shortest trace to one wherever a rule is broken. `test_model_nonce_guard long` searches deeper, `... trace`
 * prints every trace.
 *
 * What a scenario leaves out (a kind of fault, a second process, later ticks) keeps the number of its states down;
 * together they cover every rule. A rule that can be broken unseen is not needed, or the model is too weak: each must
 * be caught. */
#include "model/fleet.h"
#include "model/lone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BROKEN_MAX = 8, LONG_STATES = 30000000 };

/* A rule that is broken, and what it is called. */
struct broken_rule {
    unsigned rule; /* 0: the list ends */
    const char *name;
};

#define BROKEN(rule) \
    {                \
        rule, #rule  \
    }

struct fleet_scenario {
    const char *name;
    struct fleet_options options;
    struct broken_rule broken[BROKEN_MAX]; /* it catches these */
};

struct lone_scenario {
    const char *name;
    struct lone_options options;
    struct broken_rule broken[BROKEN_MAX];
};

static bool is_verbose;
static unsigned uncaught; /* broken rules that nothing came of, and searches that went wrong */

static const struct fleet_scenario fleet_scenarios[] = {
    {"Redis is flushed or restarts",
     {.events = MAY_FLUSH | MAY_RESTART_REDIS, .faults = 2, .processes = 2, .ticks = 2, .stamp = 4},
     {BROKEN(SAME_ID_AGAIN), BROKEN(VERDICT_UNFENCED), BROKEN(RENEWAL_WRITES), BROKEN(ACCEPT_UNWRITTEN),
      BROKEN(RUN_IGNORED)}},
    {"Redis fails over, and back",
     {.events = MAY_FAIL_OVER | MAY_SPLIT, .faults = 2, .processes = 2, .ticks = 0, .stamp = 3},
     {BROKEN(RAISE_UNFENCED), BROKEN(RECORD_BELIEVED), BROKEN(RUN_ID_ALONE), BROKEN(USED_LATE)}},
    {"clocks step, processes are killed",
     {.events = MAY_STEP_CLOCK | MAY_STEP_SMALL | MAY_KILL, .faults = 3, .processes = 1, .ticks = 6, .stamp = 2},
     {BROKEN(GUARD_BY_CLOCK), BROKEN(LEAP_UNSEEN), BROKEN(RECORD_ETERNAL)}},
    {"Redis is flushed, its clock steps",
     {.events = MAY_FLUSH | MAY_STEP_CLOCK | MAY_STEP_SMALL, .faults = 3, .processes = 1, .ticks = 5, .stamp = 4},
     {BROKEN(RECORD_RELATIVE)}},
    {"the durable store is away, Redis is lost, processes are killed, stopped",
     {.events = MAY_FLUSH | MAY_LOSE_DURABLE | MAY_KILL | MAY_STOP,
      .faults = 3,
      .processes = 1,
      .ticks = 5,
      .stamp = 4},
     {BROKEN(ROWS_MISSING), BROKEN(AWAY_UNBOUNDED), BROKEN(STOP_FORGETS)}},
    {"the same, all machines restart, the request lags",
     {.events = MAY_FLUSH | MAY_LOSE_DURABLE | MAY_KILL | MAY_REBOOT,
      .faults = 3,
      .processes = 1,
      .ticks = 5,
      .stamp = 0},
     {BROKEN(LAGGING_WHILE_AWAY), BROKEN(RESTART_FORGETS)}},
    {"the durable store is away for long",
     {.events = MAY_FLUSH | MAY_LOSE_DURABLE, .faults = 2, .processes = 1, .ticks = 8, .stamp = 8},
     {BROKEN(AWAY_ENDLESS)}},
    {"the durable store is away, clocks step a little",
     {.events = MAY_FLUSH | MAY_LOSE_DURABLE | MAY_STEP_SMALL,
      .faults = 3,
      .processes = 1,
      .ticks = 5,
      .stamp = 6,
      .is_lazy = true},
     {BROKEN(ANCHOR_UNWRITTEN)}},
    {"the durable store comes and goes while an epoch is declared",
     {.events = MAY_FLUSH | MAY_RESTART_REDIS | MAY_LOSE_DURABLE, .faults = 3, .processes = 1, .ticks = 7, .stamp = 7},
     {BROKEN(GUARD_EARLY)}},
    {"one process is cut off from the durable store, Redis splits",
     {.events = MAY_SPLIT, .faults = 1, .processes = 2, .ticks = 3, .stamp = 4, .is_cut = true},
     {BROKEN(GUARD_WITHOUT_MARGIN)}},
    {"a process starts whose skew is larger",
     {.events = MAY_FLUSH, .faults = 1, .processes = 2, .ticks = 4, .stamp = 0, .is_mixed = true},
     {BROKEN(KEPT_IGNORED), BROKEN(KEPT_BY_OWN)}},
    {"a clock glitches, clients follow it: who is served again",
     {.goal = FLEET_DENIAL, .events = MAY_STEP_CLOCK | MAY_KILL, .faults = 2, .processes = 1, .ticks = 4, .stamp = 2},
     {BROKEN(ONE_MARK), BROKEN(GUARD_BY_CLOCK), BROKEN(GUARD_TO_STEADY)}},
};

/* They need more states with all rules kept than every day's test may take. */
static const struct fleet_scenario long_scenarios[] = {
    {"one process is cut off for longer, Redis splits",
     {.events = MAY_SPLIT, .faults = 1, .processes = 2, .ticks = 5, .stamp = 6, .is_cut = true},
     {BROKEN(TWO_PRIMARIES), BROKEN(ALONE_GUARDED_EARLY)}},
    {"Redis splits, rows are old",
     {.events = MAY_SPLIT, .faults = 1, .processes = 2, .ticks = 3, .stamp = 4, .is_lazy = true},
     {BROKEN(AWAY_AT_ONCE)}},
    {"Redis fails over, and back, time passes",
     {.events = MAY_FAIL_OVER | MAY_SPLIT, .faults = 2, .processes = 2, .ticks = 2, .stamp = 4},
     {BROKEN(RAISE_UNFENCED), BROKEN(RECORD_BELIEVED), BROKEN(USED_LATE)}},
    {"Redis is flushed, processes are cut off one by one",
     {.events = MAY_FLUSH | MAY_CUT | MAY_KILL, .faults = 3, .processes = 2, .ticks = 3, .stamp = 4},
     {BROKEN(ROWS_MISSING)}},
    {"two processes, the durable store is away, clocks step",
     {.events = MAY_FLUSH | MAY_LOSE_DURABLE | MAY_STEP_CLOCK | MAY_STEP_SMALL,
      .faults = 2,
      .processes = 2,
      .ticks = 4,
      .stamp = 5},
     {BROKEN(VERDICT_UNFENCED)}},
    {"everything happens to one process",
     {.events = MAY_FLUSH | MAY_RESTART_REDIS | MAY_FAIL_OVER | MAY_STEP_CLOCK | MAY_STEP_SMALL | MAY_LOSE_DURABLE |
                MAY_KILL | MAY_STOP | MAY_REBOOT,
      .faults = 3,
      .processes = 1,
      .ticks = 5,
      .stamp = 4},
     {BROKEN(ROWS_MISSING), BROKEN(RECORD_BELIEVED)}},
    {"two processes, a clock glitches: who is served again",
     {.goal = FLEET_DENIAL,
      .events = MAY_STEP_CLOCK | MAY_FLUSH | MAY_LOSE_DURABLE,
      .faults = 2,
      .processes = 2,
      .ticks = 2,
      .stamp = 2},
     {BROKEN(ONE_MARK), BROKEN(GUARD_TO_STEADY)}},
};

static const struct lone_scenario lone_scenarios[] = {
    {"memory: kills, stops, outages, clocks",
     {.faults = 5, .ticks = 8, .stamp = 2},
     {BROKEN(LONE_GUARD_BY_CLOCK), BROKEN(LONE_ACCEPT_UNWRITTEN), BROKEN(LONE_LOSS_UNGUARDED),
      BROKEN(LONE_CLOCK_FOLLOWED), BROKEN(LONE_SAVED_BELIEVED), BROKEN(LONE_SAVED_KEPT), BROKEN(LONE_SAVED_ALONE)}},
    {"memory: the same, the skew is changed at restarts",
     {.faults = 4, .ticks = 8, .stamp = 2, .is_mixed = true},
     {BROKEN(LONE_KEPT_IGNORED)}},
    {"memory: the same, the client follows a glitch",
     {.faults = 5, .ticks = 8, .stamp = 15},
     {BROKEN(LONE_SAVED_KEPT)}},
    {"memory: who is served again",
     {.goal = FLEET_DENIAL, .faults = 2, .ticks = 5, .stamp = 2},
     {BROKEN(LONE_GUARD_BY_CLOCK), BROKEN(LONE_ONE_MARK), BROKEN(LONE_CLOCK_KEPT)}},
};

/* ---- searching ---- */

static const char *verdict_of(enum fleet_goal goal)
{
    return goal == FLEET_DENIAL ? "a lasting denial" : "a replay";
}

static void expect_none(const char *name, enum fleet_goal goal, const struct search_model *model, size_t most)
{
    struct search_result result = search_run(model, most, true);
    printf("%s: %zu states, depth %u: %s%s\n", name, result.states, result.depth, result.is_bad ? "" : "no ",
           result.is_bad          ? verdict_of(goal)
           : goal == FLEET_DENIAL ? "lasting denial"
                                  : "replay");
    if (!result.is_bad && !result.is_complete)
        printf("  (not complete: that is all within %zu states)\n", most);
    uncaught += result.is_bad || (!result.is_complete && most != LONG_STATES);
}

static void expect_bad(const char *name, enum fleet_goal goal, const struct search_model *model)
{
    struct search_result result = search_run(model, LONG_STATES, is_verbose);
    if (result.is_bad)
        printf("  without %-21s %s in %u steps (%zu states)\n", name, verdict_of(goal), result.steps, result.states);
    else
        printf("  without %-21s NOT CAUGHT in %zu states: it is not needed, or the model is too weak\n", name,
               result.states);
    uncaught += !result.is_bad;
}

static void search_fleet(const struct fleet_scenario *scenario, size_t most)
{
    struct fleet_options options = scenario->options;
    expect_none(scenario->name, options.goal, fleet_model(&options), most);
    for (const struct broken_rule *broken = scenario->broken; broken->rule; broken++) {
        options.broken = broken->rule;
        expect_bad(broken->name, options.goal, fleet_model(&options));
    }
}

static void search_lone(const struct lone_scenario *scenario)
{
    struct lone_options options = scenario->options;
    expect_none(scenario->name, options.goal, lone_model(&options), LONG_STATES - 1);
    for (const struct broken_rule *broken = scenario->broken; broken->rule; broken++) {
        options.broken = broken->rule;
        expect_bad(broken->name, options.goal, lone_model(&options));
    }
}

static void a_store_in_memory_lets_no_replay_in_and_each_of_its_rules_is_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lone_scenarios / sizeof lone_scenarios[0]; i++)
        search_lone(&lone_scenarios[i]);
    assert_int_equal(uncaught, 0);
}

static void a_fleet_on_redis_lets_no_replay_in_and_each_of_its_rules_is_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fleet_scenarios / sizeof fleet_scenarios[0]; i++)
        search_fleet(&fleet_scenarios[i], LONG_STATES - 1);
    assert_int_equal(uncaught, 0);
}

static void a_deeper_search_finds_no_replay_either(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof long_scenarios / sizeof long_scenarios[0]; i++)
        search_fleet(&long_scenarios[i], LONG_STATES);
    assert_int_equal(uncaught, 0);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_in_memory_lets_no_replay_in_and_each_of_its_rules_is_needed),
        cmocka_unit_test(a_fleet_on_redis_lets_no_replay_in_and_each_of_its_rules_is_needed),
    };
    const struct CMUnitTest long_tests[] = {cmocka_unit_test(a_deeper_search_finds_no_replay_either)};
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < count; i++)
        is_verbose |= strcmp(arguments[i], "trace") == 0;
    if (count > 1 && strcmp(arguments[1], "long") == 0)
        return cmocka_run_group_tests_name("model, long", long_tests, NULL, NULL);
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
