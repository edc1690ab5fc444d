/* The contract of the ephemeral store, on a Redis whose place a Sentinel tells. What it does when that place changes:
 * tests/integration/test_fleet_sentinel.py. */
#include "ephemeral/ephemeral.h"
#include "support/contract_ephemeral.h"
#include "support/free_port.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>

static struct redis_server_process primary;
static struct redis_server_process sentinel;
static char url[64];

static struct ephemeral_store *open_watched(const struct ephemeral_options *options)
{
    redis_server_must(&primary, "FLUSHALL", "+OK");
    return ephemeral_bench_open(slice_str(url), options);
}

static void move_clock(const struct fake_clock *clock)
{
    redis_server_move_time(&primary, clock->wall_ms);
}

static const struct tested_ephemeral kind = {"a Redis behind a Sentinel", open_watched, move_clock};

static void start_both(void)
{
    char ports[2][8];
    char lines[128];
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        (void)snprintf(ports[i], sizeof ports[i], "%d", free_port());
    const char *const args[] = {"--port", ports[0], "--bind", "127.0.0.1", NULL};
    redis_server_start(&primary, args);
    (void)snprintf(lines, sizeof lines, "port %s\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 %s 1\n", ports[1],
                   ports[0]);
    redis_server_start_sentinel(&sentinel, lines);
    (void)snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%s/mymaster", ports[1]);
}

int main(void)
{
    start_both();
    int failed = contract_ephemeral_run(&kind);
    redis_server_done(&sentinel);
    redis_server_done(&primary);
    return failed;
}
