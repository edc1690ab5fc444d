#include "cli/client.h"

#include "cli/remote.h"
#include "cli/table.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "rules/overlap.h"
#include "shapes/client_shape.h"

/* ---- output ---- */

static int64_t wall_ms(const struct command_line *line)
{
    const struct clock clock = clock_system(line->config->clock_offset_s * 1000);
    return clock_wall_ms(&clock);
}

/* In a list without what lists do not load: callbacks, secrets and keys. */
static void print_client(struct cli_output *out, const struct client *client, struct slice secret)
{
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    const struct client_view view = {.secret = secret, .is_listed = out->in_list, .now_ms = wall_ms(out->line)};
    client_shape_write(&json, client, &view);
    cli_record(out, &text);
    buf_done(&text);
}

void client_show_alone(const struct command_line *line, const struct client *client, struct slice secret)
{
    struct cli_output out = cli_output_begin(line, false);
    print_client(&out, client, secret);
    cli_output_end(&out);
}

/* ---- secrets and keys ---- */

static int refuse_file(const struct command_line *line, const char *option, struct slice path, const char *why)
{
    return command_fail(line, EXIT_USAGE, "--%s %.*s: %s", option, SLICE_ARGS(path), why ? why : "out of memory");
}

int client_take_secret(const struct command_line *line, struct slice path, struct buf *out)
{
    const char *why = NULL;
    if (slice_is_absent(path)) {
        if (!buf_reserve(out, CLIENT_SECRET_BYTES) || random_text(out->ptr, CLIENT_SECRET_BYTES) != STATUS_OK)
            return command_fail(line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_RANDOMNESS));
        out->len = CLIENT_SECRET_BYTES;
        return EXIT_DONE;
    }
    if (command_read_file(path, out, &why) != STATUS_OK)
        return refuse_file(line, "secret-file", path, why);
    if (out->len == 0)
        return refuse_file(line, "secret-file", path, "it is empty");
    if (out->len > SECRET_MAX_BYTES)
        return command_fail(line, EXIT_USAGE, "--secret-file %.*s: it has %zu bytes, and %d are the most",
                            SLICE_ARGS(path), out->len, SECRET_MAX_BYTES);
    return EXIT_DONE;
}

int client_take_rsa_key(const struct command_line *line, struct slice path, struct buf *out)
{
    const char *why = NULL;
    if (command_read_file(path, out, &why) != STATUS_OK || rsa_check_public_key(buf_slice(out), &why) != STATUS_OK)
        return refuse_file(line, "rsa-public-key", path, why);
    return EXIT_DONE;
}

/* ---- client list, get ---- */

struct list_options {
    bool pending;
};

static const struct command_option list_table[] = {
    {"pending", OPTION_FLAG, NULL, false, offsetof(struct list_options, pending),
     "only those that users registered and nobody has approved or rejected yet"},
    {0},
};

static enum status list_some(const struct command_line *line, struct durable *db, struct page_request page,
                             struct client_page **ret_rows)
{
    const struct list_options *options = line->options;
    return options->pending ? durable_client_list_pending_blocking(db, page, ret_rows)
                            : durable_client_list_blocking(db, SLICE_ABSENT, page, ret_rows);
}

static int run_client_list(const struct command_line *line)
{
    struct cli_store store;
    struct page_request page = {0};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_list_begin(line, table_clients);
    for (bool more = true; more;) {
        struct client_page *rows = NULL;
        enum status status = list_some(line, &store.db, page, &rows);
        if (status != STATUS_OK) {
            code = cli_store_failed(line, &store, status, "the list of clients");
            break;
        }
        for (size_t i = 0; i < rows->count; i++)
            print_client(&out, &rows->clients[i], SLICE_ABSENT);
        more = rows->count > 0;
        page.after_id = more ? rows->clients[rows->count - 1].id : 0;
        client_page_free(rows);
    }
    cli_output_end(&out);
    cli_close(&store);
    return code;
}

