#include "cli/remote.h"

#include "base/address.h"
#include "base/percent.h"
#include "cli/http_client.h"
#include "oauth/url.h"

#include <signal.h>

enum { ANSWER_MAX_BYTES = 32 << 20, PAGE_TOKEN_MAX_BYTES = 64 };

#define ROWS_OF_PAGE SLICE("100")

/* ---- where, and with what ---- */

static int take_server(struct remote *remote)
{
    const struct command_line *line = remote->line;
    struct slice server = line->remote.server;
    struct oauth_url url = {0};
    struct problem problem = {0};
    if (oauth_url_parse(server, &url, &problem) != STATUS_OK)
        return command_fail(line, EXIT_USAGE, "--server %.*s: %s", SLICE_ARGS(server), problem_text(&problem));
    if (url.query.len)
        return command_fail(line, EXIT_USAGE, "--server %.*s: leave out the '?' and what is behind it",
                            SLICE_ARGS(server));
    if (!url.https && !address_host_is_loopback(url.host))
        fprintf(stderr,
                "%s: warning: --server is plain http, so the admin token and secrets can be read on the way; "
                "use https\n",
                line->command->name);
    while (server.len && server.ptr[server.len - 1] == '/')
        server.len--;
    buf_add(&remote->base, server);
    buf_add_str(&remote->base, "/admin/v1");
    return EXIT_DONE;
}

static int refuse_token_file(const struct command_line *line, const char *why)
{
    return command_fail(line, EXIT_USAGE, "--admin-token-file %.*s: %s", SLICE_ARGS(line->remote.token_file), why);
}

static int take_token(struct remote *remote, struct slice text)
{
    struct slice token = slice_trim(text);
    if (token.len == 0)
        return refuse_token_file(remote->line, "it is empty; it must hold a token of the service's OAUTH1_ADMIN_TOKEN");
    if (slice_find(token, ':') < token.len)
        return refuse_token_file(remote->line, "it holds name:token; write the token alone into it, which is what "
                                               "stands behind the last colon");
    if (!slice_is_printable(token) || slice_find(token, ' ') < token.len)
        return refuse_token_file(remote->line, "a token is one line without spaces");
    buf_add_str(&remote->authorization, "Bearer ");
    buf_add(&remote->authorization, token);
    return EXIT_DONE;
}

static int read_token(struct remote *remote)
{
    struct buf text = BUF_INIT;
    const char *why = NULL;
    enum status status = command_read_file(remote->line->remote.token_file, &text, &why);
    int code = status == STATUS_OK ? take_token(remote, buf_slice(&text))
                                   : refuse_token_file(remote->line, why ? why : status_text(status));
    buf_done(&text);
    return code;
}

/* Before anything is sent, so that a wrong name is no failure of the server. */
static int check_authorities(const struct command_line *line)
{
    struct slice path = line->remote.ca_file;
    struct buf text = BUF_INIT;
    const char *why = NULL;
    enum status status = slice_is_absent(path) ? STATUS_OK : command_read_file(path, &text, &why);
    buf_done(&text);
    if (status == STATUS_OK)
        return EXIT_DONE;
    return command_fail(line, EXIT_USAGE, "--ca %.*s: %s", SLICE_ARGS(path), why ? why : status_text(status));
}

int remote_open(const struct command_line *line, struct remote *ret_remote)
{
    *ret_remote = (struct remote){.line = line};
    arena_init(&ret_remote->answer, ANSWER_MAX_BYTES);
    (void)signal(SIGPIPE, SIG_IGN); /* a service that hangs up is an error to be told */
    int code = take_server(ret_remote);
    if (code == EXIT_DONE)
        code = read_token(ret_remote);
    if (code == EXIT_DONE)
        code = check_authorities(line);
    if (code != EXIT_DONE)
        remote_close(ret_remote);
    return code;
}

