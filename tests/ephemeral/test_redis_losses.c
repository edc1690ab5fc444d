/* What a Redis that lost nonces must not let through (docs/design/nonce-guard.md): flush, restart, failover, clocks. */
#include "base/buf.h"
#include "ephemeral/ephemeral.h"
#include "guard/nonce_ledger.h"
#include "loop/loop.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/free_port.h"
#include "support/redis_server.h"
#include "support/switched_ledger.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SKEW_S = 4,
    LEAD_S = 2,
    GUARD_S = LEAD_S + ACCEPTED_AHEAD_S + 1, /* after requests with all leads */
    PATIENCE = 400,
    STEP_MS = 25,
};

#define FIRST_MS INT64_C(1790000000000)
#define FIRST_S  (FIRST_MS / 1000)

/* Monotonic time, which a test can let leap (tests/CMakeLists.txt). */
static _Atomic int64_t leapt_ms;
int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);

int64_t __wrap_clock_monotonic_ns(void)
{
    return __real_clock_monotonic_ns() + atomic_load(&leapt_ms) * 1000000;
}

/* A deployment: one database, one Redis (with a replica where a test makes one), and processes that come and go. */
struct fleet {
    struct durable_bench durable;
    struct redis_server_process server;
    struct redis_server_process replica;
    char link[TEMP_PATH_BYTES]; /* the socket that the processes are told of: leads to the primary */
    char url[REDIS_SERVER_URL_BYTES];
    struct ephemeral_options options;
};

struct process {
    struct fleet *fleet;
    struct durable db;
    struct switched_ledger ledger;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct asking asking;
};

static void set_clocks(struct fleet *fleet)
{
    redis_server_set_time(&fleet->server, fleet->durable.clock.wall_ms);
    if (fleet->replica.pid)
        redis_server_set_time(&fleet->replica, fleet->durable.clock.wall_ms);
}

static void lead_to(struct fleet *fleet, const struct redis_server_process *server)
{
    (void)unlink(fleet->link);
    assert_int_equal(symlink(server->socket, fleet->link), 0);
}

static void open_fleet(struct fleet *fleet, const char *const *args)
{
    redis_server_start(&fleet->server, args);
    temp_dir_path(fleet->server.directory, "primary.sock", fleet->link);
    (void)snprintf(fleet->url, sizeof fleet->url, "redis+unix://%s", fleet->link);
    lead_to(fleet, &fleet->server);
    set_clocks(fleet);
}

static int setup(void **state)
{
    struct fleet *fleet = test_calloc(1, sizeof *fleet);
    durable_bench_init(&fleet->durable, &durable_sqlite);
    fleet->durable.clock.wall_ms = fleet->durable.clock.steady_ms = FIRST_MS;
    fleet->options = (struct ephemeral_options){
        .clock = &fleet->durable.clock.clock,
        .skew_ms = SKEW_S * 1000,
        .lead_ms = LEAD_S * 1000,
        .temp_ttl_ms = 600000,
        .ledger_name = SLICE("redis"),
        .keys = fleet->durable.keys,
    };
    *state = fleet;
    return 0;
}

static int teardown(void **state)
{
    struct fleet *fleet = *state;
    redis_server_done(&fleet->replica);
    redis_server_done(&fleet->server);
    durable_bench_done(&fleet->durable);
    test_free(fleet);
    return 0;
}

static enum status ping(struct process *process)
{
    ephemeral_ping_start(process->view, asking_ticket(&process->asking));
    return asking_wait(&process->asking, NULL);
}

static void stop_loop(void *loop)
{
    loop_stop(loop);
}

static void run_for(struct process *process, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, process->asking.loop, stop_loop, process->asking.loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(process->asking.loop);
    loop_timer_done(&timer);
}

static void wait_until_ready(struct process *process)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (ping(process) == STATUS_OK)
            return;
        run_for(process, STEP_MS);
    }
    fail_msg("it does not come back");
}