static int run_client_list_remote(const struct command_line *line)
{
    const struct list_options *options = line->options;
    struct remote remote;
    const struct remote_call call = {.method = "GET",
                                     .folder = "clients",
                                     .query = options->pending ? SLICE("approval=pending") : SLICE_ABSENT,
                                     .noun = "the list of clients"};
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_list(&remote, &call, "clients", table_clients);
    remote_close(&remote);
    return code;
}

const struct command cli_client_list = {
    .name = "client list",
    .arguments = "",
    .summary = "lists the clients, without secrets",
    .example = "  auth-service client list --format json\n"
               "  auth-service client list --pending",
    .options = list_table,
    .options_size = sizeof(struct list_options),
    .needs_config = true,
    .run = run_client_list,
    .run_remote = run_client_list_remote,
};

static int run_client_get(const struct command_line *line)
{
    struct cli_store store;
    struct client *client = NULL;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = durable_client_read_blocking(&store.db, line->arguments[0], &client);
    if (status == STATUS_OK)
        client_show_alone(line, client, SLICE_ABSENT);
    else
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(line->arguments[0]));
    client_free(client);
    cli_close(&store);
    return code;
}

/* The client of the argument. */
static struct remote_call call_on_client(const struct command_line *line, const char *method, const char *verb)
{
    return (struct remote_call){.method = method,
                                .folder = "clients",
                                .id = line->arguments[0],
                                .verb = verb,
                                .noun = "client",
                                .name = line->arguments[0]};
}

static int run_client_get_remote(const struct command_line *line)
{
    struct remote remote;
    const struct remote_call call = call_on_client(line, "GET", NULL);
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_show(&remote, &call);
    remote_close(&remote);
    return code;
}

const struct command cli_client_get = {
    .name = "client get",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "shows one client, without its secret",
    .example = "  auth-service client get demo",
    .needs_config = true,
    .run = run_client_get,
    .run_remote = run_client_get_remote,
};

/* ---- client delete, disable, enable ---- */

struct named_change {
    enum status (*work)(struct durable *db, struct slice client_id);
    struct slice id;
};

static enum status do_change(struct durable *db, void *context)
{
    const struct named_change *change = context;
    return change->work(db, change->id);
}

/* Does `work` on the client of the argument, and says so. */
static int change_client(const struct command_line *line, const char *what,
                         enum status (*work)(struct durable *db, struct slice client_id))
{
    struct cli_store store;
    struct named_change change = {work, line->arguments[0]};
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, what, change.id, do_change, &change);
    if (status != STATUS_OK)
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(change.id));
    else if (!line->quiet)
        fprintf(stderr, "%s: done\n", line->command->name);
    cli_close(&store);
    return code;
}

static int change_client_remote(const struct command_line *line, const char *method, const char *verb)
{
    struct remote remote;
    struct remote_call call = call_on_client(line, method, verb);
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_change(&remote, &call);
    remote_close(&remote);
    return code;
}

static int run_client_delete(const struct command_line *line)
{
    return change_client(line, "client.delete", durable_client_delete_blocking);
}

static int run_client_delete_remote(const struct command_line *line)
{
    return change_client_remote(line, "DELETE", NULL);
}

const struct command cli_client_delete = {
    .name = "client delete",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "deletes a client with its secrets and tokens",
    .example = "  auth-service client delete demo",
    .needs_config = true,
    .run = run_client_delete,
    .run_remote = run_client_delete_remote,
};

static int run_client_disable(const struct command_line *line)
{
    return change_client(line, "client.disable", durable_client_disable_blocking);
}

static int run_client_disable_remote(const struct command_line *line)
{
    return change_client_remote(line, "POST", "disable");
}

const struct command cli_client_disable = {
    .name = "client disable",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "nothing of the client is valid any more; its tokens are revoked for good",
    .example = "  auth-service client disable demo",
    .needs_config = true,
    .run = run_client_disable,
    .run_remote = run_client_disable_remote,
};

static int run_client_enable(const struct command_line *line)
{
    return change_client(line, "client.enable", durable_client_enable_blocking);
}

