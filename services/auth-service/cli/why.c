#include "base/escape.h"
#include "cli/cli.h"
#include "durable/users.h"
#include "rules/moment.h"
#include "json/json_reader.h"

#include <errno.h>
#include <stdlib.h>

enum { MOMENTS_MAX = 1000, LINE_ARENA_BYTES = 1 << 20 };

struct why_options {
    struct option_list logs;
};

static const struct command_option why_table[] = {
    {"log", OPTION_LIST, "FILE|-", false, offsetof(struct why_options, logs),
     "the services' log (JSON lines), of as many of them as there are; without it only the audit log is read"},
    {0},
};

/* What happened once, in words. */
struct moment {
    int64_t at_ms;
    size_t number; /* in the order found, for those of one millisecond */
    char *text;    /* malloc'ed */
};

/* The newest MOMENTS_MAX of them. */
struct moments {
    struct moment items[MOMENTS_MAX];
    size_t count; /* also those that had no room */
    bool no_memory;
    bool has_lost;    /* a log says that it left lines out */
    size_t lines;     /* of this log */
    size_t decisions; /* in this log, whoever they are about */
    size_t nameless;  /* refusals of no known client, in all logs */
    struct buf notes; /* a line each: what is odd about a log */
};

/* ---- collecting ---- */

static void add_moment(struct moments *all, int64_t at_ms, const struct buf *text)
{
    char *copied = text->failed ? NULL : strndup(text->ptr, text->len);
    if (!copied) {
        all->no_memory = true;
        return;
    }
    struct moment *place = &all->items[all->count % MOMENTS_MAX];
    free(place->text);
    *place = (struct moment){at_ms, all->count++, copied};
}

/* ---- decisions ---- */

static struct slice text_of(const json_value *line, const char *name)
{
    const json_value *value = json_member(line, name);
    return value && json_kind_of(value) == JSON_STRING ? json_string_of(value) : SLICE("");
}

static bool is_message(const json_value *line, const char *message)
{
    return slice_eq(text_of(line, "message"), slice_str(message));
}

static bool has_id(const json_value *line, struct slice id)
{
    static const char *const names[] = {"request_id", "client_id", "jti", "sub", "caller"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq(text_of(line, names[i]), id))
            return true;
    return false;
}

static void add_words(struct buf *out, const char *before, struct slice text)
{
    if (!text.len)
        return;
    buf_add_str(out, before);
    escape_terminal(out, text);
}