static void begin(struct process *process, struct fleet *fleet)
{
    struct buf why = BUF_INIT;
    struct ephemeral_options options = fleet->options;
    *process = (struct process){.fleet = fleet, .db = durable_bench_connect(&fleet->durable)};
    switched_ledger_init(&process->ledger, &process->db);
    options.ledger = &process->ledger.ledger;
    enum status status = ephemeral_open_blocking(slice_str(fleet->url), &options, &why, &process->store);
    if (status != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
    asking_init(&process->asking, fleet->options.clock);
    assert_status(ephemeral_view_new(process->store, process->asking.loop, &process->view), STATUS_OK);
    wait_until_ready(process);
}

static void end(struct process *process)
{
    ephemeral_view_free(process->view);
    asking_done(&process->asking);
    ephemeral_store_free(process->store);
    sql_close(process->db.sql);
}

static int64_t now_s(const struct fleet *fleet)
{
    return fleet->durable.clock.wall_ms / 1000;
}

static void pass_s(struct process *process, int64_t seconds)
{
    fake_clock_advance(&process->fleet->durable.clock, seconds * 1000);
    set_clocks(process->fleet);
    (void)ping(process);
}

static enum status spend(struct process *process, int64_t timestamp_s, const char *text)
{
    struct nonce nonce = {SLICE("acme"), SLICE("token"), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(process->view, &nonce, asking_ticket(&process->asking));
    return asking_wait(&process->asking, NULL);
}

/* ---- what was sent before, and is sent again ---- */

/* One request for each second that a timestamp may bear now. */
static void send_all(struct process *process, int64_t at_s)
{
    for (int64_t second = at_s - SKEW_S; second <= at_s + LEAD_S; second++)
        assert_status(spend(process, second, "sent"), STATUS_OK);
}

/* Each of them again, in every second of the next two windows in which its timestamp is good. */
static void replay_all(struct process *process, int64_t sent_s)
{
    for (int64_t passed = 0; passed <= 2 * (SKEW_S + LEAD_S) + 4; passed++, pass_s(process, 1)) {
        int64_t at_s = now_s(process->fleet);
        for (int64_t second = sent_s - SKEW_S; second <= sent_s + LEAD_S; second++) {
            if (second < at_s - SKEW_S || second > at_s + LEAD_S)
                continue;
            enum status status = spend(process, second, "sent");
            if (status != STATUS_STORE_DOWN && status != STATUS_NONCE_USED)
                fail_msg("a replay of second %+d was answered %s after %d s", (int)(second - sent_s),
                         status_name(status), (int)passed);
        }
    }
}

/* What was raised ahead of need in the background may be there or not. */
static void assert_guarded(struct ephemeral *view)
{
    assert_in_range(ephemeral_guard_s(view), LEAD_S + 1, GUARD_S);
}

static void assert_good_again(struct process *process)
{
    assert_int_equal(ephemeral_guard_s(process->view), 0);
    assert_status(spend(process, now_s(process->fleet), "fresh"), STATUS_OK);
    assert_status(spend(process, now_s(process->fleet), "fresh"), STATUS_NONCE_USED);
}

/* ---- no change ---- */

static void the_first_start_needs_no_guard(void **state)
{
    struct process process;
    open_fleet(*state, NULL);
    begin(&process, *state);
    assert_good_again(&process);
    end(&process);
}

static void later_starts_need_none_either_and_see_what_was_spent(void **state)
{
    struct process first;
    struct process second;
    open_fleet(*state, NULL);
    begin(&first, *state);
    assert_status(spend(&first, FIRST_S, "n"), STATUS_OK);
    begin(&second, *state);
    assert_int_equal(ephemeral_guard_s(second.view), 0);
    assert_status(spend(&second, FIRST_S, "n"), STATUS_NONCE_USED);
    end(&first);
    end(&second);
    begin(&second, *state);
    assert_status(spend(&second, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&second);
    end(&second);
}

static void a_pause_is_no_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_pause(&fleet->server);
    run_for(&process, 800); /* long enough that the connection is given up */
    assert_status(spend(&process, FIRST_S, "m"), STATUS_STORE_DOWN);
    redis_server_go_on(&fleet->server);
    wait_until_ready(&process);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&process);
    end(&process);
}

static void a_lost_connection_is_no_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_must(&fleet->server, "CLIENT KILL TYPE normal SKIPME yes", ":1");
    run_for(&process, STEP_MS);
    wait_until_ready(&process);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    assert_good_again(&process);
    end(&process);
}

/* ---- changes ---- */

static void after_a_flush_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(spend(&process, FIRST_S, "sent"), STATUS_STORE_DOWN); /* though Redis said that it is new */
    wait_until_ready(&process);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    assert_good_again(&process);
    end(&process);
}

static void new_requests_pass_as_soon_as_they_are_newer_than_what_was_accepted(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    wait_until_ready(&process);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    pass_s(&process, 3);
    pass_s(&process, ACCEPTED_AHEAD_S - 3);
    assert_int_equal(ephemeral_guard_s(process.view), 1);
    assert_status(spend(&process, FIRST_S + ACCEPTED_AHEAD_S, "n"), STATUS_STORE_DOWN);
    assert_status(spend(&process, FIRST_S + ACCEPTED_AHEAD_S + 1, "n"), STATUS_OK);
    pass_s(&process, 1);
    assert_good_again(&process);
    end(&process);
}

/* The flush is noticed by another process, or by one that starts then. */
static void a_change_is_known_to_all_processes(void **state)
{
    struct fleet *fleet = *state;
    struct process first;
    struct process second;
    struct process third;
    open_fleet(fleet, NULL);
    begin(&first, fleet);
    begin(&second, fleet);
    send_all(&first, FIRST_S);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    begin(&third, fleet);
    assert_guarded(third.view);
    assert_status(spend(&second, FIRST_S, "sent"), STATUS_STORE_DOWN);
    wait_until_ready(&second);
    assert_guarded(second.view);
    assert_status(spend(&first, FIRST_S, "sent"), STATUS_STORE_DOWN);
    wait_until_ready(&first);
    replay_all(&first, FIRST_S);
    (void)ping(&second);
    (void)ping(&third);
    assert_good_again(&first);
    assert_status(spend(&second, now_s(fleet), "fresh"), STATUS_NONCE_USED);
    assert_status(spend(&third, now_s(fleet), "fresh"), STATUS_NONCE_USED);
    end(&first);
    end(&second);
    end(&third);
}

