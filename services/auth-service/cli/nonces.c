#include "cli/cli.h"

#include "durable/nonces.h"

/* By how much this machine's clock may be behind that by which the services judged timestamps. */
enum { CLOCK_SLACK_S = 5 };

static enum status do_guard(struct durable *db, void *context)
{
    return durable_nonces_guard_blocking(db, *(const int64_t *)context);
}

static int run_nonces_guard(const struct command_line *line)
{
    struct cli_store store;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    int64_t wait_s = line->config->timestamp_lead_s + CLOCK_SLACK_S;
    int64_t until_s = clock_wall_ms(&store.clock) / 1000 + wait_s;
    enum status status = cli_audited(&store, "nonces.guard", SLICE(""), do_guard, &until_s);
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "guarding what was accepted before");
    else if (!line->quiet)
        (void)fprintf(stderr, "what may have been accepted until now is refused; fresh requests are in %lld s\n",
                      (long long)wait_s);
    cli_close(&store);
    return code;
}

const struct command cli_nonces_guard = {
    .name = "nonces guard",
    .arguments = "",
    .summary = "after the database came back from a backup, and before a service starts: refuses every request that "
               "may have been accepted since the backup was made",
    .example = "  auth-service nonces guard",
    .needs_config = true,
    .run = run_nonces_guard,
};
