#include "base/escape.h"
#include "base/percent.h"
#include "cli/cli.h"
#include "cli/env_file.h"
#include "cli/http_client.h"
#include "cli/owner.h"
#include "cli/signing.h"
#include "http/form.h"
#include "json/json_reader.h"
#include "json/json_writer.h"

#include <signal.h>
#include <stdlib.h>

/* `perform three-legged`: acts as a client, and shows a reader what happens on the wire. */

struct perform_options {
    struct slice url, initiate_path, authorize_path, token_path, ca_file;
    struct slice client, client_secret, env_file, signature_method, rsa_key, callback, scope;
    struct slice username, password_file;
    struct slice api_url, introspect, key, key_file;
};

static const struct command_option table[] = {
    {"url", OPTION_TEXT, "URL", false, offsetof(struct perform_options, url),
     "the provider's public URL (OAUTH1_PUBLIC_URL if set, else http://127.0.0.1:8080)"},
    {"initiate-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, initiate_path),
     "OAUTH1_INITIATE_PATH if set, else /oauth/initiate"},
    {"authorize-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, authorize_path),
     "OAUTH1_AUTHORIZE_PATH if set, else /oauth/authorize"},
    {"token-path", OPTION_TEXT, "PATH", false, offsetof(struct perform_options, token_path),
     "OAUTH1_TOKEN_PATH if set, else /oauth/token"},
    {"ca-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, ca_file),
     "PEM, verifies https by these certificates instead of the system's"},
    {"client", OPTION_TEXT, "ID", false, offsetof(struct perform_options, client), "the consumer key"},
    {"client-secret", OPTION_SECRET, "S", false, offsetof(struct perform_options, client_secret), "its secret"},
    {"env-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, env_file),
     "a file with CLIENT_ID=… and CLIENT_SECRET=…, as client create --format env prints them"},
    {"signature-method", OPTION_TEXT, "METHOD", false, offsetof(struct perform_options, signature_method),
     "HMAC-SHA256 (RSA-SHA256 with --rsa-key)"},
    {"rsa-key", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, rsa_key), "PEM, the private key"},
    {"callback", OPTION_TEXT, "URI", false, offsetof(struct perform_options, callback), "oob"},
    {"scope", OPTION_TEXT, "S", false, offsetof(struct perform_options, scope), "what to ask for"},
    {"username", OPTION_TEXT, "U", false, offsetof(struct perform_options, username),
     "plays the resource owner's browser as this user (left out: you open the page and type the code)"},
    {"password-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, password_file),
     "the user's password"},
    {"introspect", OPTION_TEXT, "URL", false, offsetof(struct perform_options, introspect),
     "at the end, signs a GET of --api-url and has this introspection service judge it (http://127.0.0.1:8082)"},
    {"api-url", OPTION_TEXT, "URL", false, offsetof(struct perform_options, api_url),
     "https://api.example.com/photos?size=original"},
    {"key", OPTION_SECRET, "KEY", false, offsetof(struct perform_options, key), "the resource server's key"},
    {"key-file", OPTION_TEXT, "FILE", false, offsetof(struct perform_options, key_file), "a file that holds it"},
    {0},
};

struct performance {
    const struct command_line *line;
    const struct perform_options *options;
    struct arena arena;
    struct slice base_url, initiate_path, authorize_path, token_path;
    struct slice client_id, client_secret, rsa_key, method, callback;
    struct slice token, token_secret; /* first the temporary credential, then the token */
    struct slice verifier;
    struct slice password;
    struct slice api_url, introspect_url, key; /* absent: no introspection */
    struct slice introspection;                /* its answer, JSON */
};

static struct slice join_texts(struct performance *p, struct slice first, struct slice second)
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

static void tell_reader(const void *context, const char *label, struct slice text)
{
    const struct performance *p = context;
    struct buf safe = BUF_INIT;
    if (!is_reader(p))
        return;
    escape_terminal(&safe, text);
    printf("    %-9s %.*s\n", label, SLICE_ARGS(buf_slice(&safe)));
    buf_done(&safe);
}

static void print_headline(const struct performance *p, const char *text)
{
    if (is_reader(p))
        printf("\n%s\n", text);
}

static int fail_leg(const struct performance *p, enum status status, const char *why)
{
    if (status_is_infrastructure(status))
        return command_fail(p->line, EXIT_STORE_DOWN, "%s", status_text(status));
    return command_fail(p->line, EXIT_REFUSED, "%s", why);
}