static void restart(struct fleet *fleet, struct process *process)
{
    redis_server_kill(&fleet->server);
    run_for(process, STEP_MS);
    assert_status(spend(process, FIRST_S, "sent"), STATUS_STORE_DOWN);
    redis_server_start_again(&fleet->server);
    wait_until_ready(process);
}

static void after_an_empty_restart_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    restart(fleet, &process);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    assert_good_again(&process);
    end(&process);
}

/* A promoted replica or a lost tail cannot be told from a server that kept everything. */
static void a_restart_that_kept_everything_is_a_change_too(void **state)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, args);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    restart(fleet, &process);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    assert_good_again(&process);
    end(&process);
}

static void a_process_that_starts_after_an_empty_restart_is_guarded(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    end(&process);
    redis_server_kill(&fleet->server);
    redis_server_start_again(&fleet->server);
    begin(&process, fleet);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    end(&process);
}

static void a_record_that_somebody_spoiled_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    redis_server_must(&fleet->server, "SET e nonsense", "+OK");
    assert_status(spend(&process, FIRST_S, "other"), STATUS_STORE_DOWN);
    wait_until_ready(&process);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    end(&process);
}

/* What the memory of a process has accepted up to now, and saved. */
static void accept_in_memory(struct fleet *fleet)
{
    struct durable_nonce_ledger ledger;
    struct nonce_state nonces = {0};
    struct accepted_ranges ranges;
    int64_t second = now_s(fleet);
    const struct nonce_begin begin_memory = {
        .name = SLICE("memory:auth-service"), .epoch = SLICE("m"), .now_ms = second * 1000};
    const struct nonce_keep keep = {.name = begin_memory.name,
                                    .epoch = begin_memory.epoch,
                                    .wanted = &second,
                                    .wanted_count = 1,
                                    .away = SECOND_SPAN_EMPTY};
    durable_nonce_ledger_init(&ledger, &fleet->durable.db);
    assert_status(ledger.ledger.open_blocking(&ledger.ledger, &begin_memory, &nonces), STATUS_OK);
    assert_status(ledger.ledger.keep_blocking(&ledger.ledger, &keep, &ranges), STATUS_OK);
    nonce_state_done(&nonces);
}

static void coming_from_memory_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    accept_in_memory(fleet);
    begin(&process, fleet);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    pass_s(&process, 3);
    pass_s(&process, ACCEPTED_AHEAD_S - 2);
    assert_good_again(&process);
    end(&process);
    begin(&process, fleet); /* and it is one only once */
    assert_int_equal(ephemeral_guard_s(process.view), 0);
    end(&process);
}

/* Though its record is still there, and its server the same. */
static void coming_back_from_memory_is_a_change_too(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_good_again(&process);
    pass_s(&process, 3);
    pass_s(&process, 3);
    end(&process);
    accept_in_memory(fleet);
    begin(&process, fleet);
    assert_int_equal(ephemeral_guard_s(process.view), ACCEPTED_AHEAD_S + 1);
    end(&process);
}

/* ---- failover ---- */

