#include "cli/cli.h"
#include "cli/env_file.h"
#include "cli/signing.h"
#include "json/json_writer.h"

struct sign_options {
    struct slice data, content_type, client, client_secret, token, token_secret, env_file, signature_method, rsa_key;
    struct slice format, breaking, nonce, timestamp, realm;
    struct option_list params;
    bool body_hash;
};

static const struct command_option table[] = {
    {"data", OPTION_TEXT, "BODY", false, offsetof(struct sign_options, data),
     "the body; a form unless --content-type says otherwise"},
    {"content-type", OPTION_TEXT, "TYPE", false, offsetof(struct sign_options, content_type), "of the body"},
    {"client", OPTION_TEXT, "ID", false, offsetof(struct sign_options, client), "the consumer key"},
    {"client-secret", OPTION_TEXT, "S", false, offsetof(struct sign_options, client_secret), "its secret"},
    {"token", OPTION_TEXT, "T", false, offsetof(struct sign_options, token), "the token, or temporary credential"},
    {"token-secret", OPTION_TEXT, "S", false, offsetof(struct sign_options, token_secret), "its secret"},
    {"env-file", OPTION_TEXT, "F", false, offsetof(struct sign_options, env_file),
     "a file with lines CLIENT_ID=…, CLIENT_SECRET=…, TOKEN=…, TOKEN_SECRET=…, as --format env prints them"},
    {"signature-method", OPTION_TEXT, "M", false, offsetof(struct sign_options, signature_method),
     "HMAC-SHA256 (RSA-SHA256 with --rsa-key)"},
    {"rsa-key", OPTION_TEXT, "PEM", false, offsetof(struct sign_options, rsa_key), "a file with the private key"},
    {"body-hash", OPTION_FLAG, NULL, false, offsetof(struct sign_options, body_hash), "adds oauth_body_hash"},
    {"param", OPTION_LIST, "NAME=VALUE", false, offsetof(struct sign_options, params),
     "a further parameter of the header: oauth_callback=oob"},
    {"nonce", OPTION_TEXT, "N", false, offsetof(struct sign_options, nonce), "instead of a random one"},
    {"timestamp", OPTION_TEXT, "SECONDS", false, offsetof(struct sign_options, timestamp), "instead of now"},
    {"realm", OPTION_TEXT, "R", false, offsetof(struct sign_options, realm), "goes into the header, unsigned"},
    {"format", OPTION_TEXT, "F", false, offsetof(struct sign_options, format),
     "header (a line for curl -H), curl (the whole command) or json (a described request)"},
    {"break", OPTION_TEXT, "WHAT", false, offsetof(struct sign_options, breaking),
     "signs something else than is sent: scheme, host, port, path, query, method, body, secret, token-secret, "
     "timestamp or signature"},
    {0},
};

/* ---- from options to a signing ---- */

struct work {
    const struct command_line *line;
    const struct sign_options *options;
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

static int take_rest(struct work *w)
{
    const struct sign_options *o = w->options;
    uint64_t timestamp = 0;
    if (!slice_is_absent(o->timestamp) && (!slice_to_u64(o->timestamp, INT64_MAX, &timestamp) || timestamp == 0))
        return command_fail(w->line, EXIT_USAGE, "--timestamp must be a positive number of seconds");
    for (size_t i = 0; i < o->params.count; i++) {
        struct slice rest = o->params.items[i];
        bool has_value = false;
        w->pairs[i].name = slice_cut(&rest, '=', &has_value);
        w->pairs[i].value = rest;
        if (!has_value || w->pairs[i].name.len == 0)
            return command_fail(w->line, EXIT_USAGE, "--param must be NAME=VALUE");
    }
    w->signing.method = w->line->arguments[0];
    w->signing.url = w->line->arguments[1];
    w->signing.body = o->data;
    w->signing.content_type = o->content_type;
    if (!slice_is_absent(o->data) && slice_is_absent(o->content_type))
        w->signing.content_type = SLICE("application/x-www-form-urlencoded");
    w->signing.nonce = o->nonce;
    w->signing.timestamp_s = (int64_t)timestamp;
    w->signing.realm = o->realm;
    w->signing.more = w->pairs;
    w->signing.more_count = o->params.count;
    w->signing.body_hash = o->body_hash;
    w->signing.breaking = o->breaking;
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

static void print_curl(const struct signing *signing, const struct signed_headers *made)
{
    printf("curl -X %.*s -H ", SLICE_ARGS(signing->method));
    struct buf header = BUF_INIT;
    buf_add_str(&header, "Authorization: ");
    buf_add(&header, made->authorization);
    print_quoted(buf_slice(&header));
    buf_done(&header);
    if (!slice_is_absent(signing->content_type))
        printf(" -H 'Content-Type: %.*s'", SLICE_ARGS(signing->content_type));
    if (!slice_is_absent(signing->body)) {
        printf(" --data-binary ");
        print_quoted(signing->body);
    }
    putchar(' ');
    print_quoted(signing->url);
    putchar('\n');
}

/* What /v1/introspect and `explain` take as it is. */
static void print_json(const struct signing *signing, const struct signed_headers *made)
{
    struct buf text = BUF_INIT;
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_member_string(&w, "method", signing->method);
    json_member_string(&w, "url", signing->url);
    json_member_string(&w, "authorization", made->authorization);
    json_member_if(&w, "content_type", signing->content_type);
    json_member_if(&w, "body", signing->body);
    json_member_string(&w, "client_base_string", made->base_string);
    json_end_object(&w);
    printf("%.*s\n", SLICE_ARGS(buf_slice(&text)));
    buf_done(&text);
}

static int print_signed(const struct work *w, const struct signed_headers *made)
{
    struct slice format = first_of(w->options->format, SLICE("header"));
    if (slice_eq(format, SLICE("header")))
        printf("Authorization: %.*s\n", SLICE_ARGS(made->authorization));
    else if (slice_eq(format, SLICE("curl")))
        print_curl(&w->signing, made);
    else if (slice_eq(format, SLICE("json")))
        print_json(&w->signing, made);
    else
        return command_fail(w->line, EXIT_USAGE, "--format must be header, curl or json");
    return EXIT_DONE;
}

static int sign_it(struct work *w)
{
    struct clock clock = clock_system(0);
    struct signed_headers made = {0};
    struct problem problem = {0};
    enum status status = signing_sign(&w->signing, clock_wall_ms(&clock) / 1000, &w->arena, &made, &problem);
    if (status == STATUS_OK)
        return print_signed(w, &made);
    problem.status = status;
    return command_fail(w->line, status_is_infrastructure(status) ? EXIT_STORE_DOWN : EXIT_USAGE, "%s",
                        problem_text(&problem));
}

static int sign(const struct command_line *line)
{
    enum { ARENA_MAX_BYTES = 64 << 20 };
    int (*const steps[])(struct work *) = {take_credentials, take_key, take_rest, sign_it};
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
               "  auth-service sign GET https://api.example/photos --env-file demo.env --break scheme --format json",
    .options = table,
    .options_size = sizeof(struct sign_options),
    .run = sign,
};