/* ---- signed requests ---- */

static int sign_request(struct performance *p, const struct signing *signing, struct signed_request *made)
{
    struct clock clock = clock_system(0);
    struct problem problem = {0};
    enum status status = signing_sign(signing, clock_wall_ms(&clock) / 1000, &p->arena, made, &problem);
    problem.status = status;
    if (status != STATUS_OK)
        return command_fail(p->line, status_is_infrastructure(status) ? EXIT_STORE_DOWN : EXIT_USAGE, "%s",
                            problem_text(&problem));
    tell_reader(p, "signed", made->base_string);
    tell_reader(p, "header", made->authorization);
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
        .rsa_private_key = p->rsa_key,
    };
}

static int send_request(struct performance *p, struct client_request request, struct client_response *response)
{
    const char *why = NULL;
    request.ca_file = p->options->ca_file;
    enum status status = http_client_send_blocking(&request, &p->arena, response, &why);
    if (status != STATUS_OK)
        return fail_leg(p, status, why);
    struct buf answer = buf_in(&p->arena);
    buf_addf(&answer, "%d ", response->http_status);
    buf_add(&answer, response->body);
    tell_reader(p, "answer", buf_slice(&answer));
    return EXIT_DONE;
}

static bool read_credentials(struct performance *p, const struct client_response *response)
{
    struct form form = {0};
    return response->http_status == 200 && form_parse(&p->arena, response->body, &form) == STATUS_OK &&
           form_get_single(&form, "oauth_token", &p->token) == STATUS_OK &&
           form_get_single(&form, "oauth_token_secret", &p->token_secret) == STATUS_OK;
}

/* POSTs a signed request whose answer is a form with a pair of credentials, and keeps them. */
static int fetch_credentials(struct performance *p, struct slice path, const struct signing_pair *more, size_t count)
{
    struct slice url = join_texts(p, p->base_url, path);
    struct signing signing = signing_of(p, SLICE("POST"), url);
    struct signed_request made = {0};
    struct client_response response = {0};
    signing.more = more;
    signing.more_count = count;
    tell_reader(p, "POST", url);
    int code = sign_request(p, &signing, &made);
    const struct client_request request = {
        .method = SLICE("POST"), .url = url, .authorization = made.authorization, .body = SLICE("")};
    if (code == EXIT_DONE)
        code = send_request(p, request, &response);
    if (code == EXIT_DONE && !read_credentials(p, &response))
        code = command_fail(p->line, EXIT_REFUSED, "%.*s answered %d: %.*s", SLICE_ARGS(url), response.http_status,
                            SLICE_ARGS(response.body));
    return code;
}

/* ---- the legs ---- */

static int perform_initiate(struct performance *p)
{
    const struct signing_pair pairs[] = {{SLICE_INIT("oauth_callback"), p->callback},
                                         {SLICE_INIT("scope"), p->options->scope}};
    print_headline(p, "1. The client asks for a temporary credential (RFC 5849 §2.1)");
    return fetch_credentials(p, p->initiate_path, pairs, COUNT_OF(pairs)); /* an absent scope is left out */
}

static int ask_reader(struct performance *p, struct slice url)
{
    char *typed = NULL;
    size_t size = 0;
    (void)fflush(stdout);
    fprintf(stderr, "Open %.*s\nlog in and allow access; then type the code, or paste the address you were sent to: ",
            SLICE_ARGS(url));
    ssize_t len = getline(&typed, &size, stdin);
    struct slice line = slice_of(typed, len > 0 ? (size_t)len : 0);
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    struct slice verifier = owner_pasted_verifier(line, &p->arena);
    p->verifier = arena_copy(&p->arena, verifier);
    free(typed);
    return p->verifier.len ? EXIT_DONE : command_fail(p->line, EXIT_REFUSED, "no code was given (oauth_verifier)");
}

static int perform_authorize(struct performance *p)
{
    struct buf url = buf_in(&p->arena);
    const char *why = NULL;
    print_headline(p, "2. The resource owner's browser goes there, logs in, and allows access (RFC 5849 §2.2)");
    buf_add(&url, p->base_url);
    buf_add(&url, p->authorize_path);
    buf_add(&url, SLICE("?oauth_token="));
    percent_encode(&url, p->token);
    if (slice_is_absent(p->options->username))
        return ask_reader(p, buf_slice(&url));
    const struct owner owner = {p->options->username, p->password, p->options->ca_file, tell_reader, p};
    enum status status = owner_grant_blocking(&owner, buf_slice(&url), &p->arena, &p->verifier, &why);
    if (status != STATUS_OK)
        return fail_leg(p, status, why);
    tell_reader(p, "verifier", p->verifier);
    return EXIT_DONE;
}