static int run_client_enable_remote(const struct command_line *line)
{
    return change_client_remote(line, "POST", "enable");
}

const struct command cli_client_enable = {
    .name = "client enable",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "lets a disabled client in again; its tokens stay revoked",
    .example = "  auth-service client enable demo",
    .needs_config = true,
    .run = run_client_enable,
    .run_remote = run_client_enable_remote,
};

/* ---- client approve, reject ---- */

struct judge_options {
    struct slice version;
};

static const struct command_option judge_table[] = {
    {"version", OPTION_TEXT, "NUMBER", false, offsetof(struct judge_options, version),
     "what client get showed; refused if its owner has changed it since (left out: whatever there is now)"},
    {0},
};

/* 0: any version. */
static int take_version(const struct command_line *line, uint64_t *ret_version)
{
    const struct judge_options *options = line->options;
    *ret_version = 0;
    if (slice_is_absent(options->version))
        return EXIT_DONE;
    if (!slice_to_u64(options->version, INT64_MAX, ret_version) || *ret_version == 0)
        return command_fail(line, EXIT_USAGE, "--version must be the number that client get shows as version");
    return EXIT_DONE;
}

struct judging {
    enum status (*judge)(struct durable *db, struct slice client_id, int64_t version);
    struct slice id;
    uint64_t version;
    int64_t version_now; /* once it is judged */
};

static enum status do_judge(struct durable *db, void *context)
{
    struct judging *judging = context;
    struct client *client = NULL;
    TRY(judging->judge(db, judging->id, (int64_t)judging->version));
    TRY(durable_client_read_blocking(db, judging->id, &client));
    judging->version_now = client->version;
    client_free(client);
    return STATUS_OK;
}

static void tell_judged(const struct command_line *line, int64_t version_now)
{
    if (!line->quiet)
        fprintf(stderr, "%s: done; its version is %lld now\n", line->command->name, (long long)version_now);
}

static int judge_in_store(const struct command_line *line, const char *what, struct judging *judging)
{
    struct cli_store store;
    struct slice id = judging->id;
    int code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    enum status status = cli_audited(&store, what, id, do_judge, judging);
    if (status == STATUS_OK)
        tell_judged(line, judging->version_now);
    else if (status == STATUS_CONFLICT || status == STATUS_FORBIDDEN)
        code = command_fail(line, EXIT_REFUSED, "client %.*s: %s", SLICE_ARGS(id),
                            status == STATUS_CONFLICT ? CLI_CHANGED_SINCE : CLIENT_WITHOUT_OWNER);
    else
        code = cli_store_failed(line, &store, status, "client %.*s", SLICE_ARGS(id));
    cli_close(&store);
    return code;
}

static int judge_client(const struct command_line *line, const char *what,
                        enum status (*judge)(struct durable *db, struct slice client_id, int64_t version))
{
    struct judging judging = {.judge = judge, .id = line->arguments[0]};
    int code = take_version(line, &judging.version);
    return code == EXIT_DONE ? judge_in_store(line, what, &judging) : code;
}

static int send_judgement(const struct command_line *line, const struct remote_call *call)
{
    struct remote remote;
    const json_value *json = NULL;
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = remote_do(&remote, call, &json);
    const json_value *version = json ? json_member(json, "version") : NULL;
    if (code == EXIT_DONE)
        tell_judged(line, version && json_kind_of(version) == JSON_INT ? json_int_of(version) : 0);
    remote_close(&remote);
    return code;
}

static int judge_client_remote(const struct command_line *line, const char *verb)
{
    char memory[32];
    struct buf tag = buf_fixed(memory, sizeof memory);
    struct remote_call call = call_on_client(line, "POST", verb);
    uint64_t version = 0;
    int code = take_version(line, &version);
    if (code != EXIT_DONE)
        return code;
    buf_addf(&tag, "\"%llu\"", (unsigned long long)version);
    if (version)
        call.if_match = buf_slice(&tag);
    return send_judgement(line, &call);
}

static int run_client_approve(const struct command_line *line)
{
    return judge_client(line, "client.approve", durable_client_approve_blocking);
}

