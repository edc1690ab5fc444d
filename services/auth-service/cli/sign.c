#include "base/base64.h"
#include "cli/cli.h"
#include "cli/env_file.h"
#include "cli/signing.h"
#include "json/json_writer.h"

struct sign_options {
    struct slice data, content_type, client, client_secret, token, token_secret, env_file, signature_method, rsa_key;
    struct slice format, breaking, nonce, timestamp, realm, placement;
    struct option_list params;
    bool body_hash, with_secrets;
};

static const struct command_option table[] = {
    {"data", OPTION_TEXT, "BODY", false, offsetof(struct sign_options, data),
     "the body; - reads it from standard input"},
    {"content-type", OPTION_TEXT, "TYPE", false, offsetof(struct sign_options, content_type),
     "of the body (left out: guessed; a form is signed, anything else is not)"},
    {"client", OPTION_TEXT, "ID", false, offsetof(struct sign_options, client), "the consumer key"},
    {"client-secret", OPTION_SECRET, "S", false, offsetof(struct sign_options, client_secret), "its secret"},
    {"token", OPTION_TEXT, "T", false, offsetof(struct sign_options, token), "the token, or temporary credential"},
    {"token-secret", OPTION_SECRET, "S", false, offsetof(struct sign_options, token_secret), "its secret"},
    {"env-file", OPTION_TEXT, "FILE", false, offsetof(struct sign_options, env_file),
     "a file with CLIENT_ID=…, CLIENT_SECRET=…, TOKEN=…, TOKEN_SECRET=…, as --format env prints them"},
    {"signature-method", OPTION_TEXT, "METHOD", false, offsetof(struct sign_options, signature_method),
     "HMAC-SHA256 (RSA-SHA256 with --rsa-key)"},
    {"rsa-key", OPTION_TEXT, "FILE", false, offsetof(struct sign_options, rsa_key), "PEM, the private key"},
    {"body-hash", OPTION_FLAG, NULL, false, offsetof(struct sign_options, body_hash), "adds oauth_body_hash"},
    {"param", OPTION_LIST, "NAME=VALUE", false, offsetof(struct sign_options, params),
     "a further protocol parameter: oauth_callback=oob"},
    {"nonce", OPTION_TEXT, "N", false, offsetof(struct sign_options, nonce), "instead of a random one"},
    {"timestamp", OPTION_TEXT, "SECONDS", false, offsetof(struct sign_options, timestamp), "instead of now"},
    {"realm", OPTION_TEXT, "R", false, offsetof(struct sign_options, realm), "goes into the header, unsigned"},
    {"placement", OPTION_TEXT, "header|query|body", false, offsetof(struct sign_options, placement),
     "of the parameters: header (if left out), query or body (--format curl and json)"},
    {"format", OPTION_TEXT, "header|curl|json", false, offsetof(struct sign_options, format),
     "header (a line for curl -H), curl (the whole command) or json (a described request)"},
    {"with-secrets", OPTION_FLAG, NULL, false, offsetof(struct sign_options, with_secrets),
     "--format json: with the secrets, as explain takes them"},
    {"break", OPTION_TEXT, "WHAT", false, offsetof(struct sign_options, breaking),
     "signs something else than is sent, see below"},
    {0},
};

/* ---- from options to a signing ---- */

enum sign_format { SIGN_AS_HEADER, SIGN_AS_CURL, SIGN_AS_JSON };

struct work {
    const struct command_line *line;
    const struct sign_options *options;
    enum sign_format format;
    struct arena arena;
    struct signing signing;
    struct signing_pair pairs[OPTION_LIST_MAX];
};

static struct slice first_of(struct slice flag, struct slice from_file)
{
    return slice_is_absent(flag) ? from_file : flag;
}

static int take_credentials(struct work *w)
{
    const struct sign_options *o = w->options;
    struct env_file env = {0};
    const char *why = NULL;
    if (!slice_is_absent(o->env_file) && env_file_read(o->env_file, &w->arena, &env, &why) != STATUS_OK)
        return command_fail(w->line, EXIT_USAGE, "--env-file %.*s: %s", SLICE_ARGS(o->env_file), why);
    w->signing.client_id = first_of(o->client, env.client_id);
    w->signing.client_secret = first_of(o->client_secret, env.client_secret);
    w->signing.token = first_of(o->token, env.token);
    w->signing.token_secret = first_of(o->token_secret, env.token_secret);
    if (slice_is_absent(w->signing.client_id))
        return command_fail(w->line, EXIT_USAGE, "say who signs: --client ID, or --env-file F with CLIENT_ID");
    return EXIT_DONE;
}

static int take_key(struct work *w)
{
    const char *why = NULL;
    struct buf pem = buf_in(&w->arena);
    bool rsa = !slice_is_absent(w->options->rsa_key);
    if (rsa && command_read_file(w->options->rsa_key, &pem, &why) != STATUS_OK)
        return command_fail(w->line, EXIT_USAGE, "--rsa-key %.*s: %s", SLICE_ARGS(w->options->rsa_key), why);
    w->signing.rsa_private_key = buf_slice(&pem);
    w->signing.signature_method =
        first_of(w->options->signature_method, rsa ? SLICE("RSA-SHA256") : SLICE("HMAC-SHA256"));
    return EXIT_DONE;
}

