/* The contract of the store for minutes, on Redis; and what only Redis can do to it. */
#include "base/buf.h"
#include "store/ephemeral.h"
#include "support/contract_ephemeral.h"
#include "support/redis_server.h"
#include "support/test.h"

static struct redis_server_process server;

static struct ephemeral_store *open_redis(const struct ephemeral_options *options)
{
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    redis_server_must(&server, "FLUSHALL", "+OK");
    enum status status = ephemeral_open_blocking(slice_str(server.url), options, &why, &store);
    if (status != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
    return store;
}

static void move_clock(const struct fake_clock *clock)
{
    redis_server_set_time(&server, clock->wall_ms);
}

static const struct ephemeral_kind redis = {"redis", open_redis, move_clock};

int main(void)
{
    redis_server_start(&server, NULL);
    int failed = contract_ephemeral_run(&redis);
    redis_server_done(&server);
    return failed;
}
