#include "fleet_bench.h"

#include "base/buf.h"
#include "loop/loop.h"

#include <stdio.h>
#include <unistd.h>

void fleet_set_clocks(struct fleet *fleet)
{
    redis_server_set_time(&fleet->server, fleet->durable.clock.wall_ms);
    if (fleet->replica.pid)
        redis_server_set_time(&fleet->replica, fleet->durable.clock.wall_ms);
}

void fleet_lead_to(struct fleet *fleet, const struct redis_server_process *server)
{
    (void)unlink(fleet->link);
    assert_int_equal(symlink(server->socket, fleet->link), 0);
}

void fleet_open(struct fleet *fleet, const char *const *args)
{
    redis_server_start(&fleet->server, args);
    temp_dir_path(fleet->server.directory, "primary.sock", fleet->link);
    (void)snprintf(fleet->url, sizeof fleet->url, "redis+unix://%s", fleet->link);
    fleet_lead_to(fleet, &fleet->server);
    fleet_set_clocks(fleet);
}

int fleet_setup(void **state)
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

int fleet_teardown(void **state)
{
    struct fleet *fleet = *state;
    redis_server_done(&fleet->replica);
    redis_server_done(&fleet->server);
    durable_bench_done(&fleet->durable);
    test_free(fleet);
    return 0;
}

enum status process_ping(struct process *process)
{
    ephemeral_ping_start(process->view, asking_ticket(&process->asking));
    return asking_wait(&process->asking, NULL);
}

static void stop_loop(void *loop)
{
    loop_stop(loop);
}

void process_run_for(struct process *process, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, process->asking.loop, stop_loop, process->asking.loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(process->asking.loop);
    loop_timer_done(&timer);
}

void process_wait_until_ready(struct process *process)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (process_ping(process) == STATUS_OK)
            return;
        process_run_for(process, STEP_MS);
    }
    fail_msg("it does not come back");
}

void process_begin(struct process *process, struct fleet *fleet)
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
    process_wait_until_ready(process);
}

void process_end(struct process *process)
{
    ephemeral_view_free(process->view);
    asking_done(&process->asking);
    ephemeral_store_free(process->store);
    sql_close(process->db.sql);
}

int64_t fleet_now_s(const struct fleet *fleet)
{
    return fleet->durable.clock.wall_ms / 1000;
}

void process_pass_s(struct process *process, int64_t seconds)
{
    fake_clock_advance(&process->fleet->durable.clock, seconds * 1000);
    fleet_set_clocks(process->fleet);
    (void)process_ping(process);
}

enum status process_spend(struct process *process, int64_t timestamp_s, const char *text)
{
    struct nonce nonce = {SLICE("acme"), SLICE("token"), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(process->view, &nonce, asking_ticket(&process->asking));
    return asking_wait(&process->asking, NULL);
}

void process_send_all(struct process *process, int64_t at_s)
{
    for (int64_t second = at_s - SKEW_S; second <= at_s + LEAD_S; second++)
        assert_status(process_spend(process, second, "sent"), STATUS_OK);
}

void process_replay_all(struct process *process, int64_t sent_s)
{
    for (int64_t passed = 0; passed <= 2 * (SKEW_S + LEAD_S) + 4; passed++, process_pass_s(process, 1)) {
        int64_t at_s = fleet_now_s(process->fleet);
        for (int64_t second = sent_s - SKEW_S; second <= sent_s + LEAD_S; second++) {
            if (second < at_s - SKEW_S || second > at_s + LEAD_S)
                continue;
            enum status status = process_spend(process, second, "sent");
            if (status != STATUS_STORE_DOWN && status != STATUS_NONCE_USED)
                fail_msg("a replay of second %+d was answered %s after %d s", (int)(second - sent_s),
                         status_name(status), (int)passed);
        }
    }
}

void assert_guarded(struct ephemeral *view)
{
    assert_in_range(ephemeral_guard_s(view), LEAD_S + 1, GUARD_S);
}

void assert_good_again(struct process *process)
{
    assert_int_equal(ephemeral_guard_s(process->view), 0);
    assert_status(process_spend(process, fleet_now_s(process->fleet), "fresh"), STATUS_OK);
    assert_status(process_spend(process, fleet_now_s(process->fleet), "fresh"), STATUS_NONCE_USED);
}

void fleet_step_s(struct fleet *fleet, int64_t seconds)
{
    fleet->durable.clock.wall_ms += seconds * 1000;
    fleet_set_clocks(fleet);
}