static int take_params(struct work *w)
{
    const struct option_list *params = &w->options->params;
    for (size_t i = 0; i < params->count; i++) {
        struct slice rest = params->items[i];
        bool has_value = false;
        w->pairs[i].name = slice_cut(&rest, '=', &has_value);
        w->pairs[i].value = rest;
        if (!has_value || w->pairs[i].name.len == 0)
            return command_fail(w->line, EXIT_USAGE, "--param must be NAME=VALUE");
    }
    w->signing.more = w->pairs;
    w->signing.more_count = params->count;
    return EXIT_DONE;
}

/* As somebody who typed the body would expect: JSON and XML by their first character, a form by a name before a '=', on
 * one line (a space in a value is sent as it is, by `curl --data` too). */
static struct slice guess_type(struct slice body)
{
    struct slice text = slice_trim(body);
    struct slice name = slice_sub(text, 0, slice_find(text, '='));
    bool spaced = slice_find(name, ' ') < name.len || slice_find(text, '\n') < text.len;
    char first = text.len ? text.ptr[0] : '\0';
    if (first == '{' || first == '[')
        return SLICE("application/json");
    if (first == '<')
        return SLICE("application/xml");
    if (body.len == 0 || (slice_find(text, '=') < text.len && !spaced))
        return SLICE("application/x-www-form-urlencoded");
    return SLICE("text/plain");
}

static int take_data(struct work *w)
{
    const struct sign_options *o = w->options;
    const char *why = NULL;
    struct buf input = buf_in(&w->arena);
    w->signing.body = o->data;
    if (slice_eq(o->data, SLICE("-"))) {
        if (command_read_file(o->data, &input, &why) != STATUS_OK)
            return command_fail(w->line, EXIT_USAGE, "--data: %s", why ? why : "out of memory");
        w->signing.body = buf_slice(&input);
    }
    w->signing.content_type = o->content_type;
    if (!slice_is_absent(o->data) && slice_is_absent(o->content_type))
        w->signing.content_type = guess_type(w->signing.body);
    return EXIT_DONE;
}

static int take_placement(struct work *w)
{
    static const struct slice names[] = {[SIGN_IN_HEADER] = SLICE_INIT("header"),
                                         [SIGN_IN_QUERY] = SLICE_INIT("query"),
                                         [SIGN_IN_BODY] = SLICE_INIT("body")};
    struct slice wanted = first_of(w->options->placement, names[SIGN_IN_HEADER]);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!slice_eq(wanted, names[i]))
            continue;
        w->signing.place = (enum signing_place)i;
        return EXIT_DONE;
    }
    return command_fail(w->line, EXIT_USAGE, "--placement must be header, query or body");
}

static int take_format(struct work *w)
{
    static const struct slice names[] = {[SIGN_AS_HEADER] = SLICE_INIT("header"),
                                         [SIGN_AS_CURL] = SLICE_INIT("curl"),
                                         [SIGN_AS_JSON] = SLICE_INIT("json")};
    struct slice wanted = first_of(w->options->format, names[SIGN_AS_HEADER]);
    size_t i = 0;
    while (i < COUNT_OF(names) && !slice_eq(wanted, names[i]))
        i++;
    if (i == COUNT_OF(names))
        return command_fail(w->line, EXIT_USAGE, "--format must be header, curl or json");
    w->format = (enum sign_format)i;
    if (w->format == SIGN_AS_HEADER && w->signing.place != SIGN_IN_HEADER)
        return command_fail(w->line, EXIT_USAGE,
                            "with this --placement there is no header: take --format curl or json");
    return EXIT_DONE;
}

static int take_rest(struct work *w)
{
    const struct sign_options *o = w->options;
    uint64_t timestamp = 0;
    if (!slice_is_absent(o->timestamp) && (!slice_to_u64(o->timestamp, INT64_MAX, &timestamp) || timestamp == 0))
        return command_fail(w->line, EXIT_USAGE, "--timestamp must be a positive number of seconds");
    if (!slice_is_absent(o->breaking)) {
        w->signing.fault = signing_fault_find(o->breaking);
        if (!w->signing.fault)
            return command_fail(w->line, EXIT_USAGE, "--break %.*s: there is no such fault; --help lists them",
                                SLICE_ARGS(o->breaking));
    }
    w->signing.method = w->line->arguments[0];
    w->signing.url = w->line->arguments[1];
    w->signing.nonce = o->nonce;
    w->signing.timestamp_s = (int64_t)timestamp;
    w->signing.realm = o->realm;
    w->signing.body_hash = o->body_hash;
    return EXIT_DONE;
}

/* ---- output ---- */

static void print_quoted(struct slice text)
{
    putchar('\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            printf("'\\''");
        else
            putchar(text.ptr[i]);
    }
    putchar('\'');
}

