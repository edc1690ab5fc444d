/* Requests as clients sign them (RFC 5849 §3), and as resource servers describe them. */
#include "base/percent.h"
#include "load.h"
#include "oauth/base_string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ARENA_LIMIT_BYTES = 1 << 20, CREDENTIALS_LIMIT_BYTES = 256 << 20 };

/* ---- credentials ---- */

static struct slice field(struct slice *line)
{
    bool more = false;
    return slice_cut(line, '\t', &more);
}

static struct slice whole_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    struct buf content = buf_in(arena);
    char chunk[65536];
    must(file != NULL, "the file of credentials cannot be opened");
    for (size_t got = fread(chunk, 1, sizeof chunk, file); got; got = fread(chunk, 1, sizeof chunk, file))
        buf_add(&content, slice_of(chunk, got));
    must(!ferror(file) && !content.failed, "the file of credentials cannot be read");
    (void)fclose(file);
    return buf_slice(&content);
}

void credentials_read(const char *path, struct credentials *ret_credentials)
{
    struct credentials read = {0};
    must(path != NULL, "--credentials is needed");
    arena_init(&read.arena, CREDENTIALS_LIMIT_BYTES);
    struct slice text = whole_file(path, &read.arena);
    for (bool more = text.len > 0; more;) {
        struct slice line = slice_cut(&text, '\n', &more);
        if (line.len == 0)
            continue;
        read.list = realloc(read.list, (read.count + 1) * sizeof *read.list);
        must(read.list != NULL, "no memory for the credentials");
        struct credential *c = &read.list[read.count++];
        c->client_id = field(&line);
        c->client_secret = field(&line);
        c->token = field(&line);
        c->token_secret = field(&line);
        c->verifier = field(&line);
    }
    must(read.count > 0, "the file of credentials is empty");
    *ret_credentials = read;
}

void credentials_done(struct credentials *credentials)
{
    free(credentials->list);
    arena_done(&credentials->arena);
}

/* ---- signing ---- */

void client_init(struct client *client)
{
    arena_init(&client->arena, ARENA_LIMIT_BYTES);
    must(signer_init(&client->signer, 1) == STATUS_OK, "no memory for the signer");
    must(getrandom(&client->nonce, sizeof client->nonce, 0) == sizeof client->nonce, "no random numbers");
    client->random = client->nonce | 1;
}

void client_done(struct client *client)
{
    signer_done(&client->signer);
    arena_done(&client->arena);
}

size_t client_random(struct client *client, size_t limit)
{
    client->random ^= client->random << 13; /* xorshift: Marsaglia 2003 */
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    return (size_t)(client->random % limit);
}

static void add_parameter(struct buf *header, const char *name, struct slice value)
{
    buf_add_str(header, header->len > strlen("OAuth ") ? ", " : "");
    buf_add_str(header, name);
    buf_add_str(header, "=\"");
    percent_encode(header, value);
    buf_add_byte(header, '"');
}

static void add_number(struct buf *header, const char *name, uint64_t value)
{
    char digits[24];
    struct buf text = buf_fixed(digits, sizeof digits);
    buf_add_u64(&text, value);
    add_parameter(header, name, buf_slice(&text));
}

static struct buf unsigned_header(struct client *client, const struct credential *c, int64_t timestamp_s)
{
    struct buf header = buf_in(&client->arena);
    buf_add_str(&header, "OAuth ");
    add_parameter(&header, "oauth_consumer_key", c->client_id);
    if (c->token.len)
        add_parameter(&header, "oauth_token", c->token);
    if (c->verifier.len)
        add_parameter(&header, "oauth_verifier", c->verifier);
    add_parameter(&header, "oauth_signature_method", SLICE("HMAC-SHA1"));
    add_number(&header, "oauth_timestamp", (uint64_t)timestamp_s);
    add_number(&header, "oauth_nonce", client->nonce++);
    return header;
}