void remote_close(struct remote *remote)
{
    buf_done(&remote->base);
    buf_done(&remote->authorization);
    arena_done(&remote->answer);
}

/* ---- one call ---- */

void remote_add_query(struct buf *query, const char *name, struct slice value)
{
    if (slice_is_absent(value))
        return;
    buf_addf(query, "%s%s=", query->len ? "&" : "", name);
    percent_encode(query, value);
}

static void write_call_url(const struct remote *remote, const struct remote_call *call, struct buf *url)
{
    buf_add(url, buf_slice(&remote->base));
    buf_addf(url, "/%s", call->folder);
    if (!slice_is_absent(call->id)) {
        buf_add_byte(url, '/');
        percent_encode(url, call->id);
    }
    if (call->verb)
        buf_addf(url, "/%s", call->verb);
    if (call->query.len) {
        buf_add_byte(url, '?');
        buf_add(url, call->query);
    }
}

static int send_call(struct remote *remote, const struct remote_call *call, struct client_response *ret_response)
{
    struct buf url = BUF_INIT;
    const char *why = NULL;
    /* A command changes what there is, as on the stores. */
    bool changes_one = strcmp(call->method, "PATCH") == 0 || strcmp(call->method, "DELETE") == 0;
    write_call_url(remote, call, &url);
    const struct client_request request = {
        .method = slice_str(call->method),
        .url = buf_slice(&url),
        .authorization = buf_slice(&remote->authorization),
        .content_type = call->body ? slice_str(call->body_type ? call->body_type : "application/json") : SLICE_ABSENT,
        .cookie = SLICE_ABSENT,
        .if_match = slice_is_absent(call->if_match) && changes_one ? SLICE("*") : call->if_match,
        .body = call->body ? buf_slice(call->body) : SLICE_ABSENT,
        .ca_file = remote->line->remote.ca_file,
    };
    arena_reset(&remote->answer);
    bool has_all = !url.failed && !remote->base.failed && !remote->authorization.failed;
    enum status status = has_all && !(call->body && call->body->failed)
                             ? http_client_send_blocking(&request, &remote->answer, ret_response, &why)
                             : STATUS_NO_MEMORY;
    buf_done(&url);
    if (status == STATUS_OK)
        return EXIT_DONE;
    return command_fail(remote->line, EXIT_STORE_DOWN, "%s", why ? why : status_text(status));
}

/* ---- what an answer means ---- */

static const json_value *read_object(struct remote *remote, const struct client_response *response)
{
    const json_value *value = NULL;
    const char *why = NULL;
    if (response->body.len == 0 || json_read(response->body, &remote->answer, &value, &why) != STATUS_OK)
        return NULL;
    return json_kind_of(value) == JSON_OBJECT ? value : NULL;
}

static struct slice read_text(const json_value *object, const char *name)
{
    const json_value *value = object ? json_member(object, name) : NULL;
    return value && json_kind_of(value) == JSON_STRING ? json_string_of(value) : SLICE_ABSENT;
}

/* A path that the server does not know has no word of the thing. */
static bool is_missing(const struct client_response *response, struct slice detail)
{
    return response->http_status == 404 && slice_starts_with(detail, SLICE("there is no such "));
}

static int refuse_token(const struct remote *remote)
{
    return command_fail(remote->line, EXIT_REFUSED,
                        "--admin-token-file %.*s: the server does not know the token; write one of its "
                        "OAUTH1_ADMIN_TOKEN into the file, the part behind the name and the colon",
                        SLICE_ARGS(remote->line->remote.token_file));
}

static int refuse_caller(const struct remote *remote, struct slice detail)
{
    return command_fail(remote->line, EXIT_REFUSED, "--admin-token-file %.*s: the server refused the token: %.*s",
                        SLICE_ARGS(remote->line->remote.token_file), SLICE_ARGS(detail));
}

