#include "cli/cli.h"
#include "cli/env_file.h"
#include "cli/http_client.h"
#include "cli/owner.h"
#include "cli/signing.h"
#include "http/form.h"
#include "json/json_writer.h"

/* `perform three-legged`: acts as a client, and shows a reader what happens on the wire. */

struct perform_options {
    struct slice url, initiate_path, authorize_path, token_path;
    struct slice client, client_secret, env_file, signature_method, callback, scope;
    struct slice username, password_file;
    struct slice api_url, introspect, key_file;
};

static const struct command_option table[] = {
    {"url", OPTION_TEXT, "URL", false, offsetof(struct perform_options, url),
     "the provider's public URL (http://127.0.0.1:8080)"},
    {"initiate-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, initiate_path), "/oauth/initiate"},
    {"authorize-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, authorize_path),
     "/oauth/authorize"},
    {"token-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, token_path), "/oauth/token"},
    {"client", OPTION_TEXT, "ID", false, offsetof(struct perform_options, client), "the consumer key"},
    {"client-secret", OPTION_TEXT, "S", false, offsetof(struct perform_options, client_secret), "its secret"},
    {"env-file", OPTION_TEXT, "F", false, offsetof(struct perform_options, env_file),
     "a file with CLIENT_ID=… and CLIENT_SECRET=…"},
    {"signature-method", OPTION_TEXT, "M", false, offsetof(struct perform_options, signature_method), "HMAC-SHA256"},
    {"callback", OPTION_TEXT, "URI", false, offsetof(struct perform_options, callback), "oob"},
    {"scope", OPTION_TEXT, "S", false, offsetof(struct perform_options, scope), "what to ask for"},
    {"username", OPTION_TEXT, "U", false, offsetof(struct perform_options, username),
     "plays the resource owner's browser as this user (left out: you open the page and type the code)"},
    {"password-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, password_file),
     "the user's password"},
    {"api-url", OPTION_TEXT, "URL", false, offsetof(struct perform_options, api_url),
     "at the end, signs a GET of this and has it introspected"},
    {"introspect", OPTION_TEXT, "URL", false, offsetof(struct perform_options, introspect),
     "the introspection service (http://127.0.0.1:8082)"},
    {"key-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, key_file), "its resource server key"},
    {0},
};

struct performance {
    const struct command_line *line;
    const struct perform_options *options;
    struct arena arena;
    struct slice base_url;
    struct slice client_id, client_secret, method, callback;
    struct slice token, token_secret; /* first the temporary credential, then the token */
    struct slice verifier;
    struct slice password;
};

static struct slice or_else(struct slice value, const char *instead)
{
    return slice_is_absent(value) ? slice_str(instead) : value;
}

static struct slice join(struct performance *p, struct slice first, struct slice second)
{
    struct buf text = buf_in(&p->arena);
    buf_add(&text, first);
    buf_add(&text, second);
    return buf_slice(&text);
}

static bool is_reader(const struct performance *p)
{
    return p->line->format == FORMAT_TABLE && !p->line->quiet;
}

static void tell(const struct performance *p, const char *label, struct slice text)
{
    if (is_reader(p))
        printf("    %-12s %.*s\n", label, SLICE_ARGS(text));
}

static void headline(const struct performance *p, const char *text)
{
    if (is_reader(p))
        printf("\n%s\n", text);
}

/* ---- signed requests ---- */

static int sign_request(struct performance *p, const struct signing *signing, struct signed_headers *made)
{
    struct clock clock = clock_system(0);
    struct problem problem = {0};
    enum status status = signing_sign(signing, clock_wall_ms(&clock) / 1000, &p->arena, made, &problem);
    if (status != STATUS_OK) {
        problem.status = status;
        return command_fail(p->line, EXIT_USAGE, "%s", problem_text(&problem));
    }
    tell(p, "signed", made->base_string);
    tell(p, "header", made->authorization);
    return EXIT_DONE;
}

static struct signing signing_of(const struct performance *p, struct slice method, struct slice url)
{
    return (struct signing){
        .method = method,
        .url = url,
        .client_id = p->client_id,
        .client_secret = p->client_secret,
        .token = p->token,
        .token_secret = p->token_secret,
        .signature_method = p->method,
    };
}

static int send_request(struct performance *p, const struct client_request *request, struct client_response *response)
{
    const char *why = NULL;
    if (http_client_send(request, &p->arena, response, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_REFUSED, "%s (is the service running? %.*s)", why ? why : "out of memory",
                            SLICE_ARGS(p->base_url));
    return EXIT_DONE;
}

static void tell_answer(const struct performance *p, const struct client_response *response)
{
    if (is_reader(p))
        printf("    %-12s %d %.*s\n", "answer", response->http_status, SLICE_ARGS(response->body));
}

/* POSTs a signed request whose answer is a form with a pair of credentials, and keeps them. */
static int fetch_credentials(struct performance *p, struct slice path, const struct signing_pair *more, size_t count)
{
    struct slice url = join(p, p->base_url, path);
    struct signing signing = signing_of(p, SLICE("POST"), url);
    struct signed_headers made = {0};
    struct client_response response = {0};
    struct form form = {0};
    signing.more = more;
    signing.more_count = count;
    tell(p, "POST", url);
    int code = sign_request(p, &signing, &made);
    const struct client_request request = {
        .method = SLICE("POST"), .url = url, .authorization = made.authorization, .body = SLICE("")};
    if (code == EXIT_DONE)
        code = send_request(p, &request, &response);
    if (code != EXIT_DONE)
        return code;
    tell_answer(p, &response);
    if (response.http_status != 200 || form_parse(&p->arena, response.body, &form) != STATUS_OK ||
        form_get_single(&form, "oauth_token", &p->token) != STATUS_OK ||
        form_get_single(&form, "oauth_token_secret", &p->token_secret) != STATUS_OK)
        return command_fail(p->line, EXIT_REFUSED, "%.*s answered %d: %.*s", SLICE_ARGS(url), response.http_status,
                            SLICE_ARGS(response.body));
    return EXIT_DONE;
}

/* ---- the legs ---- */

static int initiate(struct performance *p)
{
    const struct signing_pair callback = {SLICE("oauth_callback"), p->callback};
    struct slice path = or_else(p->options->initiate_path, "/oauth/initiate");
    headline(p, "1. The client asks for a temporary credential (RFC 5849 §2.1)");
    if (slice_is_absent(p->options->scope))
        return fetch_credentials(p, path, &callback, 1);
    const struct signing_pair with_scope[] = {callback, {SLICE("scope"), p->options->scope}};
    return fetch_credentials(p, path, with_scope, COUNT_OF(with_scope));
}

static int ask_reader(struct performance *p)
{
    char typed[256] = "";
    fprintf(stderr, "Open the page, log in and allow access; then type the code (oauth_verifier): ");
    if (!fgets(typed, sizeof typed, stdin))
        return command_fail(p->line, EXIT_REFUSED, "no code was typed");
    struct slice code = slice_str(typed);
    if (code.len && code.ptr[code.len - 1] == '\n')
        code.len--;
    p->verifier = arena_copy(&p->arena, slice_trim(code));
    return p->verifier.len ? EXIT_DONE : command_fail(p->line, EXIT_REFUSED, "no code was typed");
}

static int authorize(struct performance *p)
{
    struct slice path = or_else(p->options->authorize_path, "/oauth/authorize");
    struct slice url = join(p, join(p, p->base_url, path), join(p, SLICE("?oauth_token="), p->token));
    const char *why = NULL;
    headline(p, "2. The resource owner's browser goes there, logs in, and allows access (RFC 5849 §2.2)");
    tell(p, "open", url);
    if (slice_is_absent(p->options->username))
        return ask_reader(p);
    const struct owner owner = {p->base_url, path, p->options->username, p->password};
    if (owner_grant(&owner, url, &p->arena, &p->verifier, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_REFUSED, "%s", why ? why : "out of memory");
    tell(p, "verifier", p->verifier);
    return EXIT_DONE;
}

static int exchange(struct performance *p)
{
    const struct signing_pair verifier = {SLICE("oauth_verifier"), p->verifier};
    headline(p, "3. The client trades both for a token credential (RFC 5849 §2.3)");
    return fetch_credentials(p, or_else(p->options->token_path, "/oauth/token"), &verifier, 1);
}

/* ---- a request with the token ---- */

static struct slice describe_call(struct performance *p, struct slice authorization)
{
    struct buf body = buf_in(&p->arena);
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_text(&w, "method", "GET");
    json_member_string(&w, "url", p->options->api_url);
    json_member_string(&w, "authorization", authorization);
    json_end_object(&w);
    return buf_slice(&body);
}

static int introspect(struct performance *p)
{
    struct signed_headers made = {0};
    struct client_response response = {0};
    struct buf key = buf_in(&p->arena);
    const char *why = NULL;
    if (slice_is_absent(p->options->api_url))
        return EXIT_DONE;
    headline(p, "4. The client calls an API, which asks whether the request is good, and whose it is (RFC 5849 §3)");
    tell(p, "GET", p->options->api_url);
    const struct signing signing = signing_of(p, SLICE("GET"), p->options->api_url);
    int code = sign_request(p, &signing, &made);
    if (code != EXIT_DONE)
        return code;
    buf_add_str(&key, "Bearer ");
    if (command_read_file(or_else(p->options->key_file, ""), &key, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_USAGE, "--key-file: %s", why ? why : "out of memory");
    const struct client_request request = {
        .method = SLICE("POST"),
        .url = join(p, or_else(p->options->introspect, "http://127.0.0.1:8082"), SLICE("/v1/introspect")),
        .authorization = buf_slice(&key),
        .content_type = SLICE("application/json"),
        .body = describe_call(p, made.authorization),
    };
    tell(p, "POST", request.url);
    tell(p, "body", request.body);
    code = send_request(p, &request, &response);
    if (code != EXIT_DONE)
        return code;
    tell_answer(p, &response);
    bool active = slice_starts_with(response.body, SLICE("{\"active\":true"));
    return response.http_status == 200 && active
               ? EXIT_DONE
               : command_fail(p->line, EXIT_REFUSED, "the request was not verified: %.*s", SLICE_ARGS(response.body));
}

/* ---- the whole ---- */

static int prepare(struct performance *p)
{
    const struct perform_options *o = p->options;
    struct env_file env = {0};
    struct buf password = buf_in(&p->arena);
    const char *why = NULL;
    if (!slice_is_absent(o->env_file) && env_file_read(o->env_file, &p->arena, &env, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_USAGE, "--env-file %.*s: %s", SLICE_ARGS(o->env_file), why);
    p->client_id = slice_is_absent(o->client) ? env.client_id : o->client;
    p->client_secret = slice_is_absent(o->client_secret) ? env.client_secret : o->client_secret;
    if (slice_is_absent(p->client_id) || slice_is_absent(p->client_secret))
        return command_fail(p->line, EXIT_USAGE, "say who asks: --client and --client-secret, or --env-file");
    if (!slice_is_absent(o->username) && slice_is_absent(o->password_file))
        return command_fail(p->line, EXIT_USAGE, "--username needs --password-file");
    if (!slice_is_absent(o->password_file) && command_read_file(o->password_file, &password, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_USAGE, "--password-file: %s", why ? why : "out of memory");
    p->password = buf_slice(&password);
    p->base_url = or_else(o->url, "http://127.0.0.1:8080");
    p->method = or_else(o->signature_method, "HMAC-SHA256");
    p->callback = or_else(o->callback, "oob");
    return EXIT_DONE;
}

static int print_token(struct performance *p)
{
    if (is_reader(p)) {
        printf("\nDone. Keep these with the client; they do not expire unless the operator says so.\n\n");
    }
    struct cli_output out = cli_output_begin(p->line, false);
    cli_record_begin(&out);
    cli_field(&out, "token", p->token);
    cli_field(&out, "token_secret", p->token_secret);
    cli_record_end(&out);
    cli_output_end(&out);
    return EXIT_DONE;
}

static int perform(const struct command_line *line)
{
    enum { ARENA_MAX_BYTES = 64 << 20 };
    int (*const steps[])(struct performance *) = {prepare, initiate, authorize, exchange, introspect, print_token};
    struct performance p = {.line = line, .options = line->options};
    int code = EXIT_DONE;
    arena_init(&p.arena, ARENA_MAX_BYTES);
    for (size_t i = 0; i < COUNT_OF(steps) && code == EXIT_DONE; i++)
        code = steps[i](&p);
    arena_done(&p.arena);
    return code;
}

const struct command cli_perform_three_legged = {
    .name = "perform three-legged",
    .arguments = "",
    .summary = "acts as a client against a running service and prints each step: URLs, base strings, the token",
    .example =
        "  auth-service perform three-legged --env-file demo.env --username jane --password-file password.txt \\\n"
        "      --api-url http://127.0.0.1:5000/photos --key-file key.txt",
    .options = table,
    .options_size = sizeof(struct perform_options),
    .run = perform,
};
