#include "cli/cli.h"

#include "durable/reseal.h"

#include <time.h>

/* ---- seal status ---- */

static const char *const states[] = {
    [SEALING_KEY_HELD] = "held",
    [SEALING_KEY_UNPROVEN] = "held",
    [SEALING_KEY_OTHER] = "another key has this id",
    [SEALING_KEY_MISSING] = "missing",
};

static void show_key(struct cli_output *out, const struct keyring *keys, struct slice id, const char *state, bool used)
{
    cli_record_begin(out);
    cli_field(out, "key", id);
    cli_field_bool(out, "in_use", used);
    cli_field_bool(out, "seals", slice_eq(id, keyring_id(keys, 0)));
    cli_field(out, "state", slice_str(state));
    cli_record_end(out);
}

static bool is_in_page(const struct sealing_key_page *page, struct slice id)
{
    for (size_t i = 0; i < page->count; i++)
        if (slice_eq(page->keys[i].id, id))
            return true;
    return false;
}

static void show_keys(const struct command_line *line, const struct keyring *keys, const struct sealing_key_page *page)
{
    struct cli_output out = cli_output_begin(line, true);
    for (size_t i = 0; i < page->count; i++)
        show_key(&out, keys, page->keys[i].id, states[page->keys[i].state], true);
    for (size_t i = 0; i < keyring_count(keys); i++)
        if (!is_in_page(page, keyring_id(keys, i)))
            show_key(&out, keys, keyring_id(keys, i), "held", false);
    cli_output_end(&out);
}

static int run_seal_status(const struct command_line *line)
{
    struct cli_store store;
    struct sealing_key_page *page = NULL;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = durable_sealing_keys_list_blocking(&store.db, &page);
    if (status == STATUS_OK)
        show_keys(line, store.keys, page);
    else
        code = cli_store_failed(line, &store, status, "the sealing keys");
    sealing_key_page_free(page);
    cli_close(&store);
    return code;
}

const struct command cli_seal_status = {
    .name = "seal status",
    .arguments = "",
    .summary = "shows which keys of OAUTH1_SECRETS_KEYS secrets are sealed by, and which may be taken out",
    .example = "  auth-service seal status --format json",
    .needs_config = true,
    .run = run_seal_status,
};

/* ---- seal rewrite ---- */

enum { SAY_MS = 1000, PAUSE_MAX_MS = 200 };

static void say_progress(const struct command_line *line, const struct reseal *reseal, int64_t *said_ms)
{
    int64_t now_ms = clock_monotonic_ns() / 1000000;
    if (line->quiet || now_ms - *said_ms < SAY_MS)
        return;
    *said_ms = now_ms;
    fprintf(stderr, "%lld of %lld secrets are sealed anew\n", (long long)reseal->rewritten, (long long)reseal->wanted);
}

/* As long as the batch took, the lock is the services': SQLite gives it to whoever asks first. */
static void let_others_write(int64_t begun_ns)
{
    int64_t pause_ns = clock_monotonic_ns() - begun_ns;
    if (pause_ns > PAUSE_MAX_MS * INT64_C(1000000))
        pause_ns = PAUSE_MAX_MS * INT64_C(1000000);
    const struct timespec pause = {.tv_nsec = (long)pause_ns};
    (void)nanosleep(&pause, NULL);
}

static enum status rewrite_all(const struct command_line *line, struct durable *db, struct reseal *reseal,
                               struct sealing_key_page **ret_used)
{
    int64_t said_ms = 0;
    TRY(durable_reseal_begin_blocking(db, reseal));
    while (!reseal->is_over) {
        int64_t begun_ns = clock_monotonic_ns();
        TRY(durable_reseal_batch_blocking(db, reseal));
        say_progress(line, reseal, &said_ms);
        let_others_write(begun_ns);
    }
    return durable_reseal_end_blocking(db, reseal, ret_used);
}