static int code_of(int http_status)
{
    if (http_status >= 500)
        return EXIT_STORE_DOWN;
    return http_status == 400 || http_status == 413 ? EXIT_USAGE : EXIT_REFUSED;
}

static int tell_refusal(const struct remote *remote, const struct remote_call *call,
                        const struct client_response *response, struct slice detail)
{
    int http_status = response->http_status;
    if (is_missing(response, detail))
        return cli_not_found(remote->line, call->noun, call->name);
    if (slice_is_absent(detail) || http_status == 404)
        return command_fail(remote->line, code_of(http_status),
                            "--server %.*s: the answer (status %d) is none of the admin API; give the URL of the "
                            "service's admin port (OAUTH1_ADMIN_LISTEN)",
                            SLICE_ARGS(remote->line->remote.server), http_status);
    if (http_status == 401)
        return refuse_token(remote);
    if (http_status == 403)
        return refuse_caller(remote, detail);
    if (http_status == 409 && slice_starts_with(detail, SLICE("there is such a ")))
        detail = slice_str(status_text(STATUS_CONFLICT)); /* as of a store */
    if (http_status == 412)
        detail = SLICE(CLI_CHANGED_SINCE);
    return command_fail(remote->line, code_of(http_status), "%s %.*s: %.*s", call->noun, SLICE_ARGS(call->name),
                        SLICE_ARGS(detail));
}

/* A thing that there is not is told where nobody asks by ret_found. */
static int call_server(struct remote *remote, const struct remote_call *call, bool *ret_found,
                       const json_value **ret_json)
{
    struct client_response response = {0};
    int code = send_call(remote, call, &response);
    if (code != EXIT_DONE)
        return code;
    const json_value *json = read_object(remote, &response);
    bool is_done = response.http_status / 100 == 2;
    bool is_report = json && call->report && json_member(json, call->report);
    if (is_report || (is_done && (json || response.http_status == 204))) {
        *ret_json = json;
        return EXIT_DONE;
    }
    struct slice detail = is_done ? SLICE_ABSENT : read_text(json, "detail");
    if (slice_is_absent(detail) && !is_done)
        detail = read_text(json, "title");
    if (!slice_is_printable(detail))
        detail = SLICE_ABSENT;
    if (!ret_found || !is_missing(&response, detail))
        return tell_refusal(remote, call, &response, detail);
    *ret_found = false;
    return EXIT_DONE;
}

int remote_do(struct remote *remote, const struct remote_call *call, const json_value **ret_json)
{
    return call_server(remote, call, NULL, ret_json);
}

/* ---- what commands do with it ---- */

int remote_show(struct remote *remote, const struct remote_call *call)
{
    const json_value *json = NULL;
    int code = remote_do(remote, call, &json);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_output_begin(remote->line, false);
    cli_record_read(&out, json);
    cli_output_end(&out);
    return EXIT_DONE;
}

int remote_change(struct remote *remote, const struct remote_call *call)
{
    const json_value *json = NULL;
    int code = remote_do(remote, call, &json);
    if (code == EXIT_DONE && !remote->line->quiet)
        fprintf(stderr, "%s: done\n", remote->line->command->name);
    return code;
}

int remote_revoke(struct remote *remote, const struct remote_call *call, const char *thing)
{
    const json_value *json = NULL;
    int code = remote_do(remote, call, &json);
    const json_value *revoked = json ? json_member(json, "revoked") : NULL;
    long long count = revoked && json_kind_of(revoked) == JSON_INT ? json_int_of(revoked) : 0;
    if (code == EXIT_DONE && !remote->line->quiet)
        fprintf(stderr, "revoked %lld %s%s\n", count, thing, count == 1 ? "" : "s");
    return code;
}

/* ---- lists ---- */

/* The pages of a list, one after the other. */
struct walk {
    struct remote *remote;
    struct remote_call call;
    const char *member;
    char memory[PAGE_TOKEN_MAX_BYTES];
    struct slice token; /* of the next page; absent: there is none */
    const json_value *rows;
};