/* Two servers of which the second follows the first, until it is cut off: what is written from then on is lost. */
static void open_pair(struct fleet *fleet)
{
    static char port[16];
    static char master[32];
    const char *const args[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync", "no", NULL};
    const char *const replica_args[] = {"--replicaof", master, NULL};
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(master, sizeof master, "127.0.0.1 %s", port);
    open_fleet(fleet, args);
    redis_server_start(&fleet->replica, replica_args);
    set_clocks(fleet);
}

static void wait_for_replica(struct fleet *fleet)
{
    char line[256];
    for (int i = 0; i < PATIENCE; i++) {
        redis_server_tell(&fleet->replica, "EXISTS e", line);
        if (strcmp(line, ":1") == 0)
            return;
        (void)usleep(STEP_MS * 1000);
    }
    fail_msg("the replica does not follow");
}

static void fail_over(struct fleet *fleet)
{
    redis_server_kill(&fleet->server);
    lead_to(fleet, &fleet->replica);
}

static void after_a_failover_that_lost_writes_nothing_from_before_is_let_through(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_pair(fleet);
    begin(&process, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    send_all(&process, FIRST_S); /* acknowledged, and lost */
    fail_over(fleet);
    run_for(&process, STEP_MS);
    wait_until_ready(&process);
    assert_guarded(process.view);
    replay_all(&process, FIRST_S);
    assert_good_again(&process);
    end(&process);
}

static void a_new_primary_whose_clock_is_behind_widens_nothing(void **state)
{
    struct fleet *fleet = *state;
    struct process old;
    struct process fresh;
    open_pair(fleet);
    begin(&old, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    send_all(&old, FIRST_S);
    fail_over(fleet);
    redis_server_set_time(&fleet->replica, FIRST_MS - 3000);
    begin(&fresh, fleet);
    run_for(&old, STEP_MS);
    wait_until_ready(&old);
    for (int64_t passed = 0; passed < 3 + LEAD_S + SKEW_S + ACCEPTED_AHEAD_S; passed++) {
        fake_clock_advance(&fleet->durable.clock, 1000);
        redis_server_set_time(&fleet->replica, fleet->durable.clock.wall_ms - 3000);
        (void)ping(&fresh);
        (void)ping(&old);
        for (int64_t second = FIRST_S - SKEW_S; second <= FIRST_S + LEAD_S; second++) {
            assert_int_not_equal(spend(&fresh, second, "sent"), STATUS_OK);
            assert_int_not_equal(spend(&old, second, "sent"), STATUS_OK);
        }
    }
    end(&old);
    end(&fresh);
}

/* A primary that comes back with an old record, which still names it: what was spent on the other is not there. */
static void a_primary_that_comes_back_is_not_believed(void **state)
{
    struct fleet *fleet = *state;
    struct process old;
    struct process fresh;
    open_pair(fleet);
    begin(&old, fleet);
    assert_status(spend(&old, FIRST_S, "on the first"), STATUS_OK);
    wait_for_replica(fleet);
    end(&old);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    redis_server_must(&fleet->server, "PERSIST e", ":1");
    lead_to(fleet, &fleet->replica);
    begin(&old, fleet);
    for (int64_t passed = 0; ephemeral_guard_s(old.view) > 0 && passed < 12; passed++)
        pass_s(&old, 1);
    int64_t signed_s = now_s(fleet);
    assert_status(spend(&old, signed_s, "on the second"), STATUS_OK);
    end(&old);
    lead_to(fleet, &fleet->server);
    redis_server_must(&fleet->server, "PEXPIRE e 4000", ":1"); /* somebody was left there, and kept it alive */
    begin(&fresh, fleet);
    assert_status(spend(&fresh, signed_s, "on the second"), STATUS_STORE_DOWN);
    end(&fresh);
}

/* Rule 3: what the one that was left behind may accept was guarded when the other began. Each declares over the other,
 * until one is gone. */
static void two_primaries_at_once_accept_nothing_twice(void **state)
{
    struct fleet *fleet = *state;
    struct process left;
    struct process other;
    open_pair(fleet);
    begin(&left, fleet);
    assert_status(spend(&left, FIRST_S, "n"), STATUS_OK);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    lead_to(fleet, &fleet->replica);
    begin(&other, fleet);
    left.asking.patience_ms = other.asking.patience_ms = 100;
    for (int64_t passed = 0; passed < 12; passed++, pass_s(&other, 1)) {
        (void)ping(&left);
        char text[32];
        (void)snprintf(text, sizeof text, "%d", (int)passed);
        bool is_left = spend(&left, now_s(fleet), text) == STATUS_OK;
        assert_false(spend(&other, now_s(fleet), text) == STATUS_OK && is_left);
    }
    end(&left);
    other.asking.patience_ms = 0;
    bool is_served = false;
    for (int64_t passed = 0; passed < 10 && !is_served; passed++) {
        wait_until_ready(&other);
        is_served = spend(&other, now_s(fleet), "alone") == STATUS_OK;
        pass_s(&other, 1);
    }
    assert_true(is_served);
    end(&other);
}

/* Or each loop that comes to it would let the process wait anew. */
static void loops_of_one_process_give_way_together(void **state)
{
    struct fleet *fleet = *state;
    struct process left;
    struct process other;
    open_pair(fleet);
    begin(&left, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    lead_to(fleet, &fleet->replica);
    begin(&other, fleet);
    end(&other);
    for (int i = 0; i < PATIENCE && ping(&left) == STATUS_OK; i++)
        run_for(&left, STEP_MS);
    ephemeral_view_free(left.view); /* it was told to give way */
    lead_to(fleet, &fleet->server);
    atomic_fetch_add(&leapt_ms, 2100);
    assert_status(ephemeral_view_new(left.store, left.asking.loop, &left.view), STATUS_OK);
    assert_status(ping(&left), STATUS_OK);
    end(&left);
}

/* The same server, and a record that names it; but its data was the other's meanwhile. */
static void a_primary_that_was_demoted_and_promoted_again_is_another(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    char command[64];
    static char port[16];
    open_pair(fleet);
    begin(&process, fleet);
    wait_for_replica(fleet);
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(command, sizeof command, "CONFIG SET port %s", port);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    redis_server_must(&fleet->replica, command, "+OK");
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    end(&process);
    (void)snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %s", port);
    redis_server_must(&fleet->server, command, "+OK");
    for (int i = 0; i < PATIENCE && redis_server_number(&fleet->server, "DBSIZE") != 1; i++)
        (void)usleep(STEP_MS * 1000); /* the nonce is gone, the record is the replica's copy of the same */
    redis_server_must(&fleet->server, "REPLICAOF NO ONE", "+OK");
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    end(&process);
}

static void a_demoted_primary_is_left(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    char command[64];
    open_pair(fleet);
    begin(&process, fleet);
    wait_for_replica(fleet);
    redis_server_must(&fleet->replica, "REPLICAOF NO ONE", "+OK");
    (void)snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %d", free_port()); /* it follows nobody */
    redis_server_must(&fleet->server, command, "+OK");
    lead_to(fleet, &fleet->replica);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    wait_until_ready(&process);
    for (int64_t passed = 0; ephemeral_guard_s(process.view) > 0 && passed < 12; passed++)
        pass_s(&process, 1);
    assert_status(spend(&process, now_s(fleet), "n"), STATUS_OK);
    end(&process);
}

/* ---- clocks ---- */

static void step_s(struct fleet *fleet, int64_t seconds)
{
    fleet->durable.clock.wall_ms += seconds * 1000;
    set_clocks(fleet);
}

static void a_clock_that_was_set_back_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    pass_s(&process, 2);
    send_all(&process, FIRST_S + 2);
    redis_server_set_time(&fleet->server, FIRST_MS - 1000); /* 3 s back, with a skew of 4 */
    (void)ping(&process);
    wait_until_ready(&process);
    for (int64_t second = FIRST_S + 2 - SKEW_S; second <= FIRST_S + 2 + LEAD_S; second++)
        assert_int_not_equal(spend(&process, second, "sent"), STATUS_OK);
    end(&process);
}

/* The way forward ends nonces before their time, and the way back makes their timestamps good again. */
static void a_clock_that_leaps_and_comes_back_lets_no_replay_through_and_locks_nobody_out(void **state)
{
    static const int64_t leaps_s[] = {12, -12, 86400, -3600};
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    for (size_t i = 0; i < COUNT_OF(leaps_s); i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%d", (int)i);
        int64_t signed_s = now_s(fleet);
        assert_status(spend(&process, signed_s, text), STATUS_OK);
        step_s(fleet, leaps_s[i]);
        (void)ping(&process);
        wait_until_ready(&process);
        bool is_followed = spend(&process, now_s(fleet), "followed") == STATUS_OK;
        assert_true(is_followed || leaps_s[i] < 0);
        step_s(fleet, -leaps_s[i]);
        (void)ping(&process);
        wait_until_ready(&process);
        assert_int_not_equal(spend(&process, signed_s, text), STATUS_OK);
        int64_t waited_s = 0;
        for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
            pass_s(&process, 1);
        assert_true(waited_s <= LEAD_S + 10);
        assert_status(spend(&process, now_s(fleet), "fresh"), STATUS_OK);
        for (int64_t passed = 0; passed < 20; passed++)
            pass_s(&process, 1); /* past what a small leap has guarded ahead of it */
    }
    end(&process);
}

/* A leap of Redis's clock that is not seen yet ends the record the sooner. */
static void the_record_is_renewed_by_the_clock_that_is_known(void **state)
{
    enum { LEAP_MS = 1500 }; /* which is no loss */
    struct fleet *fleet = *state;
    struct process process;
    int64_t left_ms = 0;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    /* again where the timer has read the clock just before */
    for (int i = 0; i < 5 && left_ms != SKEW_S * 1000 - LEAP_MS; i++) {
        fleet->durable.clock.wall_ms += LEAP_MS;
        set_clocks(fleet);
        assert_status(ping(&process), STATUS_OK);
        left_ms = redis_server_number(&fleet->server, "PTTL e");
    }
    assert_int_equal(left_ms, SKEW_S * 1000 - LEAP_MS);
    assert_status(ping(&process), STATUS_OK);
    assert_int_equal(redis_server_number(&fleet->server, "PTTL e"), SKEW_S * 1000);
    end(&process);
}

/* Its clock passed every nonce's time and was set right again, while nobody looked. */
static void a_time_in_which_nobody_watched_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    end(&process);
    redis_server_set_time(&fleet->server, FIRST_MS + 3600000);
    assert_int_equal(redis_server_number(&fleet->server, "EVAL \"return redis.call('EXISTS', 'e')\" 0"), 0);
    set_clocks(fleet);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    end(&process);
}

static void a_record_that_outlives_its_life_is_a_change(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    end(&process);
    redis_server_must(&fleet->server, "PEXPIRE e 6500", ":1");
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    end(&process);
}

static void all_killed_and_started_by_a_clock_that_is_behind(void **state)
{
    static const int64_t behind_s[] = {3600, 12};
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    for (size_t i = 0; i < COUNT_OF(behind_s); i++) {
        begin(&process, fleet);
        int64_t signed_s = now_s(fleet);
        assert_status(spend(&process, signed_s, "n"), STATUS_OK);
        atomic_store(&process.ledger.is_away, true); /* killed: its row stays */
        end(&process);
        redis_server_kill(&fleet->server);
        redis_server_start_again(&fleet->server);
        step_s(fleet, -behind_s[i]);
        begin(&process, fleet);
        assert_int_not_equal(spend(&process, signed_s, "n"), STATUS_OK);
        step_s(fleet, behind_s[i]);
        (void)ping(&process);
        wait_until_ready(&process);
        for (int64_t waited_s = 0; waited_s < 2 * (SKEW_S + LEAD_S); waited_s++, pass_s(&process, 1))
            assert_int_not_equal(spend(&process, signed_s, "n"), STATUS_OK);
        assert_good_again(&process);
        end(&process);
    }
}

/* ---- the durable store is away ---- */

static void take_durable_store_away(struct process *process)
{
    atomic_store(&process->ledger.is_away, true);
    run_for(process, 3200); /* asked, and not answered for long enough */
}

static void requests_go_on_for_a_while_without_the_durable_store(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200); /* until its row is there */
    pass_s(&process, 2);
    take_durable_store_away(&process);
    for (int64_t passed = 0; passed < 5; passed++, pass_s(&process, 2)) {
        assert_good_again(&process);
        assert_status(spend(&process, now_s(fleet) + 2, "ahead"), STATUS_OK);
    }
    fake_clock_advance(&fleet->durable.clock, 0);
    assert_false(ephemeral_trouble(process.view).is_stuck);
    for (int64_t passed = 0; passed < 300; passed += 2)
        pass_s(&process, 2);
    process.asking.patience_ms = 300;
    assert_status(spend(&process, now_s(fleet), "too long"), STATUS_STORE_DOWN);
    assert_true(ephemeral_trouble(process.view).is_stuck);
    process.asking.patience_ms = 0;
    atomic_store(&process.ledger.is_away, false);
    assert_status(spend(&process, now_s(fleet), "back"), STATUS_OK);
    end(&process);
}

/* What was accepted meanwhile is in no range; what is lost then is guarded all the same. */
static void what_was_accepted_without_the_durable_store_is_guarded_after_a_loss(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    struct process fresh;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200);
    take_durable_store_away(&process);
    pass_s(&process, 2);
    pass_s(&process, 2);
    int64_t signed_s = now_s(fleet);
    assert_status(spend(&process, signed_s + 2, "sent"), STATUS_OK);
    end(&process); /* killed: its row stays */
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    step_s(fleet, -12);
    begin(&fresh, fleet);
    assert_int_not_equal(spend(&fresh, signed_s + 2, "sent"), STATUS_OK);
    step_s(fleet, 12);
    (void)ping(&fresh);
    wait_until_ready(&fresh);
    for (int64_t passed = 0; passed < 10; passed++, pass_s(&fresh, 1))
        assert_int_not_equal(spend(&fresh, signed_s + 2, "sent"), STATUS_OK);
    assert_good_again(&fresh);
    end(&fresh);
}