static int perform_exchange(struct performance *p)
{
    const struct signing_pair verifier = {SLICE("oauth_verifier"), p->verifier};
    print_headline(p, "3. The client trades both for a token credential (RFC 5849 §2.3)");
    return fetch_credentials(p, p->token_path, &verifier, 1);
}

/* ---- a request with the token ---- */

static struct slice describe_call(struct performance *p, struct slice authorization)
{
    struct buf body = buf_in(&p->arena);
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_text(&w, "method", "GET");
    json_member_string(&w, "url", p->api_url);
    json_member_string(&w, "authorization", authorization);
    json_end_object(&w);
    return buf_slice(&body);
}

static bool is_active(struct performance *p, const struct client_response *response)
{
    const json_value *answer = NULL;
    const char *why = NULL;
    if (response->http_status != 200 || json_read(response->body, &p->arena, &answer, &why) != STATUS_OK ||
        json_kind_of(answer) != JSON_OBJECT)
        return false;
    const json_value *active = json_member(answer, "active");
    return active && json_kind_of(active) == JSON_BOOL && json_bool_of(active);
}

static int perform_introspect(struct performance *p)
{
    struct signed_request made = {0};
    struct client_response response = {0};
    if (slice_is_absent(p->introspect_url))
        return EXIT_DONE;
    print_headline(p,
                   "4. The client calls an API, which asks whether the request is good, and whose it is (RFC 5849 §3)");
    const struct signing signing = signing_of(p, SLICE("GET"), p->api_url);
    tell_reader(p, "GET", p->api_url);
    int code = sign_request(p, &signing, &made);
    if (code != EXIT_DONE)
        return code;
    const struct client_request request = {
        .method = SLICE("POST"),
        .url = p->introspect_url,
        .authorization = join_texts(p, SLICE("Bearer "), p->key),
        .content_type = SLICE("application/json"),
        .body = describe_call(p, made.authorization),
    };
    tell_reader(p, "POST", request.url);
    tell_reader(p, "body", request.body);
    code = send_request(p, request, &response);
    p->introspection = response.body;
    if (code == EXIT_DONE && !is_active(p, &response))
        code = command_fail(p->line, EXIT_REFUSED, "the request for %.*s (--api-url) was not verified: %d %.*s",
                            SLICE_ARGS(p->api_url), response.http_status, SLICE_ARGS(response.body));
    return code;
}

/* ---- from options to a performance ---- */

/* The option, what `serve` would take, or the default. */
static struct slice choose_setting(struct slice option, const char *variable, const char *initial)
{
    const char *value = variable ? getenv(variable) : NULL;
    if (!slice_is_absent(option))
        return option;
    return slice_str(value && value[0] ? value : initial);
}

