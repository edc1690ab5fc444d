#include "cli/cli.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "rules/moment.h"
#include "shapes/audit_shape.h"

#include <poll.h>

enum { FOLLOW_EVERY_MS = 500 };

struct audit_options {
    struct slice since, until, client, user, actor;
    bool follow;
};

static const struct command_option audit_table[] = {
    {"since", OPTION_TEXT, "T", false, offsetof(struct audit_options, since),
     "from this time: 2026-11-28T14:02 (UTC), or how long ago: 15m, 2h, 7d"},
    {"until", OPTION_TEXT, "T", false, offsetof(struct audit_options, until), "before this time, written likewise"},
    {"client", OPTION_TEXT, "ID", false, offsetof(struct audit_options, client), "only what concerns this client"},
    {"user", OPTION_TEXT, "U", false, offsetof(struct audit_options, user),
     "only what concerns this user: the `sub` that resource servers see, or the user name"},
    {"actor", OPTION_TEXT, "NAME", false, offsetof(struct audit_options, actor),
     "only what was done by this one: cli:NAME, user:SUB, or an admin token's name"},
    {"follow", OPTION_FLAG, NULL, false, offsetof(struct audit_options, follow), "goes on with new rows, until SIGINT"},
    {0},
};

static int read_moment(const struct command_line *line, const char *option, struct slice text, int64_t now_ms,
                       int64_t *ret_ms)
{
    if (slice_is_absent(text) || moment_read(text, now_ms, ret_ms))
        return EXIT_DONE;
    return command_fail(line, EXIT_USAGE,
                        "--%s %.*s: is no time; write 2026-11-28T14:02 (UTC), or how long ago: 15m, 2h, 7d", option,
                        SLICE_ARGS(text));
}

static void show_entry(struct cli_output *out, const struct audit_entry *entry)
{
    struct buf text = BUF_INIT;
    struct json_writer json = json_writer(&text);
    audit_shape_write(&json, entry);
    cli_record(out, &text);
    buf_done(&text);
}

/* All pages behind *after_id, which moves on. */
static enum status show_new(struct cli_store *store, const struct audit_filter *filter, struct cli_output *out,
                            int64_t *after_id)
{
    for (bool more = true; more;) {
        struct audit_page *rows = NULL;
        enum status status =
            durable_audit_list_blocking(&store->db, filter, (struct page_request){.after_id = *after_id}, &rows);
        if (status != STATUS_OK)
            return status;
        for (size_t i = 0; i < rows->count; i++)
            show_entry(out, &rows->entries[i]);
        more = rows->count > 0;
        *after_id = more ? rows->entries[rows->count - 1].id : *after_id;
        audit_page_free(rows);
    }
    return STATUS_OK;
}

static int show_all(const struct command_line *line, struct cli_store *store, const struct audit_filter *filter,
                    bool follow)
{
    int64_t after_id = 0;
    bool is_lines = follow && line->format != FORMAT_TABLE; /* one JSON object a line, and no list around them */
    struct cli_output out = is_lines ? cli_output_begin(line, false) : cli_list_begin(line, table_audit);
    enum status status = show_new(store, filter, &out, &after_id);
    while (status == STATUS_OK && follow) {
        cli_output_flush(&out);
        (void)poll(NULL, 0, FOLLOW_EVERY_MS);
        status = show_new(store, filter, &out, &after_id);
    }
    if (!is_lines)
        cli_output_end(&out);
    return status == STATUS_OK ? EXIT_DONE : cli_store_failed(line, store, status, "the audit log");
}

static int read_filter(const struct command_line *line, struct audit_filter *ret_filter)
{
    const struct audit_options *options = line->options;
    const struct clock clock = clock_system(line->config ? line->config->clock_offset_s * 1000 : 0);
    int64_t now_ms = clock_wall_ms(&clock);
    *ret_filter = (struct audit_filter){.client = options->client, .user = options->user, .who = options->actor};
    int code = read_moment(line, "since", options->since, now_ms, &ret_filter->since_ms);
    return code == EXIT_DONE ? read_moment(line, "until", options->until, now_ms, &ret_filter->until_ms) : code;
}

/* The rows bear subs; of a user that is gone, that is all there is. */
static int show_asked(const struct command_line *line, struct cli_store *store, struct audit_filter *filter)
{
    const struct audit_options *options = line->options;
    struct user *user = NULL;
    enum status status = options->user.len ? cli_find_user(store, options->user, &user) : STATUS_NOT_FOUND;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return cli_store_failed(line, store, status, "user %.*s", SLICE_ARGS(options->user));
    if (user)
        filter->user = user->subject;
    int code = show_all(line, store, filter, options->follow);
    user_free(user);
    return code;
}

static int run_audit(const struct command_line *line)
{
    struct cli_store store;
    struct audit_filter filter;
    int code = read_filter(line, &filter);
    if (code == EXIT_DONE)
        code = cli_open(line, &store);
    if (code != EXIT_DONE)
        return code;
    code = show_asked(line, &store, &filter);
    cli_close(&store);
    return code;
}

static int list_remote(struct remote *remote)
{
    const struct audit_options *options = remote->line->options;
    struct buf sub = BUF_INIT;
    struct buf query = BUF_INIT;
    int code = options->user.len ? remote_find_user(remote, options->user, &sub) : EXIT_DONE;
    remote_add_query(&query, "since", options->since);
    remote_add_query(&query, "until", options->until);
    remote_add_query(&query, "client", options->client);
    remote_add_query(&query, "user", sub.len ? buf_slice(&sub) : options->user);
    remote_add_query(&query, "actor", options->actor);
    const struct remote_call call = {
        .method = "GET", .folder = "audit", .query = buf_slice(&query), .noun = "the audit log"};
    if (code == EXIT_DONE)
        code = remote_list(remote, &call, "audit", table_audit);
    buf_done(&query);
    buf_done(&sub);
    return code;
}

static int run_audit_remote(const struct command_line *line)
{
    const struct audit_options *options = line->options;
    struct remote remote;
    struct audit_filter judged;
    int code = read_filter(line, &judged);
    if (code == EXIT_DONE && options->follow)
        code = command_fail(line, EXIT_USAGE, "--follow: goes on with the rows of a store; leave out --server");
    if (code == EXIT_DONE)
        code = remote_open(line, &remote);
    if (code != EXIT_DONE)
        return code;
    code = list_remote(&remote);
    remote_close(&remote);
    return code;
}

const struct command cli_audit_show = {
    .name = "audit",
    .arguments = "",
    .summary = "shows who did what, the oldest first: logins, grants, revocations, and what operators changed",
    .example = "  auth-service audit --since 2h --client demo",
    .options = audit_table,
    .options_size = sizeof(struct audit_options),
    .needs_config = true,
    .run = run_audit,
    .run_remote = run_audit_remote,
};
