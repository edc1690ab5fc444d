#include "cli/cli.h"
#include "durable/passwords.h"
#include "ephemeral/ephemeral.h"

static const int64_t DAY_MS = 24LL * 3600 * 1000;

/* Batches until one finds nothing; each is short transactions of its own, so that nobody waits for long. */
static enum status clean_all(struct cli_store *store, struct janitor_counts *ret_all)
{
    struct janitor_counts all = {0};
    struct janitor_counts batch = {.changes = 1};
    while (batch.changes + batch.secrets + batch.tokens > 0) {
        enum status status = durable_janitor_blocking(&store->db, &batch);
        if (status != STATUS_OK)
            return status;
        all.changes += batch.changes;
        all.secrets += batch.secrets;
        all.tokens += batch.tokens;
    }
    *ret_all = all;
    return durable_password_forget_blocking(&store->db);
}

static enum status clean_audit(struct cli_store *store, int64_t *ret_rows)
{
    int64_t before_ms = clock_wall_ms(&store->clock) - store->line->config->audit_retention_days * DAY_MS;
    int64_t batch = 1;
    while (batch > 0) {
        enum status status = durable_audit_prune_blocking(&store->db, before_ms, &batch);
        if (status != STATUS_OK)
            return status;
        *ret_rows += batch;
    }
    return STATUS_OK;
}

static enum status clean_nonces(const struct command_line *line, struct buf *why, int64_t *ret_sets)
{
    const struct config *config = line->config;
    const struct ephemeral_janitor janitor = {
        .url = config->redis_url,
        .password = config->redis_password,
    };
    return ephemeral_janitor_blocking(&janitor, why, ret_sets);
}

static int run_janitor(const struct command_line *line)
{
    struct cli_store store;
    struct janitor_counts counts = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct buf why = BUF_INIT;
    int64_t sets = 0;
    int64_t rows = 0;
    enum status status = clean_all(&store, &counts);
    if (status == STATUS_OK)
        status = clean_audit(&store, &rows);
    enum status redis = status == STATUS_OK ? clean_nonces(line, &why, &sets) : STATUS_OK;
    if (redis != STATUS_OK) {
        code = command_fail(line, command_exit_code(redis), "%.*s", SLICE_ARGS(buf_slice(&why)));
    } else if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, false);
        cli_record_begin(&out);
        cli_field_int(&out, "tokens", counts.tokens);
        cli_field_int(&out, "secrets", counts.secrets);
        cli_field_int(&out, "changes", counts.changes);
        cli_field_int(&out, "audit", rows);
        cli_field_int(&out, "nonce_sets", sets);
        cli_record_end(&out);
        cli_output_end(&out);
    } else {
        code = cli_store_failed(line, &store, status, "the janitor");
    }
    buf_done(&why);
    cli_close(&store);
    return code;
}

const struct command cli_janitor = {
    .name = "janitor",
    .arguments = "",
    .summary = "takes away tokens and secrets that are dead for 30 days, the record of changes after a day, the audit "
               "log after OAUTH1_AUDIT_RETENTION, and "
               "nonces in Redis that a killed process left without an expiry",
    .example = "  auth-service janitor --format json",
    .needs_config = true,
    .run = run_janitor,
};