/* The Authorization header, in the client's arena. */
static struct slice sign(struct client *client, struct slice method, const char *url, const struct credential *c,
                         int64_t timestamp_s)
{
    struct message message;
    struct problem problem;
    struct slice base_string;
    struct buf header = unsigned_header(client, c, timestamp_s);
    struct buf key = buf_in(&client->arena);
    struct buf signature = buf_in(&client->arena);
    const struct described_request request = {
        .method = method, .url = slice_str(url), .authorization = buf_slice(&header)};
    signature_write_shared_key(c->client_secret, c->token_secret, &key);
    must(message_parse(&request, &client->arena, &message, &problem) == STATUS_OK &&
             base_string_build(&message, &client->arena, &base_string) == STATUS_OK &&
             signature_make(&client->signer, message.signature_method, buf_slice(&key), SLICE_ABSENT, base_string,
                            &signature) == STATUS_OK,
         "a request cannot be signed");
    add_parameter(&header, "oauth_signature", buf_slice(&signature));
    return buf_slice(&header);
}

/* ---- requests ---- */

static void describe(struct client *client, const struct options *options, const struct credential *credential,
                     int64_t timestamp_s, struct json_writer *w)
{
    json_begin_object(w);
    json_member_text(w, "method", "GET");
    json_member_text(w, "url", options->url);
    json_member_string(w, "authorization", sign(client, SLICE("GET"), options->url, credential, timestamp_s));
    if (options->body_bytes) {
        size_t len = (size_t)options->body_bytes;
        char *body = arena_bytes(&client->arena, len);
        must(body != NULL, "no memory for a body");
        memset(body, 'x', len);
        json_member_text(w, "content_type", "text/plain");
        json_member_string(w, "body", slice_of(body, len));
    }
    json_end_object(w);
}

static void add_call(struct client *client, const struct options *options, const char *path, const struct buf *body,
                     struct buf *out)
{
    buf_addf(out,
             "POST %s HTTP/1.1\r\nHost: introspection.example\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             path, options->key, body->len);
    buf_add(out, buf_slice(body));
    must(!out->failed && !body->failed, "no memory for a request");
    arena_reset(&client->arena);
}

void client_introspection(struct client *client, const struct options *options, const struct credential *credential,
                          int64_t timestamp_s, struct buf *out)
{
    struct buf body = buf_in(&client->arena);
    struct json_writer w = json_writer(&body);
    describe(client, options, credential, timestamp_s, &w);
    add_call(client, options, "/v1/introspect", &body, out);
}

void client_batch(struct client *client, const struct options *options, const struct credential *credential,
                  int64_t timestamp_s, struct buf *out)
{
    struct buf body = buf_in(&client->arena);
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_array(&w, "requests");
    for (int64_t i = 0; i < options->batch; i++)
        describe(client, options, credential, timestamp_s, &w);
    json_end_array(&w);
    json_end_object(&w);
    add_call(client, options, "/v1/introspect/batch", &body, out);
}

static void add_request(struct client *client, const struct options *options, struct slice method, struct slice header,
                        const char *more, struct buf *out)
{
    struct slice url = slice_str(options->url);
    struct slice authority = slice_sub(url, slice_find_slice(url, SLICE("://")) + 3, url.len);
    size_t slash = slice_find(authority, '/');
    buf_addf(out, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\nAuthorization: %.*s\r\n%s\r\n", SLICE_ARGS(method),
             SLICE_ARGS(slice_sub(authority, slash, authority.len)), SLICE_ARGS(slice_sub(authority, 0, slash)),
             SLICE_ARGS(header), more);
    must(!out->failed, "no memory for a request");
    arena_reset(&client->arena);
}

void client_request(struct client *client, const struct options *options, const struct credential *credential,
                    int64_t timestamp_s, struct buf *out)
{
    struct slice header = sign(client, SLICE("GET"), options->url, credential, timestamp_s);
    add_request(client, options, SLICE("GET"), header, "", out);
}

void client_exchange(struct client *client, const struct options *options, const struct credential *credential,
                     struct buf *out)
{
    struct slice header = sign(client, SLICE("POST"), options->url, credential, wall_ms() / 1000);
    add_request(client, options, SLICE("POST"), header, "Content-Length: 0\r\n", out);
}