static void a_clean_stop_puts_into_the_ranges_what_was_accepted_without(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    struct process fresh;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200);
    take_durable_store_away(&process);
    pass_s(&process, 2);
    pass_s(&process, 2);
    int64_t signed_s = now_s(fleet);
    assert_status(spend(&process, signed_s, "sent"), STATUS_OK);
    atomic_store(&process.ledger.is_away, false);
    end(&process);
    assert_int_equal(durable_bench_number(&fleet->durable, "SELECT COUNT(*) FROM nonce_users"), 0);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    begin(&fresh, fleet);
    assert_status(spend(&fresh, signed_s, "sent"), STATUS_STORE_DOWN);
    end(&fresh);
}

/* The row may bear a time of which the process was not told: others guard from there on. */
static void nothing_older_than_a_row_whose_commit_is_in_doubt_is_accepted_without(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200);
    pass_s(&process, 2);
    pass_s(&process, 2);
    atomic_store(&process.ledger.loses_answers, true);
    for (int i = 0;
         i < PATIENCE && durable_bench_number(&fleet->durable, "SELECT MAX(clock) FROM nonce_users") == FIRST_MS; i++)
        run_for(&process, STEP_MS);
    run_for(&process, 2000);
    process.asking.patience_ms = 300;
    assert_status(spend(&process, FIRST_S + 2, "older"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    assert_status(spend(&process, FIRST_S + 5, "newer"), STATUS_OK);
    end(&process);
}

/* Rule 11: an epoch in Redis alone, behind a guard of the whole lead. */
static void a_loss_without_the_durable_store_is_guarded_for_the_lead(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200);
    send_all(&process, FIRST_S);
    take_durable_store_away(&process);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(spend(&process, FIRST_S, "sent"), STATUS_STORE_DOWN);
    wait_until_ready(&process);
    int64_t waited_s = 0;
    for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++, pass_s(&process, 1))
        for (int64_t second = FIRST_S - SKEW_S; second <= FIRST_S + LEAD_S; second++)
            assert_int_not_equal(spend(&process, second, "sent"), STATUS_OK);
    assert_true(waited_s <= LEAD_S + 10);
    assert_good_again(&process);
    int64_t signed_s = now_s(fleet);
    assert_status(spend(&process, signed_s, "alone"), STATUS_OK);
    atomic_store(&process.ledger.is_away, false);
    for (int i = 0; i < PATIENCE && atomic_load(&process.ledger.decided) < 4; i++)
        run_for(&process, STEP_MS);
    wait_until_ready(&process);
    assert_int_not_equal(spend(&process, signed_s, "alone"), STATUS_OK);
    for (waited_s = 0; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
        pass_s(&process, 1);
    assert_true(waited_s <= 10);
    assert_status(spend(&process, now_s(fleet), "fresh again"), STATUS_OK);
    end(&process);
}