static int run_client_approve_remote(const struct command_line *line)
{
    return judge_client_remote(line, "approve");
}

const struct command cli_client_approve = {
    .name = "client approve",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "lets a client that a user registered work for everybody",
    .example = "  auth-service client list --pending\n"
               "  auth-service client get wbyyq3SDBxgmHJnr4XCDpzMq\n"
               "  auth-service client approve wbyyq3SDBxgmHJnr4XCDpzMq --version 3",
    .options = judge_table,
    .options_size = sizeof(struct judge_options),
    .needs_config = true,
    .run = run_client_approve,
    .run_remote = run_client_approve_remote,
};

static int run_client_reject(const struct command_line *line)
{
    return judge_client(line, "client.reject", durable_client_reject_blocking);
}

static int run_client_reject_remote(const struct command_line *line)
{
    return judge_client_remote(line, "reject");
}

const struct command cli_client_reject = {
    .name = "client reject",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "leaves a client to the user who registered it: it works for nobody else",
    .example = "  auth-service client reject wbyyq3SDBxgmHJnr4XCDpzMq",
    .options = judge_table,
    .options_size = sizeof(struct judge_options),
    .needs_config = true,
    .run = run_client_reject,
    .run_remote = run_client_reject_remote,
};

/* ---- client rotate-secret ---- */

struct rotate_options {
    struct slice overlap, secret_file, rsa_public_key;
    bool end_former;
};

static const struct command_option rotate_table[] = {
    {"overlap", OPTION_TEXT, "SECONDS", false, offsetof(struct rotate_options, overlap),
     "how long the old secret stays good (86400); 0 after a leak: it ends at once"},
    {OVERLAP_END_FORMER, OPTION_FLAG, NULL, false, offsetof(struct rotate_options, end_former),
     OVERLAP_END_FORMER_HELP},
    {"secret-file", OPTION_TEXT, "FILE", false, offsetof(struct rotate_options, secret_file),
     "a file that holds the new secret, - for standard input (left out: generated)"},
    {"rsa-public-key", OPTION_TEXT, "FILE", false, offsetof(struct rotate_options, rsa_public_key),
     "PEM, 2048 bits or more; rotates the key instead of the secret"},
    {0},
};

/* What the options ask for. */
struct rotation {
    struct slice id;
    struct buf text; /* the new secret or key */
    struct overlap overlap;
    bool is_key;
    struct buf why; /* of a refusal */
};

/* BAD_INPUT: a client that signs with RSA alone gets no secret by mistake. FORBIDDEN: `why`. */
static enum status check_rotation(struct rotation *rotation, const struct client *client, int64_t now_ms)
{
    buf_reset(&rotation->why);
    if (!rotation->is_key && !client_has_secret(client) && client->key_count > 0)
        return STATUS_BAD_INPUT;
    bool is_refused = overlap_refuses_client(&rotation->overlap, client, rotation->is_key, now_ms, &rotation->why);
    return is_refused ? STATUS_FORBIDDEN : STATUS_OK;
}

static enum status do_rotate(struct durable *db, void *context)
{
    struct rotation *rotation = context;
    struct client *client = NULL;
    struct slice text = buf_slice(&rotation->text);
    int64_t overlap_ms = rotation->overlap.seconds * 1000;
    TRY(durable_hold_blocking(db, CHANGE_CLIENT, rotation->id));
    TRY(durable_client_read_blocking(db, rotation->id, &client));
    enum status status = check_rotation(rotation, client, clock_wall_ms(db->clock));
    client_free(client);
    TRY(status);
    return rotation->is_key ? durable_client_rotate_key_blocking(db, rotation->id, text, overlap_ms)
                            : durable_client_rotate_secret_blocking(db, rotation->id, text, overlap_ms);
}

