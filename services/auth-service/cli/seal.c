#include "cli/cli.h"
#include "cli/remote.h"

#include "durable/reseal.h"
#include "shapes/seal_shape.h"

#include <time.h>

enum { ANSWER_MAX_BYTES = 1 << 20 };

/* ---- seal status ---- */

static void show_keys(const struct command_line *line, const json_value *answer)
{
    struct cli_output out = cli_output_begin(line, true);
    const json_value *keys = json_member(answer, "keys");
    for (const json_value *key = keys ? json_first(keys) : NULL; key; key = json_next(key))
        cli_record_read(&out, key);
    cli_output_end(&out);
}

static enum status read_answer(const struct buf *text, struct arena *arena, const json_value **ret_answer)
{
    const char *why = NULL;
    return text->failed ? STATUS_NO_MEMORY : json_read(buf_slice(text), arena, ret_answer, &why);
}

static enum status show_used_keys(const struct command_line *line, const struct keyring *keys,
                                  const struct sealing_key_page *used)
{
    struct arena arena;
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    const json_value *answer = NULL;
    arena_init(&arena, ANSWER_MAX_BYTES);
    seal_shape_write_keys(&json, keys, used);
    enum status status = read_answer(&text, &arena, &answer);
    if (status == STATUS_OK)
        show_keys(line, answer);
    arena_done(&arena);
    buf_done(&text);
    return status;
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
        status = show_used_keys(line, store.keys, page);
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "the sealing keys");
    sealing_key_page_free(page);
    cli_close(&store);
    return code;
}

static int run_seal_status_remote(const struct command_line *line)
{
    struct remote remote;
    const struct remote_call call = {.method = "GET", .folder = "seal", .noun = "the sealing keys"};
    const json_value *answer = NULL;
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_do(&remote, &call, &answer);
    if (code == EXIT_DONE)
        show_keys(line, answer);
    remote_close(&remote);
    return code;
}

const struct command cli_seal_status = {
    .name = "seal status",
    .arguments = "",
    .summary = "shows which keys of OAUTH1_SECRETS_KEYS secrets are sealed by, and which may be taken out",
    .example =
        "  auth-service seal status --format json\n\n"
        "in_use: secrets in the database are sealed by it. seals, state and may_be_taken_out are about the\n"
        "OAUTH1_SECRETS_KEYS that this command has, with --server about those of the auth-service that answers: each\n"
        "machine may have others. With Redis wait OAUTH1_TEMP_TTL before you take out what may be.",
    .needs_config = true,
    .run = run_seal_status,
    .run_remote = run_seal_status_remote,
};

/* ---- seal rewrite ---- */

enum { SAY_MS = 1000 };

static void say_progress(const struct command_line *line, int64_t rewritten, int64_t wanted, int64_t *said_ms)
{
    int64_t now_ms = clock_monotonic_ns() / 1000000;
    if (line->quiet || now_ms - *said_ms < SAY_MS)
        return;
    *said_ms = now_ms;
    fprintf(stderr, "%lld of %lld secrets are sealed anew\n", (long long)rewritten, (long long)wanted);
}

static enum status rewrite_all(const struct command_line *line, struct durable *db, struct reseal *reseal,
                               struct sealing_key_page **ret_used)
{
    int64_t said_ms = 0;
    TRY(durable_reseal_begin_blocking(db, reseal));
    while (!reseal->is_over) {
        int64_t begun_ns = clock_monotonic_ns();
        TRY(durable_reseal_batch_blocking(db, reseal));
        say_progress(line, reseal->rewritten, reseal->wanted, &said_ms);
        cli_let_others_write(begun_ns);
    }
    return durable_reseal_end_blocking(db, reseal, ret_used);
}

/* What seal_shape_write_rewritten writes. */
struct rewritten {
    int64_t rewritten, left, damaged;
    bool done;
    struct slice damaged_names, seals;
    struct json_strings in_use;
};

