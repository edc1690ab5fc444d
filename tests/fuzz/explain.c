/* A described request, judged and explained. The input is method, URL, header, media type and body,
 * with 0x1E between; what is not there is absent.
 *
 * Whatever the request: a hint holds no secret; the base string can be taken apart into method, URI
 * and parameters again, so that no two different requests share one; the same request written
 * canonically has the same base string; what we sign ourselves verifies, and after one byte was
 * changed it only does where the base string is still the same. */
#include "explain/explain.h"

#include "base/percent.h"
#include "oauth/base_string.h"
#include "support/fuzz.h"

static const struct slice client_secret = SLICE_INIT("Zq7:canary");
static const struct slice token_secret = SLICE_INIT("Yw3:canary");
static const struct slice origins[] = {SLICE_INIT("https://api.example.com"), SLICE_INIT("http://h:8080")};
static const struct slice prefixes[] = {SLICE_INIT("/v1"), SLICE_INIT("/a/b/")};
static const struct slice former[] = {SLICE_INIT("Xk9:canary")};

static struct signer signer;
static struct arena arena;
static struct arena scratch;

static struct slice next_field(struct slice *rest, bool *more)
{
    return *more ? slice_cut(rest, '\x1E', more) : SLICE_ABSENT;
}

static struct described_request describe(struct slice input)
{
    struct described_request request = {0};
    bool more = true;
    request.method = next_field(&input, &more);
    request.url = next_field(&input, &more);
    request.authorization = next_field(&input, &more);
    request.content_type = next_field(&input, &more);
    if (more)
        request.body = input;
    return request;
}

static struct explain_options options(void)
{
    return (struct explain_options){.client_secret = client_secret,
                                    .token_secret = token_secret,
                                    .allowed_methods = SIGNATURE_METHODS_ALL,
                                    .client_base_string = SLICE("GET&http%3A%2F%2Fh%2F&a%3Db"),
                                    .origins = {origins, COUNT_OF(origins)},
                                    .path_prefixes = {prefixes, COUNT_OF(prefixes)},
                                    .former_secrets = {former, COUNT_OF(former)}};
}

static struct explanation judge(const struct described_request *request)
{
    struct explanation explanation = {0};
    struct explain_options all = options();
    require(explain(request, &all, &signer, &arena, &scratch, &explanation) == STATUS_OK);
    require(!status_is_infrastructure(explanation.status));
    return explanation;
}

static bool contains(struct slice text, const char *word)
{
    return slice_find_slice(text, slice_str(word)) < text.len;
}

static void check_hints(const struct explanation *explanation)
{
    require(explanation->hint_count == 0 || explanation->status == STATUS_SIGNATURE_INVALID);
    for (size_t i = 0; i < explanation->hint_count; i++)
        require(!contains(explanation->hints[i], "canary"));
}

static struct slice decoded(struct slice text)
{
    char *out = arena_bytes(&arena, text.len);
    size_t len = 0;
    require(out && percent_decode(text, PLUS_LITERAL, out, &len));
    return slice_of(out, len);
}

static void check_base_string(const struct explanation *explanation)
{
    struct slice rest = explanation->base_string;
    bool more = false;
    struct slice method = slice_cut(&rest, '&', &more);
    require(more && slice_eq_nocase(decoded(method), explanation->message.method));
    struct slice uri = slice_cut(&rest, '&', &more);
    require(more && slice_eq(decoded(uri), explanation->base_string_uri));
    require(slice_eq(decoded(rest), explanation->normalized_parameters));
}

/* The same request with its parameters in the query, as we write them. */
static void check_canonical_request(const struct explanation *explanation)
{
    struct buf url = buf_in(&arena);
    buf_add(&url, explanation->base_string_uri);
    buf_add_byte(&url, '?');
    buf_add(&url, explanation->normalized_parameters);
    struct described_request request = {.method = explanation->message.method, .url = buf_slice(&url)};
    struct explanation again = judge(&request);
    require(!url.failed && again.parsed && slice_eq(again.base_string, explanation->base_string));
}

/* The fuzzed URL, media type and body, with a header of our own. */
static bool sign(struct described_request *request, struct slice *ret_base_string)
{
    struct buf header = buf_in(&arena);
    struct buf key = buf_in(&arena);
    struct buf signature = buf_in(&arena);
    struct message message = {0};
    struct problem problem = {0};
    buf_add_str(&header,
                "OAuth oauth_consumer_key=\"k\", oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"1\", "
                "oauth_nonce=\"n\"");
    request->authorization = buf_slice(&header);
    if (message_parse(request, &arena, &message, &problem) != STATUS_OK ||
        message_check(&message, 0, &arena, &problem) != STATUS_OK ||
        base_string_build(&message, &arena, ret_base_string) != STATUS_OK)
        return false;
    signature_write_shared_key(client_secret, token_secret, &key);
    require(signature_make(&signer, message.signature_method, buf_slice(&key), SLICE_ABSENT, *ret_base_string,
                           &signature) == STATUS_OK);
    buf_add_str(&header, ", oauth_signature=\"");
    percent_encode(&header, buf_slice(&signature));
    buf_add_byte(&header, '"');
    request->authorization = buf_slice(&header);
    return !header.failed && message.params.count < OAUTH_PARAMS_MAX;
}

static struct slice with_changed_byte(struct slice text, size_t at)
{
    struct slice copy = arena_copy(&arena, text);
    require(!slice_is_absent(copy));
    char *bytes = arena_bytes(&arena, text.len);
    require(bytes != NULL);
    if (text.len == 0)
        return text;
    memcpy(bytes, text.ptr, text.len);
    bytes[at % text.len] = (char)(bytes[at % text.len] ^ (1 << at % 7));
    return slice_of(bytes, text.len);
}

/* `at` chooses part and byte. */
static struct described_request changed(struct described_request request, size_t at)
{
    struct slice *parts[] = {&request.method, &request.url, &request.authorization, &request.body};
    struct slice *part = parts[at % COUNT_OF(parts)];
    if (!slice_is_absent(*part))
        *part = with_changed_byte(*part, at / COUNT_OF(parts));
    return request;
}

static void check_our_own(struct described_request request, size_t at)
{
    struct slice base_string = {0};
    if (!sign(&request, &base_string))
        return;
    struct explanation good = judge(&request);
    require(good.status == STATUS_OK || good.status == STATUS_BODY_HASH_FORBIDDEN);
    struct described_request other = changed(request, at);
    struct explanation verdict = judge(&other);
    if (good.status == STATUS_OK && verdict.status == STATUS_OK)
        require(slice_eq(verdict.base_string, base_string));
    check_hints(&verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    if (contains(input, "canary"))
        return 0;
    if (!signer.mac) {
        require(signer_init(&signer, 4) == STATUS_OK);
        arena_init(&arena, 256 << 20);
        arena_init(&scratch, 256 << 20);
    }
    struct described_request request = describe(input);
    struct explanation explanation = judge(&request);
    check_hints(&explanation);
    if (explanation.parsed) {
        check_base_string(&explanation);
        check_canonical_request(&explanation);
    }
    check_our_own(request, size ? size * 31 + data[size - 1] + data[0] * 7u : 0);
    arena_reset(&arena);
    return 0;
}
