#include "cli/cli.h"

/* Batches until one finds nothing; each is short transactions of its own, so that nobody waits for long. */
static enum status clean_all(struct cli_store *store, struct janitor_counts *ret_all)
{
    struct janitor_counts all = {0};
    struct janitor_counts batch = {.changes = 1};
    while (batch.changes + batch.secrets + batch.tokens > 0) {
        enum status status = credentials_janitor_blocking(&store->db, &batch);
        if (status != STATUS_OK)
            return status;
        all.changes += batch.changes;
        all.secrets += batch.secrets;
        all.tokens += batch.tokens;
    }
    *ret_all = all;
    return STATUS_OK;
}

static int janitor(const struct command_line *line)
{
    struct cli_store store;
    struct janitor_counts counts = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = clean_all(&store, &counts);
    if (status == STATUS_OK) {
        struct cli_output out = cli_output_begin(line, false);
        cli_record_begin(&out);
        cli_field_int(&out, "tokens", counts.tokens);
        cli_field_int(&out, "secrets", counts.secrets);
        cli_field_int(&out, "changes", counts.changes);
        cli_record_end(&out);
        cli_output_end(&out);
    } else {
        code = cli_store_failed(line, &store, status, "the janitor");
    }
    cli_close(&store);
    return code;
}

const struct command cli_janitor = {
    .name = "janitor",
    .arguments = "",
    .summary = "takes away tokens and secrets that are dead for 30 days, and the record of changes after a day",
    .example = "  auth-service janitor --format json",
    .needs_config = true,
    .run = janitor,
};
