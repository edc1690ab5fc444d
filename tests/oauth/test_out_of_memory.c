/* Every allocation under a signer fails once, ours and OpenSSL's: a wrong signature never passes, and
 * no arena stays in a state that cannot be reset. */
#include "oauth/body_hash.h"
#include "support/memory_fault.h"
#include "support/oauth.h"

#define REST(method)                                                                      \
    "OAuth oauth_consumer_key=\"k\", oauth_token=\"t\", oauth_signature_method=\"" method \
    "\", oauth_timestamp=\"1\", oauth_nonce=\"n\", oauth_body_hash=\"Lve95gjOVATpfV8EL5X4nxwjKHE%3D\""

static struct described_request right;
static struct described_request wrong;
static struct explain_options options;
static int rounds; /* the third is by kept keys */

/* With a signer, arenas and everything of its own, as in a process that has just begun. */
static void judge_both(void)
{
    struct signer signer = {0};
    struct arena arena;
    struct arena scratch;
    struct explanation explanation = {0};
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    enum status status = signer_init(&signer, 4);
    bool begun = status == STATUS_OK;
    for (int i = 0; i < rounds && status == STATUS_OK; i++) {
        status = explain(&right, &options, &signer, &arena, &scratch, &explanation);
        if (status == STATUS_OK)
            assert_true(explanation.status == STATUS_OK || explanation.status == STATUS_SIGNATURE_INVALID);
        if (status == STATUS_OK)
            status = explain(&wrong, &options, &signer, &arena, &scratch, &explanation);
        if (status == STATUS_OK)
            assert_status(explanation.status, STATUS_SIGNATURE_INVALID);
        arena_reset(&arena);
    }
    assert_true(status == STATUS_OK || (status == STATUS_NO_MEMORY && memory_fault_happened()));
    if (begun)
        signer_done(&signer);
    arena_done(&scratch);
    arena_done(&arena);
}

static void a_wrong_signature_never_passes(void **state)
{
    (void)state;
    static const char *const headers[] = {REST("HMAC-SHA1"), REST("RSA-SHA1")};
    options = oauth_options("c", "t");
    options.rsa_public_key = oauth_file("vectors/rsa_2048_certificate.pem");
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        right = oauth_request("POST", "https://h/p?a=%20&b=1", headers[i], "text/plain", "Hello World!");
        right = oauth_sign(&right, &options, oauth_file("vectors/rsa_2048.pem"));
        wrong = right;
        wrong.url = SLICE("https://h/p?a=%20&b=2");
        rounds = i ? 1 : 3;
        assert_true(memory_fault_each(judge_both) > 20);
    }
}

static struct slice long_url(unsigned params, unsigned value_bytes)
{
    struct buf url = buf_in(oauth_arena());
    buf_add_str(&url, "https://h/a%20b/?");
    for (unsigned i = 0; i < params; i++)
        buf_addf(&url, "&a%%20%u=%%2520%%2F%0*u", i % 20, (int)value_bytes, i);
    return buf_slice(&url);
}

/* So long that each try of the explainer takes blocks of memory of its own. */
static void every_try_of_the_explainer_can_fail(void **state)
{
    (void)state;
    static const struct slice origins[] = {SLICE_INIT("https://o.example")};
    static const struct slice prefixes[] = {SLICE_INIT("/v1")};
    static const struct slice former[] = {SLICE_INIT("f")};
    rounds = 1;
    options = oauth_options("c ", "t ");
    options.origins = (struct slice_list){origins, 1};
    options.path_prefixes = (struct slice_list){prefixes, 1};
    options.former_secrets = (struct slice_list){former, 1};
    options.client_base_string = SLICE("GET&x");
    static const struct {
        const char *type;
        unsigned params, value_bytes;
    } rows[] = {{"application/x-www-form-urlencoded", 25, 400}, {"text/plain", 25, 400}, {"text/plain", 200, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        right = oauth_request("POST", NULL,
                              "OAuth realm=\"r\", oauth_consumer_key=\"k\", oauth_signature_method=\"HMAC-SHA1\", "
                              "oauth_timestamp=\"1\", oauth_nonce=\"n\", oauth_callback=\"http%3A%2F%2Fc%2F\"",
                              rows[i].type, "b=1&b=0");
        right.url = long_url(rows[i].params, rows[i].value_bytes);
        wrong = right;
        wrong.authorization = oauth_with_parameter(right.authorization, "oauth_signature", SLICE("wrong one"));
        right = oauth_sign(&right, &options, SLICE_ABSENT);
        assert_true(memory_fault_each(judge_both) > 50); /* 100 with OpenSSL 3.5, which takes less */
    }
}

static void make_a_signature(void)
{
    struct signer signer = {0};
    struct buf out = BUF_INIT;
    enum status status = signer_init(&signer, 0);
    if (status == STATUS_OK) {
        status = signature_make(&signer, signature_method_find(SLICE("HMAC-SHA512")), SLICE("c&t"), SLICE_ABSENT,
                                SLICE("text"), &out);
        signer_done(&signer);
    }
    assert_true(status == STATUS_OK ? out.len == 88 : status == STATUS_NO_MEMORY && memory_fault_happened());
    buf_done(&out);
}

static void a_signature_is_made_or_not(void **state)
{
    (void)state;
    assert_true(memory_fault_each(make_a_signature) > 5);
}

int main(void)
{
    static struct CMUnitTest tests[3];
    size_t count = 0;
    memory_fault_init();
    ADD_TEST(tests, count, a_wrong_signature_never_passes);
    ADD_TEST(tests, count, every_try_of_the_explainer_can_fail);
    ADD_TEST(tests, count, a_signature_is_made_or_not);
    return RUN_TESTS(tests, count);
}