static void a_clock_that_moves_without_the_durable_store_is_not_followed(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    run_for(&process, 200);
    take_durable_store_away(&process);
    step_s(fleet, -3600);
    (void)ping(&process);
    run_for(&process, 300);
    process.asking.patience_ms = 300;
    assert_status(spend(&process, now_s(fleet), "n"), STATUS_STORE_DOWN);
    process.asking.patience_ms = 0;
    step_s(fleet, 3600);
    wait_until_ready(&process);
    int64_t waited_s = 0;
    for (; ephemeral_guard_s(process.view) > 0 && waited_s < 30; waited_s++)
        pass_s(&process, 1);
    assert_true(waited_s <= LEAD_S + 10);
    assert_status(spend(&process, now_s(fleet), "fresh"), STATUS_OK);
    end(&process);
}

static void without_a_reading_of_the_last_half_minute_the_time_is_not_known(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    int64_t now_ms = 0;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    fake_clock_advance(&fleet->durable.clock, 30000);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, FIRST_MS + 30000);
    fake_clock_advance(&fleet->durable.clock, 1);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_STORE_DOWN);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    set_clocks(fleet);
    assert_status(ping(&process), STATUS_OK);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    end(&process);
}

static void a_process_whose_own_clock_is_off_judges_by_redis_until_it_is_off_by_more_than_the_skew(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    int64_t now_ms = 0;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    fleet->durable.clock.wall_ms += SKEW_S * 1000;
    assert_status(ping(&process), STATUS_OK);
    assert_int_equal(ephemeral_clock_ahead_ms(process.view), SKEW_S * 1000);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_OK);
    assert_int_equal(now_ms, FIRST_MS);
    assert_status(spend(&process, FIRST_S + LEAD_S, "n"), STATUS_OK);
    assert_status(spend(&process, FIRST_S + LEAD_S + 1, "n"), STATUS_TIMESTAMP_REFUSED);
    fleet->durable.clock.wall_ms += 1;
    assert_status(ping(&process), STATUS_STORE_DOWN);
    assert_status(ephemeral_now(process.view, &now_ms), STATUS_STORE_DOWN);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    fleet->durable.clock.wall_ms = FIRST_MS - SKEW_S * 1000;
    assert_status(ping(&process), STATUS_OK);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    end(&process);
}