/* `secret` is absent where the key was rotated. */
static enum status show_rotated(const struct command_line *line, struct cli_store *store, struct slice secret)
{
    struct client *client = NULL;
    TRY(durable_client_read_blocking(&store->db, line->arguments[0], &client));
    struct cli_output out = cli_output_begin(line, false);
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    client_shape_write_rotated(&json, client, secret, wall_ms(line));
    cli_record(&out, &text);
    cli_output_end(&out);
    buf_done(&text);
    client_free(client);
    return STATUS_OK;
}

static int rotate_client(const struct command_line *line, struct cli_store *store, struct rotation *rotation)
{
    struct slice id = rotation->id;
    const char *what = rotation->is_key ? "client.rotate-key" : "client.rotate-secret";
    enum status status = cli_audited(store, what, id, do_rotate, rotation);
    if (status == STATUS_BAD_INPUT)
        return command_fail(line, EXIT_REFUSED, "client %.*s signs with an RSA key: --rsa-public-key FILE rotates that",
                            SLICE_ARGS(id));
    if (status == STATUS_FORBIDDEN)
        return command_fail(line, EXIT_REFUSED, "client %.*s: %.*s", SLICE_ARGS(id),
                            SLICE_ARGS(buf_slice(&rotation->why)));
    if (status == STATUS_OK)
        status = show_rotated(line, store, rotation->is_key ? SLICE_ABSENT : buf_slice(&rotation->text));
    return status == STATUS_OK ? EXIT_DONE : cli_store_failed(line, store, status, "client %.*s", SLICE_ARGS(id));
}

static int take_rotation(const struct command_line *line, struct rotation *ret_rotation)
{
    const struct rotate_options *options = line->options;
    *ret_rotation = (struct rotation){.id = line->arguments[0], .is_key = !slice_is_absent(options->rsa_public_key)};
    if (!overlap_take(options->overlap, options->end_former, &ret_rotation->overlap))
        return command_fail(line, EXIT_USAGE, "--" OVERLAP_WRONG);
    if (ret_rotation->is_key && !slice_is_absent(options->secret_file))
        return command_fail(line, EXIT_USAGE, "--secret-file and --rsa-public-key do not go together");
    return ret_rotation->is_key ? client_take_rsa_key(line, options->rsa_public_key, &ret_rotation->text)
                                : client_take_secret(line, options->secret_file, &ret_rotation->text);
}

static int run_client_rotate(const struct command_line *line)
{
    struct cli_store store;
    struct rotation rotation;
    int code = take_rotation(line, &rotation);
    if (code == EXIT_DONE)
        code = cli_open(line, &store);
    if (code == EXIT_DONE) {
        code = rotate_client(line, &store, &rotation);
        cli_close(&store);
    }
    buf_done(&rotation.text);
    buf_done(&rotation.why);
    return code;
}

static int send_rotation(const struct command_line *line, const struct rotation *rotation)
{
    struct remote remote;
    struct buf body = BUF_INIT;
    struct json_writer json = json_writer(&body);
    struct remote_call call = call_on_client(line, "POST", "rotate-secret");
    int code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    json_begin_object(&json);
    json_member_string(&json, rotation->is_key ? "rsa_public_key" : "client_secret", buf_slice(&rotation->text));
    overlap_write(&json, &rotation->overlap);
    json_end_object(&json);
    call.body = &body;
    code = remote_show(&remote, &call);
    buf_done(&body);
    remote_close(&remote);
    return code == EXIT_USAGE ? EXIT_REFUSED : code; /* the options are fine: it is the client that does not fit */
}

static int run_client_rotate_remote(const struct command_line *line)
{
    struct rotation rotation;
    int code = take_rotation(line, &rotation);
    if (code == EXIT_DONE)
        code = send_rotation(line, &rotation);
    buf_done(&rotation.text);
    return code;
}

const struct command cli_client_rotate_secret = {
    .name = "client rotate-secret",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "gives a client a new secret (or RSA key); the old one stays good for a while",
    .example = "  auth-service client rotate-secret demo --overlap 3600",
    .options = rotate_table,
    .options_size = sizeof(struct rotate_options),
    .needs_config = true,
    .run = run_client_rotate,
    .run_remote = run_client_rotate_remote,
};