static const struct json_field rewritten_fields[] = {
    JSON_FIELD(struct rewritten, done, JSON_BOOL, true),
    JSON_FIELD(struct rewritten, rewritten, JSON_INT, true),
    JSON_FIELD(struct rewritten, left, JSON_INT, true),
    JSON_FIELD(struct rewritten, damaged, JSON_INT, true),
    JSON_FIELD(struct rewritten, damaged_names, JSON_STRING, false),
    JSON_FIELD(struct rewritten, seals, JSON_STRING, true),
    JSON_FIELD(struct rewritten, in_use, JSON_STRINGS, true),
    JSON_FIELDS_END,
};

static enum status decode_rewritten(const json_value *answer, struct arena *arena, struct rewritten *ret_rewritten)
{
    const char *why = NULL;
    *ret_rewritten = (struct rewritten){.damaged_names = SLICE("")};
    return json_decode(answer, rewritten_fields, JSON_NULL_REFUSED, "", arena, ret_rewritten, NULL, &why);
}

static int show_rewritten(const struct command_line *line, const struct rewritten *all)
{
    struct cli_output out = cli_output_begin(line, false);
    cli_record_begin(&out);
    cli_field_int(&out, "rewritten", all->rewritten);
    cli_field_int(&out, "damaged", all->damaged);
    cli_field_list(&out, "in_use", all->in_use.items, all->in_use.count);
    cli_record_end(&out);
    cli_output_end(&out);
    if (all->damaged)
        fprintf(stderr,
                "%lld secrets do not open and were left as they are: %.*s%s; their clients are answered 503 "
                "(`client rotate-secret`, `token revoke`)\n",
                (long long)all->damaged, SLICE_ARGS(all->damaged_names), all->damaged > 1 ? ", …" : "");
    if (all->in_use.count > 1)
        return command_fail(line, EXIT_REFUSED,
                            "a key before %.*s is still in use: a process still seals by it, or its secrets do not "
                            "open; send SIGHUP to every process with the new OAUTH1_SECRETS_KEYS, and run `seal "
                            "rewrite` again",
                            SLICE_ARGS(all->seals));
    return EXIT_DONE;
}

/* *ret_code: how the command ends, once it is shown. */
static enum status show_reseal(const struct command_line *line, const struct reseal *reseal, const struct keyring *keys,
                               const struct sealing_key_page *used, int *ret_code)
{
    struct arena arena;
    struct rewritten all;
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    const json_value *answer = NULL;
    arena_init(&arena, ANSWER_MAX_BYTES);
    seal_shape_write_rewritten(&json, reseal, keys, used);
    enum status status = read_answer(&text, &arena, &answer);
    if (status == STATUS_OK)
        status = decode_rewritten(answer, &arena, &all);
    if (status == STATUS_OK)
        *ret_code = show_rewritten(line, &all);
    arena_done(&arena);
    buf_done(&text);
    return status;
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
    if (status == STATUS_OK)
        status = show_reseal(line, &reseal, store.keys, used, &code);
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "sealing anew (run it again: it goes on where it was)");
    sealing_key_page_free(used);
    cli_close(&store);
    return code;
}

/* A call seals some of them anew. */
static int rewrite_all_remote(struct remote *remote, struct rewritten *ret_all)
{
    const struct remote_call call = {.method = "POST", .folder = "seal", .noun = "sealing anew"};
    int64_t said_ms = 0, sum = 0;
    do {
        int64_t begun_ns = clock_monotonic_ns();
        const json_value *answer = NULL;
        int code = remote_do(remote, &call, &answer);
        if (code != EXIT_DONE)
            return code;
        if (!answer || decode_rewritten(answer, &remote->answer, ret_all) != STATUS_OK)
            return command_fail(remote->line, EXIT_REFUSED, "--server: the answer does not say what was sealed anew");
        sum += ret_all->rewritten;
        say_progress(remote->line, sum, sum + ret_all->left, &said_ms);
        cli_let_others_write(begun_ns);
    } while (!ret_all->done);
    ret_all->rewritten = sum;
    return EXIT_DONE;
}

static int run_seal_rewrite_remote(const struct command_line *line)
{
    struct remote remote;
    struct rewritten all;
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = rewrite_all_remote(&remote, &all);
    if (code == EXIT_DONE)
        code = show_rewritten(line, &all);
    remote_close(&remote);
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
    .run_remote = run_seal_rewrite_remote,
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
