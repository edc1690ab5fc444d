#include "ephemeral/memory_bench.h"

#include "support/test.h"

#include <unistd.h>

static struct ephemeral_store *open_memory(const struct ephemeral_options *options)
{
    return ephemeral_bench_open(SLICE("memory:"), options);
}

void memory_service_start(struct memory_service *service)
{
    service->store = open_memory(&service->options);
    assert_status(ephemeral_view_new(service->store, service->asking.loop, &service->view), STATUS_OK);
}

void memory_service_crash(struct memory_service *service)
{
    ephemeral_view_free(service->view);
    ephemeral_store_free(service->store);
}

void memory_service_stop(struct memory_service *service)
{
    assert_status(ephemeral_save_blocking(service->store), STATUS_OK);
    memory_service_crash(service);
}

int memory_service_setup(void **state)
{
    struct memory_service *service = test_calloc(1, sizeof *service);
    durable_bench_init(&service->durable, &durable_sqlite);
    durable_nonce_ledger_init(&service->ledger, &service->durable.db);
    service->durable.clock.steady_ms = 5000000; /* not since 1970, as it seldom is */
    service->options = (struct ephemeral_options){
        .clock = &service->durable.clock.clock,
        .skew_ms = BENCH_SKEW_MS,
        .lead_ms = BENCH_LEAD_MS,
        .temp_ttl_ms = BENCH_TEMP_TTL_MS,
        .ledger = &service->ledger.ledger,
        .ledger_name = SLICE("memory:test"),
    };
    asking_init(&service->asking, &service->durable.clock.clock);
    *state = service;
    return 0;
}

int memory_service_teardown(void **state)
{
    struct memory_service *service = *state;
    asking_done(&service->asking);
    durable_bench_done(&service->durable);
    test_free(service);
    return 0;
}

int64_t memory_service_now_s(const struct memory_service *service)
{
    return service->durable.clock.wall_ms / 1000;
}

void memory_service_pass_s(struct memory_service *service, int64_t seconds)
{
    fake_clock_advance(&service->durable.clock, seconds * 1000);
}

void memory_service_step_s(struct memory_service *service, int64_t seconds)
{
    service->durable.clock.wall_ms += seconds * 1000;
}

enum status memory_service_spend(struct memory_service *service, int64_t timestamp_s, const char *text)
{
    struct nonce nonce = {SLICE("acme"), SLICE("token"), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(service->view, &nonce, asking_ticket(&service->asking));
    return asking_wait(&service->asking, NULL);
}

void memory_service_recover(struct memory_service *service)
{
    int64_t now_ms = 0;
    assert_status(ephemeral_now(service->view, &now_ms), STATUS_OK);
    for (int i = 0; i < 400 && ephemeral_trouble(service->view).is_stuck; i++)
        (void)usleep(5000);
    assert_false(ephemeral_trouble(service->view).is_stuck);
}