/* ---- expiries ---- */

static int64_t sets_that_stay(const struct fleet *fleet)
{
    return redis_server_number(&fleet->server, "EVAL \"local n = 0 for _, k in ipairs(redis.call('KEYS', 'n:*')) do "
                                               "if redis.call('TTL', k) < 0 then n = n + 1 end end return n\" 0");
}

static void every_set_expires_after_its_window(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    send_all(&process, FIRST_S);
    assert_int_equal(redis_server_number(&fleet->server, "DBSIZE"), 1 + SKEW_S + LEAD_S + 1);
    assert_int_equal(sets_that_stay(fleet), 0);
    for (int64_t passed = 0; passed < LEAD_S + 2 * SKEW_S + 2; passed += 2)
        pass_s(&process, 2);
    assert_status(spend(&process, now_s(fleet), "n"), STATUS_OK);
    assert_int_equal(sets_that_stay(fleet), 0);
    assert_int_equal(redis_server_number(&fleet->server,
                                         "EVAL \"local n = 0 for _, k in ipairs(redis.call('KEYS', 'n:*')) do "
                                         "n = n + redis.call('EXISTS', k) end return n\" 0"),
                     1);
    end(&process);
}

/* A set that was known to expire came into being again after the flush, by a nonce that was not accepted. */
static void a_set_that_was_made_around_a_flush_expires_too(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    assert_status(spend(&process, FIRST_S, "m"), STATUS_OK);
    redis_server_must(&fleet->server, "FLUSHALL", "+OK");
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    wait_until_ready(&process);
    assert_int_equal(sets_that_stay(fleet), 0);
    end(&process);
}

/* ---- servers that will not do ---- */

static void assert_refused(struct fleet *fleet, const char *word)
{
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    assert_int_not_equal(ephemeral_open_blocking(slice_str(fleet->url), &fleet->options, &why, &store), STATUS_OK);
    assert_null(store);
    assert_non_null(strstr(buf_string(&why), "OAUTH1_REDIS_URL"));
    if (!strstr(buf_string(&why), word))
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
}

static void a_server_that_evicts_is_refused(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy allkeys-lru", "+OK");
    assert_refused(fleet, "noeviction");
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    run_for(&process, 1200); /* and left by one that is connected to it */
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    assert_status(ping(&process), STATUS_STORE_DOWN);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy noeviction", "+OK");
    wait_until_ready(&process);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN); /* it may have been forgotten */
    pass_s(&process, 3);
    pass_s(&process, ACCEPTED_AHEAD_S - 2);
    assert_good_again(&process);
    end(&process);
}

/* Between two looks at the policy: what it forgot then is not known. */
static void what_was_evicted_in_a_moment_is_a_loss(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    run_for(&process, 1200);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_NONCE_USED);
    redis_server_must(&fleet->server, "SETRANGE decoy 125829120 x", ":125829121");
    redis_server_must(&fleet->server, "PEXPIRE decoy 5000", ":1");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy volatile-ttl", "+OK");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 100mb", "+OK");
    redis_server_must(&fleet->server, "SET other x", "+OK");
    redis_server_must(&fleet->server, "EXISTS decoy", ":0");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory-policy noeviction", "+OK");
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 0", "+OK");
    run_for(&process, 1200);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_STORE_DOWN);
    end(&process);
}