static struct slice meaning_of(struct slice code)
{
    static const struct {
        const char *code, *means;
    } rows[] = {
        {"signature_invalid",
         "the signature does not match: another secret, URL, method, body or parameters than it was made for"},
        {"nonce_used", "the same request was sent before; a client signs each try anew"},
        {"timestamp_refused", "its timestamp is outside of what is accepted: look at the client's clock"},
        {"consumer_key_unknown", "there is no such client"},
        {"consumer_key_rejected", "the client is disabled, or waits for approval"},
        {"token_rejected",
         "the token is unknown or not this client's; or there is none, and the client may not do without"},
        {"token_revoked", "the token was revoked"},
        {"token_expired", "the token has expired"},
        {"token_used", "the temporary credential was exchanged before"},
        {"permission_unknown", "the user has not decided yet"},
        {"verifier_invalid", "oauth_verifier is not the one that the user was given"},
        {"consumer_key_refused", "there were too many requests of this client or address"},
        {"transport_insecure", "it came by plain http: look at the URL that the client calls, and at the proxy"},
        {"version_rejected", "its oauth_version is not 1.0"},
        {"temporarily_unavailable", "a store did not answer, or memory was short; the service's log says which"},
        {"server_error", "the service made a mistake; its log says which"},
        {"permission_denied", "the token has not the scope that was asked for, or its user refused"},
        {"signature_method_rejected", "this client may not sign by this method"},
        {"parameter_absent", "an OAuth parameter is missing, or a body that is signed was not handed over"},
        {"parameter_rejected", "it is malformed, or for an origin that this resource server's key was not made for"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq(code, slice_str(rows[i].code)))
            return slice_str(rows[i].means);
    return SLICE("");
}

static void add_nonce_age(struct buf *out, const json_value *line)
{
    const json_value *value = json_member(line, "nonce_age_max_s");
    if (value && json_kind_of(value) == JSON_INT)
        buf_addf(out, "; the first of them was accepted at most %lld s earlier", (long long)json_int_of(value));
}

static void add_clock(struct buf *out, const json_value *line)
{
    const json_value *value = json_member(line, "clock_difference_s");
    if (!value || json_kind_of(value) != JSON_INT || json_int_of(value) == 0)
        return;
    int64_t seconds = json_int_of(value);
    buf_addf(out, "; its timestamp is %lld s %s our clock", (long long)(seconds < 0 ? -seconds : seconds),
             seconds < 0 ? "behind" : "ahead of");
}

/* While it lasts, this is why no store answers. */
static void add_guard(struct buf *out, const json_value *line)
{
    const json_value *value = json_member(line, "guard_s");
    if (value && json_kind_of(value) == JSON_INT && json_int_of(value) > 0)
        buf_addf(out, "; nonces were lost, so that fresh requests were refused for %lld s more",
                 (long long)json_int_of(value));
}

static void write_decision(const json_value *line, struct buf *out)
{
    struct slice verdict = text_of(line, "verdict");
    struct slice code = text_of(line, "code");
    add_words(out, "", verdict);
    add_words(out, " with ", code);
    add_words(out, ": ", meaning_of(code));
    add_words(out, "; ", text_of(line, "method"));
    add_words(out, " ", text_of(line, "origin"));
    escape_terminal(out, text_of(line, "path"));
    add_words(out, ", client ", text_of(line, "client_id"));
    add_words(out, ", token ", text_of(line, "jti"));
    add_words(out, ", user ", text_of(line, "sub"));
    add_words(out, ", asked by ", text_of(line, "caller"));
    add_words(out, ", from ", text_of(line, "address"));
    add_words(out, ", signed by ", text_of(line, "signature_method"));
    add_nonce_age(out, line);
    add_clock(out, line);
    add_guard(out, line);
    add_words(out, " (request ", text_of(line, "request_id"));
    buf_add_str(out, ")");
}

static void take_decision(struct moments *all, const json_value *line)
{
    int64_t at_ms = 0;
    struct buf text = BUF_INIT;
    if (!moment_read(text_of(line, "time"), 0, &at_ms))
        return;
    write_decision(line, &text);
    add_moment(all, at_ms, &text);
    buf_done(&text);
}

static bool is_nameless_refusal(const json_value *line)
{
    return slice_eq(text_of(line, "verdict"), SLICE("refused")) && !text_of(line, "client_id").len;
}

static void read_decision(struct moments *all, struct slice id, const json_value *line)
{
    bool is_asked_for = has_id(line, id);
    all->decisions++;
    if (is_asked_for)
        take_decision(all, line);
    else if (is_nameless_refusal(line))
        all->nameless++;
}

static void read_line(struct moments *all, struct slice id, struct slice text)
{
    struct arena arena;
    const json_value *line = NULL;
    const char *why = NULL;
    bool may_matter = slice_starts_with(text, SLICE("{"));
    if (!may_matter)
        return; /* of another program, or cut by a rotation */
    arena_init(&arena, LINE_ARENA_BYTES);
    if (json_read(text, &arena, &line, &why) == STATUS_OK) {
        if (is_message(line, "decision"))
            read_decision(all, id, line);
        if (is_message(line, "decisions without a line of their own: more came in a second than are logged"))
            all->has_lost = true;
    }
    arena_done(&arena);
}

static void note_what_was_read(struct moments *all, const char *name)
{
    if (all->lines == 0)
        buf_addf(&all->notes,
                 "note: --log %s: not one line was there to read: is it the services' log, and may you read it? "
                 "(journalctl shows a unit's lines to root and the group systemd-journal)\n",
                 name);
    else if (all->decisions == 0)
        buf_addf(&all->notes,
                 "note: --log %s: no decision is among its %zu lines. It must be the services' own lines of JSON: "
                 "OAUTH1_LOG_FORMAT=json, and nothing before the brace (journalctl -o cat, docker compose logs "
                 "--no-log-prefix)\n",
                 name, all->lines);
}

static int read_log(const struct command_line *line, struct slice path, struct slice id, struct moments *all)
{
    char *text = NULL;
    size_t room = 0;
    char name[4096] = {0};
    if (path.len >= sizeof name)
        return command_fail(line, EXIT_USAGE, "--log: the path is too long");
    memcpy(name, path.ptr, path.len);
    FILE *file = slice_eq(path, SLICE("-")) ? stdin : fopen(name, "re");
    if (!file)
        return command_fail(line, EXIT_USAGE, "--log %s: %s", name, strerror(errno));
    all->lines = all->decisions = 0;
    for (ssize_t len = getline(&text, &room, file); len >= 0; len = getline(&text, &room, file)) {
        all->lines++;
        read_line(all, id, slice_of(text, (size_t)len));
    }
    bool failed = ferror(file) != 0;
    free(text);
    if (file != stdin)
        (void)fclose(file);
    note_what_was_read(all, name);
    return failed ? command_fail(line, EXIT_REFUSED, "--log %s: %s", name, strerror(errno)) : EXIT_DONE;
}

/* ---- the audit log ---- */

static void take_entry(struct moments *all, const struct audit_entry *entry)
{
    struct buf text = BUF_INIT;
    escape_terminal(&text, entry->who);
    add_words(&text, " did ", entry->what);
    add_words(&text, " to ", entry->subject);
    if (!slice_eq(entry->client, entry->subject))
        add_words(&text, ", client ", entry->client);
    if (!slice_eq(entry->user, entry->subject))
        add_words(&text, ", user ", entry->user);
    if (entry->request.len) {
        add_words(&text, " (request ", entry->request);
        buf_add_str(&text, ")");
    }
    add_moment(all, entry->at_ms, &text);
    buf_done(&text);
}

static enum status read_audit_log(struct cli_store *store, struct slice id, struct moments *all)
{
    const struct audit_filter filter = {.id = id};
    int64_t after_id = 0;
    for (bool more = true; more;) {
        struct audit_page *rows = NULL;
        enum status status =
            durable_audit_list_blocking(&store->db, &filter, (struct page_request){.after_id = after_id}, &rows);
        if (status != STATUS_OK)
            return status;
        for (size_t i = 0; i < rows->count; i++)
            take_entry(all, &rows->entries[i]);
        more = rows->count > 0;
        after_id = more ? rows->entries[rows->count - 1].id : 0;
        audit_page_free(rows);
    }
    return STATUS_OK;
}

/* ---- telling ---- */

static int compare_moments(const void *a, const void *b)
{
    const struct moment *left = a;
    const struct moment *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static void tell_moments(const struct command_line *line, struct moments *all)
{
    size_t kept = all->count < MOMENTS_MAX ? all->count : MOMENTS_MAX;
    struct cli_output out = cli_output_begin(line, true);
    qsort(all->items, kept, sizeof all->items[0], compare_moments);
    for (size_t i = 0; i < kept; i++) {
        struct buf at = BUF_INIT;
        moment_write(all->items[i].at_ms, &at);
        cli_record_begin(&out);
        cli_field(&out, "at", buf_slice(&at));
        cli_field(&out, "what", slice_str(all->items[i].text));
        cli_record_end(&out);
        buf_done(&at);
    }
    cli_output_end(&out);
}

/* What may have happened beside. */
static void tell_gaps(const struct command_line *line, const struct moments *all, bool has_log)
{
    static const char *const gaps[] = {
        [DECISION_LOG_REFUSED] =
            "of good requests one in a hundred has a line (OAUTH1_DECISION_LOG=refused), so others "
            "may be missing here; every refusal has one",
        [DECISION_LOG_ALL] = NULL,
        [DECISION_LOG_OFF] = "decisions are not logged (OAUTH1_DECISION_LOG=off)",
    };
    const char *gap = gaps[line->config->decision_log];
    if (line->quiet)
        return;
    fprintf(stderr, "%.*s", SLICE_ARGS(buf_slice(&all->notes)));
    if (!has_log)
        fprintf(stderr, "note: no log was read (--log FILE): only the audit log is shown, and no decision\n");
    else if (gap)
        fprintf(stderr, "note: %s\n", gap);
    if (all->nameless)
        fprintf(
            stderr,
            "note: refusals in which no client is known: %zu (malformed, or for an origin that the resource server's "
            "key was not made for); `why` with the resource server's name shows those that it asked about\n",
            all->nameless);
    if (all->has_lost)
        fprintf(stderr, "note: the log says that more decisions came in a second than are logged: some are missing\n");
    if (all->count > MOMENTS_MAX)
        fprintf(stderr, "note: %zu match; the last %d that were read are shown\n", all->count, MOMENTS_MAX);
}

/* A user's deeds and decisions bear the sub. */
static enum status note_sub_of_name(struct cli_store *store, struct slice id, struct moments *all)
{
    struct user *user = NULL;
    enum status status = durable_user_find_by_name_blocking(&store->db, id, &user);
    if (status == STATUS_OK) {
        buf_addf(&all->notes,
                 "note: %.*s is the name of a user whose sub is %.*s: `why %.*s` shows what concerns that user\n",
                 SLICE_ARGS(id), SLICE_ARGS(user->subject), SLICE_ARGS(user->subject));
        user_free(user);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static int read_logs(const struct command_line *line, const struct option_list *logs, struct moments *all)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < logs->count && code == EXIT_DONE; i++)
        code = read_log(line, logs->items[i], line->arguments[0], all);
    return code;
}

static int ask_why(const struct command_line *line, struct cli_store *store, struct moments *all)
{
    const struct why_options *options = line->options;
    struct slice id = line->arguments[0];
    enum status status = read_audit_log(store, id, all);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "the audit log");
    status = note_sub_of_name(store, id, all);
    if (status != STATUS_OK)
        return cli_store_failed(line, store, status, "user %.*s", SLICE_ARGS(id));
    int code = read_logs(line, &options->logs, all);
    if (code == EXIT_DONE && all->no_memory)
        code = command_fail(line, EXIT_REFUSED, "there is not enough memory");
    if (code != EXIT_DONE)
        return code;
    tell_moments(line, all);
    tell_gaps(line, all, options->logs.count > 0);
    return all->count ? EXIT_DONE : EXIT_REFUSED;
}

static int run_why(const struct command_line *line)
{
    struct cli_store store;
    struct moments *all = calloc(1, sizeof *all);
    int code = all ? cli_open(line, &store) : command_fail(line, EXIT_REFUSED, "there is not enough memory");
    if (code == EXIT_DONE) {
        code = ask_why(line, &store, all);
        cli_close(&store);
    }
    for (size_t i = 0; all && i < MOMENTS_MAX; i++)
        free(all->items[i].text);
    if (all)
        buf_done(&all->notes);
    free(all);
    return code;
}

const struct command cli_why = {
    .name = "why",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary =
        "shows what is known of a request's id, a client, a token's jti, a user or a resource server, the newest "
        "last: why it was refused, and who changed it",
    .example = "  journalctl -u countersign-introspection-service -o cat | auth-service why demo --log -",
    .options = why_table,
    .options_size = sizeof(struct why_options),
    .exit_codes = NULL,
    .needs_config = true,
    .run = run_why,
};