static int read_page(struct walk *walk)
{
    struct buf query = BUF_INIT;
    struct remote_call call = walk->call;
    const json_value *json = NULL;
    buf_add(&query, walk->call.query);
    remote_add_query(&query, "page_size", ROWS_OF_PAGE);
    remote_add_query(&query, "page_token", walk->token);
    call.query = buf_slice(&query);
    int code = query.failed ? command_fail(walk->remote->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_MEMORY))
                            : remote_do(walk->remote, &call, &json);
    buf_done(&query);
    if (code != EXIT_DONE)
        return code;
    struct slice token = read_text(json, "next_page_token");
    struct buf kept = buf_fixed(walk->memory, sizeof walk->memory);
    buf_add(&kept, token);
    walk->token = slice_is_absent(token) || kept.failed ? SLICE_ABSENT : buf_slice(&kept);
    walk->rows = json ? json_member(json, walk->member) : NULL;
    if (!walk->rows || json_kind_of(walk->rows) != JSON_ARRAY || kept.failed)
        return command_fail(walk->remote->line, EXIT_REFUSED, "--server: the answer is no list of %s",
                            walk->call.folder);
    return EXIT_DONE;
}

int remote_list(struct remote *remote, const struct remote_call *call, const char *member,
                const struct table_column *columns)
{
    struct walk walk = {.remote = remote, .call = *call, .member = member, .token = SLICE_ABSENT};
    int code = read_page(&walk);
    if (code != EXIT_DONE)
        return code;
    struct cli_output out = cli_list_begin(remote->line, columns);
    for (bool more = true; more;) {
        for (const json_value *row = json_first(walk.rows); row; row = json_next(row))
            cli_record_read(&out, row);
        more = !slice_is_absent(walk.token);
        code = more ? read_page(&walk) : EXIT_DONE;
        more = more && code == EXIT_DONE;
    }
    cli_output_end(&out);
    return code;
}

/* ---- looking for something ---- */

/* As durable_user_find_by_name_blocking finds it: a site's users have no name of their own here. */
static bool is_account(const json_value *user, struct slice username)
{
    return slice_eq(read_text(user, "username"), username) && slice_eq(read_text(user, "source"), SLICE("here"));
}

static int find_in_pages(struct walk *walk, struct slice username, struct buf *sub)
{
    int code = read_page(walk);
    while (code == EXIT_DONE) {
        for (const json_value *row = json_first(walk->rows); row; row = json_next(row))
            if (is_account(row, username))
                buf_add(sub, read_text(row, "sub"));
        if (sub->len || slice_is_absent(walk->token))
            break;
        code = read_page(walk);
    }
    return code;
}

int remote_has_sub(struct remote *remote, struct slice sub, bool *ret_found)
{
    const struct remote_call call = {.method = "GET", .folder = "users", .id = sub, .noun = "user", .name = sub};
    const json_value *json = NULL;
    *ret_found = true;
    return call_server(remote, &call, ret_found, &json);
}

int remote_find_user(struct remote *remote, struct slice named, struct buf *sub)
{
    bool found = false;
    int code = remote_has_sub(remote, named, &found);
    if (code == EXIT_DONE && found)
        buf_add(sub, named);
    else if (code == EXIT_DONE)
        code = remote_find_name(remote, named, sub);
    return code;
}

int remote_find_name(struct remote *remote, struct slice username, struct buf *sub)
{
    struct buf query = BUF_INIT;
    struct walk walk = {.remote = remote, .member = "users", .token = SLICE_ABSENT};
    remote_add_query(&query, "filter", username);
    walk.call = (struct remote_call){
        .method = "GET", .folder = "users", .query = buf_slice(&query), .noun = "user", .name = username};
    walk.call.id = SLICE_ABSENT;
    int code = find_in_pages(&walk, username, sub);
    buf_done(&query);
    return code;
}