/* The contents of the file that an option names; the exit code. */
static int read_option(struct performance *p, const char *option, struct slice path, struct slice *ret_text)
{
    const char *why = NULL;
    struct buf text = buf_in(&p->arena);
    if (slice_is_absent(path))
        return EXIT_DONE;
    if (command_read_file(path, &text, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_USAGE, "--%s %.*s: %s", option, SLICE_ARGS(path),
                            why ? why : "out of memory");
    *ret_text = buf_slice(&text);
    return EXIT_DONE;
}

static int take_service(struct performance *p)
{
    const struct perform_options *o = p->options;
    p->base_url = choose_setting(o->url, "OAUTH1_PUBLIC_URL", "http://127.0.0.1:8080");
    while (p->base_url.len && p->base_url.ptr[p->base_url.len - 1] == '/')
        p->base_url.len--;
    p->initiate_path = choose_setting(o->initiate_path, "OAUTH1_INITIATE_PATH", "/oauth/initiate");
    p->authorize_path = choose_setting(o->authorize_path, "OAUTH1_AUTHORIZE_PATH", "/oauth/authorize");
    p->token_path = choose_setting(o->token_path, "OAUTH1_TOKEN_PATH", "/oauth/token");
    p->callback = choose_setting(o->callback, NULL, "oob");
    return EXIT_DONE;
}

static int take_client(struct performance *p)
{
    const struct perform_options *o = p->options;
    struct env_file env = {0};
    const char *why = NULL;
    if (!slice_is_absent(o->env_file) && env_file_read(o->env_file, &p->arena, &env, &why) != STATUS_OK)
        return command_fail(p->line, EXIT_USAGE, "--env-file %.*s: %s", SLICE_ARGS(o->env_file),
                            why ? why : "out of memory");
    p->client_id = slice_is_absent(o->client) ? env.client_id : o->client;
    p->client_secret = slice_is_absent(o->client_secret) ? env.client_secret : o->client_secret;
    bool rsa = !slice_is_absent(o->rsa_key);
    if (slice_is_absent(p->client_id) || (slice_is_absent(p->client_secret) && !rsa))
        return command_fail(p->line, EXIT_USAGE,
                            "say who asks: --client with --client-secret or --rsa-key, or --env-file");
    p->method = choose_setting(o->signature_method, NULL, rsa ? "RSA-SHA256" : "HMAC-SHA256");
    return read_option(p, "rsa-key", o->rsa_key, &p->rsa_key);
}

static int take_owner(struct performance *p)
{
    const struct perform_options *o = p->options;
    if (!slice_is_absent(o->username) && slice_is_absent(o->password_file))
        return command_fail(p->line, EXIT_USAGE, "--username needs --password-file");
    return read_option(p, "password-file", o->password_file, &p->password);
}

static int take_introspection(struct performance *p)
{
    const struct perform_options *o = p->options;
    static const struct slice path = SLICE_INIT("/v1/introspect");
    if (slice_is_absent(o->introspect) && slice_is_absent(o->api_url))
        return EXIT_DONE;
    p->api_url = choose_setting(o->api_url, NULL, "https://api.example.com/photos?size=original");
    struct slice url = choose_setting(o->introspect, NULL, "http://127.0.0.1:8082");
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    bool whole = url.len > path.len && slice_eq(slice_sub(url, url.len - path.len, url.len), path);
    p->introspect_url = whole ? url : join_texts(p, url, path);
    p->key = o->key;
    int code = read_option(p, "key-file", o->key_file, &p->key);
    if (code == EXIT_DONE && p->key.len == 0)
        code = command_fail(p->line, EXIT_USAGE, "introspection needs a resource server's key: --key or --key-file");
    return code;
}

/* ---- the whole ---- */

static void print_record(struct performance *p)
{
    struct cli_output out = cli_output_begin(p->line, false);
    bool env = p->line->format == FORMAT_ENV; /* as sign --env-file reads them */
    cli_record_begin(&out);
    cli_field(&out, "client_id", p->client_id);
    if (env)
        cli_field(&out, "client_secret", p->client_secret);
    cli_field(&out, env ? "token" : "oauth_token", p->token);
    cli_field(&out, env ? "token_secret" : "oauth_token_secret", p->token_secret);
    if (!env && p->introspection.len)
        cli_field_json(&out, "introspection", p->introspection);
    cli_record_end(&out);
    cli_output_end(&out);
}

static int print_token(struct performance *p)
{
    if (p->line->format != FORMAT_TABLE) {
        print_record(p);
        return EXIT_DONE;
    }
    print_headline(p, "Done. The client keeps the token credential, and signs with it from now on:");
    printf("oauth_token=%.*s\noauth_token_secret=%.*s\n", SLICE_ARGS(p->token), SLICE_ARGS(p->token_secret));
    return EXIT_DONE;
}

static int run_perform(const struct command_line *line)
{
    enum { ARENA_MAX_BYTES = 64 << 20 };
    int (*const steps[])(struct performance *) = {take_service,       take_client,        take_owner,
                                                  take_introspection, perform_initiate,   perform_authorize,
                                                  perform_exchange,   perform_introspect, print_token};
    struct performance p = {.line = line, .options = line->options};
    int code = EXIT_DONE;
    (void)signal(SIGPIPE, SIG_IGN); /* a service that hangs up is an error to be told */
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
        "  auth-service client create --name Demo --format env >demo.env\n"
        "  auth-service perform three-legged --env-file demo.env --username jane --password-file password.txt\n"
        "  auth-service perform three-legged --env-file demo.env --username jane --password-file password.txt \\\n"
        "      --introspect http://127.0.0.1:8082 --key-file key.txt --api-url http://127.0.0.1:5000/photos\n\n"
        "--api-url is a URL at one of the origins that the key's resource server was created with.",
    .options = table,
    .options_size = sizeof(struct perform_options),
    .run = run_perform,
};
