#include "support/oauth.h"

#include "base/buf.h"
#include "base/percent.h"
#include "oauth/base_string.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_LIMIT_BYTES = 64 << 20 };

static struct arena arena;
static struct arena scratch;
static struct signer signer;

int oauth_setup(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_LIMIT_BYTES);
    arena_init(&scratch, ARENA_LIMIT_BYTES);
    return signer_init(&signer, 16) == STATUS_OK ? 0 : -1;
}

int oauth_teardown(void **state)
{
    (void)state;
    signer_done(&signer);
    arena_done(&scratch);
    arena_done(&arena);
    return 0;
}

struct arena *oauth_arena(void)
{
    return &arena;
}

struct signer *oauth_signer(void)
{
    return &signer;
}

struct explain_options oauth_options(const char *client_secret, const char *token_secret)
{
    return (struct explain_options){.client_secret = slice_str(client_secret),
                                    .token_secret = slice_str(token_secret),
                                    .allowed_methods = SIGNATURE_METHODS_ALL};
}

struct explanation oauth_explain(const struct described_request *request, const struct explain_options *options)
{
    struct explanation explanation = {0};
    assert_status(explain(request, options, &signer, &arena, &scratch, &explanation), STATUS_OK);
    return explanation;
}

struct slice oauth_with_parameter(struct slice header, const char *name, struct slice value)
{
    struct buf out = buf_in(&arena);
    buf_add(&out, header);
    buf_add_str(&out, header.len > strlen("OAuth ") ? ", " : "");
    buf_add_str(&out, name);
    buf_add_str(&out, "=\"");
    percent_encode(&out, value);
    buf_add_byte(&out, '"');
    assert_false(out.failed);
    return buf_slice(&out);
}

struct described_request oauth_sign(const struct described_request *request, const struct explain_options *options,
                                    struct slice rsa_private_key)
{
    struct described_request with_signature = *request;
    struct message message = {0};
    struct problem problem = {0};
    struct slice base_string = {0};
    struct buf key = buf_in(&arena);
    struct buf signature = buf_in(&arena);
    assert_status(message_parse(request, &arena, &message, &problem), STATUS_OK);
    assert_non_null(message.signature_method);
    assert_status(base_string_build(&message, &arena, &base_string), STATUS_OK);
    signature_write_shared_key(options->client_secret, options->token_secret, &key);
    assert_status(
        signature_make(&signer, message.signature_method, buf_slice(&key), rsa_private_key, base_string, &signature),
        STATUS_OK);
    with_signature.authorization =
        oauth_with_parameter(request->authorization, "oauth_signature", buf_slice(&signature));
    return with_signature;
}

struct described_request oauth_request(const char *method, const char *url, const char *authorization,
                                       const char *content_type, const char *body)
{
    return (struct described_request){slice_str(method), slice_str(url), slice_str(authorization),
                                      slice_str(content_type), slice_str(body)};
}

struct slice oauth_file(const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", TESTS_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct buf content = buf_in(&arena);
    char chunk[65536];
    for (size_t got = fread(chunk, 1, sizeof chunk, file); got; got = fread(chunk, 1, sizeof chunk, file))
        buf_add(&content, slice_of(chunk, got));
    int failed = ferror(file);
    (void)fclose(file);
    assert_false(failed || content.failed);
    return buf_slice(&content);
}