static void a_server_that_is_full_is_told(void **state)
{
    struct fleet *fleet = *state;
    struct process process;
    open_fleet(fleet, NULL);
    begin(&process, fleet);
    assert_status(spend(&process, FIRST_S, "n"), STATUS_OK);
    assert_false(ephemeral_trouble(process.view).is_full);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 1", "+OK");
    run_for(&process, 1200);
    assert_true(ephemeral_trouble(process.view).is_full);
    redis_server_must(&fleet->server, "CONFIG SET maxmemory 0", "+OK");
    run_for(&process, 1200);
    assert_false(ephemeral_trouble(process.view).is_full);
    end(&process);
}

static void a_replica_is_refused(void **state)
{
    static const char *const args[] = {"--replicaof", "127.0.0.1 1", NULL};
    open_fleet(*state, args);
    assert_refused(*state, "replica");
}

static void a_server_that_is_not_there_is_named(void **state)
{
    struct fleet *fleet = *state;
    open_fleet(fleet, NULL);
    redis_server_kill(&fleet->server);
    assert_refused(fleet, fleet->link);
}

static void a_password_is_asked_for_and_used(void **state)
{
    static const char *const args[] = {"--requirepass", "secret", NULL};
    struct fleet *fleet = *state;
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    redis_server_start(&fleet->server, args);
    (void)snprintf(fleet->url, sizeof fleet->url, "%s", fleet->server.url);
    assert_refused(fleet, "OAUTH1_REDIS_PASSWORD");
    fleet->options.redis_password = SLICE("wrong");
    assert_refused(fleet, "OAUTH1_REDIS_PASSWORD");
    fleet->options.redis_password = SLICE("secret");
    struct durable_nonce_ledger ledger;
    durable_nonce_ledger_init(&ledger, &fleet->durable.db);
    fleet->options.ledger = &ledger.ledger;
    assert_status(ephemeral_open_blocking(slice_str(fleet->url), &fleet->options, &why, &store), STATUS_OK);
    ephemeral_store_free(store);
    buf_done(&why);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_start_needs_no_guard),
        TEST(later_starts_need_none_either_and_see_what_was_spent),
        TEST(a_pause_is_no_change),
        TEST(a_lost_connection_is_no_change),
        TEST(after_a_flush_nothing_from_before_is_let_through),
        TEST(new_requests_pass_as_soon_as_they_are_newer_than_what_was_accepted),
        TEST(a_change_is_known_to_all_processes),
        TEST(after_an_empty_restart_nothing_from_before_is_let_through),
        TEST(a_restart_that_kept_everything_is_a_change_too),
        TEST(a_process_that_starts_after_an_empty_restart_is_guarded),
        TEST(a_record_that_somebody_spoiled_is_a_change),
        TEST(coming_from_memory_is_a_change),
        TEST(coming_back_from_memory_is_a_change_too),
        TEST(after_a_failover_that_lost_writes_nothing_from_before_is_let_through),
        TEST(a_new_primary_whose_clock_is_behind_widens_nothing),
        TEST(a_primary_that_comes_back_is_not_believed),
        TEST(two_primaries_at_once_accept_nothing_twice),
        TEST(loops_of_one_process_give_way_together),
        TEST(a_primary_that_was_demoted_and_promoted_again_is_another),
        TEST(a_demoted_primary_is_left),
        TEST(a_clock_that_was_set_back_is_a_change),
        TEST(a_clock_that_leaps_and_comes_back_lets_no_replay_through_and_locks_nobody_out),
        TEST(the_record_is_renewed_by_the_clock_that_is_known),
        TEST(a_time_in_which_nobody_watched_is_a_change),
        TEST(a_record_that_outlives_its_life_is_a_change),
        TEST(all_killed_and_started_by_a_clock_that_is_behind),
        TEST(requests_go_on_for_a_while_without_the_durable_store),
        TEST(what_was_accepted_without_the_durable_store_is_guarded_after_a_loss),
        TEST(a_clean_stop_puts_into_the_ranges_what_was_accepted_without),
        TEST(nothing_older_than_a_row_whose_commit_is_in_doubt_is_accepted_without),
        TEST(a_loss_without_the_durable_store_is_guarded_for_the_lead),
        TEST(a_clock_that_moves_without_the_durable_store_is_not_followed),
        TEST(without_a_reading_of_the_last_half_minute_the_time_is_not_known),
        TEST(a_process_whose_own_clock_is_off_judges_by_redis_until_it_is_off_by_more_than_the_skew),
        TEST(every_set_expires_after_its_window),
        TEST(a_set_that_was_made_around_a_flush_expires_too),
        TEST(a_server_that_evicts_is_refused),
        TEST(what_was_evicted_in_a_moment_is_a_loss),
        TEST(a_server_that_is_full_is_told),
        TEST(a_replica_is_refused),
        TEST(a_server_that_is_not_there_is_named),
        TEST(a_password_is_asked_for_and_used),
    };
    return cmocka_run_group_tests_name("redis_losses", tests, NULL, NULL);
}