static void print_quoted_header(const char *name, struct slice value)
{
    struct buf text = BUF_INIT;
    if (slice_is_absent(value))
        return;
    buf_addf(&text, "%s: ", name);
    buf_add(&text, value);
    printf(" -H ");
    print_quoted(buf_slice(&text));
    buf_done(&text);
}

static bool holds_any(struct slice text, const char *bytes)
{
    for (; *bytes; bytes++)
        if (slice_find(text, *bytes) < text.len)
            return true;
    return false;
}

/* What curl would change on its own is told not to: the URL is signed byte for byte. */
static void print_curl(const struct work *w, const struct signed_request *made)
{
    printf("curl");
    if (holds_any(made->url, "[]{}"))
        printf(" --globoff");
    if (slice_find_slice(made->url, SLICE("/.")) < made->url.len)
        printf(" --path-as-is");
    if (slice_eq(w->signing.method, SLICE("HEAD"))) {
        printf(" --head");
    } else {
        printf(" -X ");
        print_quoted(w->signing.method);
    }
    print_quoted_header("Authorization", made->authorization);
    print_quoted_header("Content-Type", made->content_type);
    if (!slice_is_absent(made->body)) {
        printf(" --data-raw ");
        print_quoted(made->body);
    }
    putchar(' ');
    print_quoted(made->url);
    putchar('\n');
}

static void write_body(struct json_writer *w, struct slice body, struct arena *arena)
{
    if (slice_is_absent(body) || (slice_is_utf8(body) && slice_find(body, '\0') == body.len)) {
        json_member_if(w, "body", body);
        return;
    }
    char *text = arena_bytes(arena, BASE64_LEN(body.len));
    if (!text) {
        w->out->failed = true;
        return;
    }
    base64_encode(body, text);
    json_member_string(w, "body_base64", slice_of(text, BASE64_LEN(body.len)));
}

/* What /v1/introspect takes as it is, and, with the secrets, explain. */
static int print_json(struct work *w, const struct signed_request *made)
{
    struct buf text = buf_in(&w->arena);
    struct json_writer json = json_writer(&text);
    json_begin_object(&json);
    json_member_string(&json, "method", w->signing.method);
    json_member_string(&json, "url", made->url);
    json_member_if(&json, "authorization", made->authorization);
    json_member_if(&json, "content_type", made->content_type);
    write_body(&json, made->body, &w->arena);
    json_member_string(&json, "client_base_string", made->base_string);
    if (w->options->with_secrets) {
        json_member_if(&json, "client_secret", w->signing.client_secret);
        json_member_if(&json, "token_secret", w->signing.token_secret);
    }
    json_end_object(&json);
    if (text.failed)
        return command_fail(w->line, EXIT_STORE_DOWN, "out of memory");
    printf("%.*s\n", SLICE_ARGS(buf_slice(&text)));
    return EXIT_DONE;
}

static int print_signed(struct work *w, const struct signed_request *made)
{
    switch (w->format) {
    case SIGN_AS_HEADER:
        printf("Authorization: %.*s\n", SLICE_ARGS(made->authorization));
        return EXIT_DONE;
    case SIGN_AS_CURL:
        print_curl(w, made);
        return EXIT_DONE;
    case SIGN_AS_JSON:
        break;
    }
    return print_json(w, made);
}

static int sign_it(struct work *w)
{
    struct clock clock = clock_system(0);
    struct signed_request made = {0};
    struct problem problem = {0};
    enum status status = signing_sign(&w->signing, clock_wall_ms(&clock) / 1000, &w->arena, &made, &problem);
    if (status == STATUS_OK)
        return print_signed(w, &made);
    problem.status = status;
    return command_fail(w->line, status_is_infrastructure(status) ? EXIT_STORE_DOWN : EXIT_USAGE, "%s",
                        problem_text(&problem));
}

static int run_sign(const struct command_line *line)
{
    enum { ARENA_MAX_BYTES = 64 << 20 };
    int (*const steps[])(struct work *) = {take_credentials, take_key,       take_params, take_data,
                                           take_rest,        take_placement, take_format, sign_it};
    struct work w = {.line = line, .options = line->options};
    int code = EXIT_DONE;
    arena_init(&w.arena, ARENA_MAX_BYTES);
    for (size_t i = 0; i < COUNT_OF(steps) && code == EXIT_DONE; i++)
        code = steps[i](&w);
    arena_done(&w.arena);
    return code;
}

const struct command cli_sign = {
    .name = "sign",
    .arguments = "METHOD URL",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "signs a request, so that any endpoint can be tried with curl",
    .example = "  curl -H \"$(auth-service sign GET https://api.example/photos --env-file demo.env)\" "
               "https://api.example/photos\n"
               "  auth-service sign GET https://api.example/photos --env-file demo.env --break scheme \\\n"
               "      --format json --with-secrets | auth-service explain\n\n"
               "What --break takes:\n" SIGNING_FAULTS_HELP,
    .options = table,
    .options_size = sizeof(struct sign_options),
    .run = run_sign,
};