static int show_rewritten(const struct command_line *line, const struct reseal *reseal, const struct keyring *keys,
                          const struct sealing_key_page *used)
{
    struct slice in_use[32];
    size_t count = 0;
    struct cli_output out = cli_output_begin(line, false);
    for (size_t i = 0; i < used->count && count < COUNT_OF(in_use); i++)
        in_use[count++] = used->keys[i].id;
    cli_record_begin(&out);
    cli_field_int(&out, "rewritten", reseal->rewritten);
    cli_field_int(&out, "damaged", reseal->loss.count);
    cli_field_list(&out, "in_use", in_use, count);
    cli_record_end(&out);
    cli_output_end(&out);
    if (reseal->loss.count)
        fprintf(stderr,
                "%lld secrets do not open and were left as they are: %.*s%s; their clients are answered 503 "
                "(`client rotate-secret`, `token revoke`)\n",
                (long long)reseal->loss.count, (int)reseal->loss.names_len, reseal->loss.names,
                reseal->loss.count > 1 ? ", …" : "");
    if (used->count > 1)
        return command_fail(line, EXIT_REFUSED,
                            "a key before %.*s is still in use: a process still seals by it, or its secrets do not "
                            "open; send SIGHUP to every process with the new OAUTH1_SECRETS_KEYS, and run `seal "
                            "rewrite` again",
                            SLICE_ARGS(keyring_id(keys, 0)));
    return EXIT_DONE;
}

/* Rewriting is many transactions, each of which may be the last: the row is written before the first. */
static enum status begin_rewrite(struct durable *db, void *context)
{
    (void)db;
    (void)context;
    return STATUS_OK;
}

static int run_seal_rewrite(const struct command_line *line)
{
    struct cli_store store;
    struct reseal reseal = {0};
    struct sealing_key_page *used = NULL;
    int code = cli_open_to_seal(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, "seal.rewrite", keyring_id(store.keys, 0), begin_rewrite, NULL);
    if (status == STATUS_OK)
        status = rewrite_all(line, &store.db, &reseal, &used);
    code = status == STATUS_OK
               ? show_rewritten(line, &reseal, store.keys, used)
               : cli_store_failed(line, &store, status, "sealing anew (run it again: it goes on where it was)");
    sealing_key_page_free(used);
    cli_close(&store);
    return code;
}

const struct command cli_seal_rewrite = {
    .name = "seal rewrite",
    .arguments = "",
    .summary = "seals every secret anew by the first key of OAUTH1_SECRETS_KEYS, while the services go on; it may be "
               "cut off and run again",
    .example = "  auth-service seal rewrite",
    .needs_config = true,
    .run = run_seal_rewrite,
};

/* ---- seal forget ---- */

static enum status do_forget(struct durable *db, void *context)
{
    return durable_sealing_key_forget_blocking(db, *(const struct slice *)context);
}

static int run_seal_forget(const struct command_line *line)
{
    struct cli_store store;
    struct slice id = line->arguments[0];
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = STATUS_OK;
    if (keyring_has(store.keys, id)) {
        code = command_fail(line, EXIT_REFUSED,
                            "sealing key %.*s: OAUTH1_SECRETS_KEYS still has it, so nothing of it is lost: run `seal "
                            "rewrite`, then take it out",
                            SLICE_ARGS(id));
    } else if ((status = cli_audited(&store, "seal.forget", id, do_forget, &id)) != STATUS_OK) {
        code = cli_store_failed(line, &store, status, "sealing key %.*s", SLICE_ARGS(id));
    } else if (!line->quiet) {
        fprintf(stderr,
                "what %.*s sealed is given up; a client or token of it is answered 503 until it gets a new secret\n",
                SLICE_ARGS(id));
    }
    cli_close(&store);
    return code;
}

const struct command cli_seal_forget = {
    .name = "seal forget",
    .arguments = "KEY",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "gives up a sealing key that is lost, and the secrets that it sealed, so that the services start "
               "without it",
    .example = "  auth-service seal forget k1",
    .needs_config = true,
    .run = run_seal_forget,
};
