#include "cli/cli.h"

#include "durable/nonces.h"

#include <time.h>

/* By how much this machine's clock may be behind that by which the services judged timestamps. */
enum { CLOCK_SLACK_S = 5 };

/* For how long fresh requests are refused. */
static int64_t guard_seconds(const struct command_line *line)
{
    return line->config->timestamp_lead_s + CLOCK_SLACK_S;
}

/* ---- who has the database open ---- */

struct guard_options {
    bool while_running;
};

static const struct command_option guard_table[] = {
    {"while-running", OPTION_FLAG, NULL, false, offsetof(struct guard_options, while_running),
     "also while somebody has the database open: a service that runs answers 503 meanwhile"},
    {0},
};

enum { OTHERS_TRIES = 10, OTHERS_PAUSE_MS = 100 };

/* A server takes a moment to notice that somebody left. What cannot be found out here, opening the database tells. */
static void find_others(const struct config *config, struct buf *others)
{
    const struct sql_options options = {.busy_timeout_ms = SQL_COMMAND_BUSY_MS, .password = config->database_password};
    const struct timespec pause = {.tv_nsec = OTHERS_PAUSE_MS * 1000000L};
    struct buf why = BUF_INIT;
    for (int i = 0; i < OTHERS_TRIES; i++) {
        buf_reset(others);
        if (sql_find_others_blocking(config->database_url, &options, &why, others) != STATUS_OK || others->len == 0)
            break;
        (void)nanosleep(&pause, NULL);
    }
    buf_done(&why);
}

static int refuse_others(const struct command_line *line)
{
    const struct guard_options *options = line->options;
    struct buf others = BUF_INIT;
    int code = EXIT_DONE;
    if (!options->while_running)
        find_others(line->config, &others);
    if (others.len)
        code =
            command_fail(line, EXIT_REFUSED,
                         "nothing was changed: the database is open (%.*s), and a service that runs would answer 503 "
                         "for %lld s; stop the services first, or say --while-running, if it is none of them or if "
                         "that is wanted",
                         SLICE_ARGS(buf_slice(&others)), (long long)guard_seconds(line));
    buf_done(&others);
    return code;
}

/* ---- the guard ---- */

static enum status do_guard(struct durable *db, void *context)
{
    return durable_nonces_guard_blocking(db, *(const int64_t *)context);
}

static int run_nonces_guard(const struct command_line *line)
{
    struct cli_store store;
    int64_t wait_s = guard_seconds(line);
    int code = refuse_others(line);
    if (code == EXIT_DONE)
        code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
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
    .summary = "after the database came back from a backup, while no service runs: refuses every request that may have "
               "been accepted since the backup was made",
    .example =
        "  auth-service nonces guard\n\n"
        "Stop auth-service and introspection-service on all machines first, and start them afterwards. They answer\n"
        "503 to fresh requests for OAUTH1_TIMESTAMP_LEAD and 5 s, counted from the command.",
    .options = guard_table,
    .options_size = sizeof(struct guard_options),
    .needs_config = true,
    .run = run_nonces_guard,
};
