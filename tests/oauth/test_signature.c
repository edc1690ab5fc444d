#include "oauth/signature.h"

#include "base/base64.h"
#include "support/oauth.h"
#include "support/watch.h"

#include <openssl/evp.h>
#include <string.h>

static const struct signature_method *method(const char *name)
{
    const struct signature_method *found = signature_method_find(slice_str(name));
    assert_non_null(found);
    return found;
}

static struct slice shared_key(struct slice client_secret, struct slice token_secret)
{
    struct buf key = buf_in(oauth_arena());
    signature_write_shared_key(client_secret, token_secret, &key);
    assert_false(key.failed);
    return buf_slice(&key);
}

/* RFC 5849 §3.4.2 and §3.4.4: both encoded, "&" MUST be included even when either is empty. */
static const struct key_row {
    const char *name;
    struct slice client_secret, token_secret;
    const char *key;
} key_rows[] = {
    {"rfc_example_plaintext_key", SLICE_INIT("djr9rjt0jd78jf88"), SLICE_INIT("jjd99$tj88uiths3"),
     "djr9rjt0jd78jf88&jjd99%24tj88uiths3"},
    {"ampersand_must_be_there_without_token_secret", SLICE_INIT("c"), SLICE_INIT(""), "c&"},
    {"ampersand_must_be_there_without_client_secret", SLICE_INIT(""), SLICE_INIT("t"), "&t"},
    {"ampersand_must_be_there_without_either", SLICE_INIT(""), {0}, "&"},
    {"secrets_must_be_encoded", SLICE_INIT("a b&c"), SLICE_INIT("%\xC3\xA9+"), "a%20b%26c&%25%C3%A9%2B"},
};

static void writes_the_shared_key(void **state)
{
    const struct key_row *row = *state;
    assert_slice_equal(shared_key(row->client_secret, row->token_secret), slice_str(row->key));
}

/* Published signatures. */
#define RFC_BASE_STRING                                                                                               \
    "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26" \
    "c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"  \
    "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"

static const struct made_row {
    const char *name;
    const char *method;
    struct slice client_secret, token_secret;
    const char *base_string;
    const char *signature;
} made_rows[] = {
    /* case 15: RFC 5849's own printed signature is wrong */
    {"rfc5849_section_3_1_by_erratum_2550", "HMAC-SHA1", SLICE_INIT("j49sk3j29djd"), SLICE_INIT("dh893hdasih9"),
     RFC_BASE_STRING, "r6/TJjbCOr97/+UU0NsvSne7s5g="},
    {"oauth_core_1_0_appendix_a_5_2", "HMAC-SHA1", SLICE_INIT("kd94hf93k423kf44"), SLICE_INIT("pfkkdhi9sl3r4s00"),
     "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03%26"
     "oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096%26"
     "oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal",
     "tR3+Ty81lMeYAr/Fid0kMTYa/WM="},
    {"twitter_creating_a_signature", "HMAC-SHA1", SLICE_INIT("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
     SLICE_INIT("LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
     "POST&https%3A%2F%2Fapi.twitter.com%2F1.1%2Fstatuses%2Fupdate.json&include_entities%3Dtrue%26"
     "oauth_consumer_key%3Dxvz1evFS4wEEPTGEFPHBog%26oauth_nonce%3DkYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg%26"
     "oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1318622958%26"
     "oauth_token%3D370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb%26oauth_version%3D1.0%26"
     "status%3DHello%2520Ladies%2520%252B%2520Gentlemen%252C%2520a%2520signed%2520OAuth%2520request%2521",
     "hCtSmYh+iHYCEqBWrE7C7hYmtUk="},
    /* http://wiki.oauth.net/TestCases, HMAC-SHA1 */
    {"wiki_hmac_with_empty_token_secret", "HMAC-SHA1", SLICE_INIT("cs"), {0}, "bs", "egQqG5AJep5sJ7anhXju1unge2I="},
    {"wiki_hmac_with_both_secrets", "HMAC-SHA1", SLICE_INIT("cs"), SLICE_INIT("ts"), "bs",
     "VZVjXceV7JgPq/dOTnNmEfO0Fv8="},
    {"plaintext_ignores_the_base_string", "PLAINTEXT", SLICE_INIT("djr9rjt0jd78jf88"), SLICE_INIT("jjd999tj88uiths3"),
     "whatever", "djr9rjt0jd78jf88&jjd999tj88uiths3"},
};

static void makes_and_verifies_the_published_signature(void **state)
{
    const struct made_row *row = *state;
    struct buf made = buf_in(oauth_arena());
    struct signature_key key = {.shared_key = shared_key(row->client_secret, row->token_secret)};
    assert_status(signature_make(oauth_signer(), method(row->method), key.shared_key, SLICE_ABSENT,
                                 slice_str(row->base_string), &made),
                  STATUS_OK);
    assert_slice_equal(buf_slice(&made), slice_str(row->signature));
    assert_status(signature_verify(oauth_signer(), method(row->method), &key, slice_str(row->base_string),
                                   slice_str(row->signature)),
                  STATUS_OK);
}

static void verifies_what_it_made_by_every_method(void **state)
{
    (void)state;
    static const char *const names[] = {"HMAC-SHA1",  "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1",
                                        "RSA-SHA256", "RSA-SHA512",  "PLAINTEXT"};
    struct slice private_key = oauth_file("vectors/rsa_2048.pem");
    struct signature_key key = {shared_key(SLICE("c"), SLICE("t")), oauth_file("vectors/rsa_2048_certificate.pem")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf made = buf_in(oauth_arena());
        assert_status(
            signature_make(oauth_signer(), method(names[i]), key.shared_key, private_key, SLICE("text"), &made),
            STATUS_OK);
        assert_status(signature_verify(oauth_signer(), method(names[i]), &key, SLICE("text"), buf_slice(&made)),
                      STATUS_OK);
        for (size_t other = 0; other < COUNT_OF(names); other++)
            if (other != i)
                assert_status(
                    signature_verify(oauth_signer(), method(names[other]), &key, SLICE("text"), buf_slice(&made)),
                    STATUS_SIGNATURE_INVALID);
    }
}

/* One bit of each byte; one byte less and one more. */
static void any_changed_byte_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "PLAINTEXT"};
    struct slice private_key = oauth_file("vectors/rsa_2048.pem");
    struct signature_key key = {shared_key(SLICE("c"), SLICE("t")), oauth_file("vectors/rsa_2048_certificate.pem")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf made = buf_in(oauth_arena());
        const struct signature_method *by = method(names[i]);
        assert_status(signature_make(oauth_signer(), by, key.shared_key, private_key, SLICE("text"), &made), STATUS_OK);
        for (size_t at = 0; at < made.len; at++) {
            made.ptr[at] = (char)(made.ptr[at] ^ 1);
            assert_status(signature_verify(oauth_signer(), by, &key, SLICE("text"), buf_slice(&made)),
                          STATUS_SIGNATURE_INVALID);
            made.ptr[at] = (char)(made.ptr[at] ^ 1);
            assert_status(signature_verify(oauth_signer(), by, &key, SLICE("text"), slice_sub(buf_slice(&made), 0, at)),
                          STATUS_SIGNATURE_INVALID);
        }
        buf_add_byte(&made, '=');
        assert_status(signature_verify(oauth_signer(), by, &key, SLICE("text"), buf_slice(&made)),
                      STATUS_SIGNATURE_INVALID);
        assert_status(signature_verify(oauth_signer(), by, &key, SLICE("text"), SLICE_ABSENT),
                      STATUS_SIGNATURE_INVALID);
    }
}

/* The same bytes in another spelling of base64 (docs/design/protocol.md, "Signatures", 16). */
static void another_spelling_of_a_right_signature_is_refused(void **state)
{
    (void)state;
    struct signature_key key = {shared_key(SLICE("j49sk3j29djd"), SLICE("dh893hdasih9")),
                                oauth_file("vectors/rsa_2048_certificate.pem")};
    static const char *const hmac[] = {
        "r6/TJjbCOr97/+UU0NsvSne7s5h=",  /* bits under the padding */
        "r6/TJjbCOr97/+UU0NsvSne7s5g",   /* no padding */
        "r6/TJjbCOr97/+UU0NsvSne7s5g==", /* too much */
        "r6_TJjbCOr97_-UU0NsvSne7s5g=",  /* the URL-safe alphabet */
        "r6/TJjbCOr97/+UU0NsvSne7s5g=\n", "r6/TJjbCOr97/ UU0NsvSne7s5g=",
        " r6/TJjbCOr97/+UU0NsvSne7s5g=",  "R6/TJjbCOr97/+UU0NsvSne7s5g=",
    };
    for (size_t i = 0; i < COUNT_OF(hmac); i++)
        assert_status(
            signature_verify(oauth_signer(), method("HMAC-SHA1"), &key, SLICE(RFC_BASE_STRING), slice_str(hmac[i])),
            STATUS_SIGNATURE_INVALID);
    struct buf made = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), method("RSA-SHA1"), key.shared_key, oauth_file("vectors/rsa_2048.pem"),
                                 SLICE("text"), &made),
                  STATUS_OK);
    assert_int_equal(made.ptr[made.len - 1], '=');
    const struct signature_method *rsa = method("RSA-SHA1");
    assert_status(signature_verify(oauth_signer(), rsa, &key, SLICE("text"), buf_slice(&made)), STATUS_OK);
    assert_status(
        signature_verify(oauth_signer(), rsa, &key, SLICE("text"), slice_sub(buf_slice(&made), 0, made.len - 1)),
        STATUS_SIGNATURE_INVALID);
    made.ptr[made.len - 2]++; /* bits under the padding */
    assert_status(signature_verify(oauth_signer(), rsa, &key, SLICE("text"), buf_slice(&made)),
                  STATUS_SIGNATURE_INVALID);
}

static void an_absent_key_verifies_nothing(void **state)
{
    (void)state;
    struct signature_key none = {0};
    assert_status(signature_verify(oauth_signer(), method("PLAINTEXT"), &none, SLICE("x"), SLICE("")),
                  STATUS_SIGNATURE_INVALID);
    assert_status(signature_verify(oauth_signer(), method("HMAC-SHA1"), &none, SLICE("x"), SLICE("")),
                  STATUS_SIGNATURE_INVALID);
    assert_status(signature_verify(oauth_signer(), method("RSA-SHA1"), &none, SLICE("x"), SLICE("")),
                  STATUS_SIGNATURE_INVALID);
}

/* Whoever has the public key must not be able to sign with it (algorithm confusion). */
static void the_text_of_a_public_key_is_no_shared_key(void **state)
{
    (void)state;
    struct slice pem = oauth_file("vectors/rsa_2048_certificate.pem");
    struct signature_key key = {.rsa_public_key = pem};
    struct buf forged = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), method("HMAC-SHA1"), pem, SLICE_ABSENT, SLICE("text"), &forged),
                  STATUS_OK);
    assert_status(signature_verify(oauth_signer(), method("HMAC-SHA1"), &key, SLICE("text"), buf_slice(&forged)),
                  STATUS_SIGNATURE_INVALID);
}

static void overlong_rsa_signatures_are_refused(void **state)
{
    (void)state;
    static char text[SIGNATURE_MAX_BYTES + 4];
    struct signature_key key = {.rsa_public_key = oauth_file("vectors/rsa_2048_certificate.pem")};
    memset(text, 'A', sizeof text);
    assert_status(signature_verify(oauth_signer(), method("RSA-SHA1"), &key, SLICE("x"), slice_of(text, sizeof text)),
                  STATUS_SIGNATURE_INVALID);
    assert_status(
        signature_verify(oauth_signer(), method("RSA-SHA1"), &key, SLICE("x"), slice_of(text, sizeof text - 4)),
        STATUS_SIGNATURE_INVALID);
}

static void the_longest_signature_there_is_is_taken(void **state)
{
    (void)state;
    const struct signature_method *rsa = method("RSA-SHA1");
    const struct signature_key key = {.rsa_public_key = oauth_file("vectors/rsa_16384_public.pem")};
    struct buf made = buf_in(oauth_arena());
    assert_status(
        signature_make(oauth_signer(), rsa, SLICE_ABSENT, oauth_file("vectors/rsa_16384.pem"), SLICE("text"), &made),
        STATUS_OK);
    assert_int_equal(made.len, SIGNATURE_MAX_BYTES);
    assert_status(signature_verify(oauth_signer(), rsa, &key, SLICE("text"), buf_slice(&made)), STATUS_OK);
}

static void what_is_made_is_appended(void **state)
{
    (void)state;
    static const struct {
        const char *method, *made;
    } rows[] = {{"HMAC-SHA1", "before egQqG5AJep5sJ7anhXju1unge2I="}, {"PLAINTEXT", "before cs&"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = buf_in(oauth_arena());
        buf_add_str(&out, "before ");
        assert_status(
            signature_make(oauth_signer(), method(rows[i].method), SLICE("cs&"), SLICE_ABSENT, SLICE("bs"), &out),
            STATUS_OK);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].made));
    }
}

static void what_cannot_be_made_is_reported(void **state)
{
    (void)state;
    static const char *const names[] = {"HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"};
    struct buf out = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), method("RSA-SHA1"), SLICE("k&"), SLICE("no key"), SLICE("text"), &out),
                  STATUS_BAD_INPUT);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char memory[1];
        struct buf full = buf_fixed(memory, sizeof memory);
        assert_status(signature_make(oauth_signer(), method(names[i]), SLICE("k&"), oauth_file("vectors/rsa_2048.pem"),
                                     SLICE("text"), &full),
                      STATUS_NO_MEMORY);
    }
}

static bool macs_fail;
int __real_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *ret_len, size_t size);
int __wrap_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *ret_len, size_t size);
int __wrap_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *ret_len, size_t size)
{
    return macs_fail ? 0 : __real_EVP_MAC_final(context, out, ret_len, size);
}

static void what_cannot_be_computed_is_no_verdict(void **state)
{
    (void)state;
    const struct signature_key key = {.shared_key = SLICE("k&")};
    const struct signature_method *hmac = method("HMAC-SHA1");
    struct buf made = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), hmac, key.shared_key, SLICE_ABSENT, SLICE("text"), &made), STATUS_OK);
    macs_fail = true;
    enum status verified = signature_verify(oauth_signer(), hmac, &key, SLICE("text"), buf_slice(&made));
    enum status again = signature_make(oauth_signer(), hmac, key.shared_key, SLICE_ABSENT, SLICE("text"), &made);
    macs_fail = false;
    assert_status(verified, STATUS_NO_MEMORY);
    assert_status(again, STATUS_NO_MEMORY);
}

static void a_signer_may_be_done_twice(void **state)
{
    (void)state;
    struct signer signer;
    assert_status(signer_init(&signer, 0), STATUS_OK);
    signer_done(&signer);
    signer_done(&signer);
}

static void what_was_computed_to_compare_is_wiped(void **state)
{
    (void)state;
    unsigned char code[DIGEST_MAX_BYTES];
    const struct signature_key key = {.shared_key = SLICE("k&")};
    struct buf made = buf_in(oauth_arena());
    assert_status(mac_hmac(oauth_signer()->mac, DIGEST_SHA256, key.shared_key, SLICE("text"), code), STATUS_OK);
    assert_status(
        signature_make(oauth_signer(), method("HMAC-SHA256"), key.shared_key, SLICE_ABSENT, SLICE("text"), &made),
        STATUS_OK);
    watch_begin();
    assert_status(signature_verify(oauth_signer(), method("HMAC-SHA256"), &key, SLICE("text"), SLICE("wrong")),
                  STATUS_SIGNATURE_INVALID);
    assert_int_equal(watch_wipes(buf_slice(&made)), 1);
    assert_int_equal(watch_wipes(slice_of(code, digest_size_bytes(DIGEST_SHA256))), 1);
    watch_end();
}

static void signatures_are_compared_in_constant_time(void **state)
{
    (void)state;
    static const char *const names[] = {"HMAC-SHA1", "PLAINTEXT"};
    const struct signature_key key = {.shared_key = SLICE("k&")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf made = buf_in(oauth_arena());
        assert_status(
            signature_make(oauth_signer(), method(names[i]), key.shared_key, SLICE_ABSENT, SLICE("text"), &made),
            STATUS_OK);
        struct buf wrong = buf_in(oauth_arena());
        buf_add(&wrong, buf_slice(&made));
        wrong.ptr[0] = '!'; /* in its first byte */
        watch_begin();
        assert_status(signature_verify(oauth_signer(), method(names[i]), &key, SLICE("text"), buf_slice(&wrong)),
                      STATUS_SIGNATURE_INVALID);
        assert_int_equal(watch_comparisons(buf_slice(&made)), 1);
        watch_end();
    }
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(key_rows) + COUNT_OF(made_rows) + 13];
    size_t count = 0;
    ADD_ROWS(tests, count, key_rows, writes_the_shared_key);
    ADD_ROWS(tests, count, made_rows, makes_and_verifies_the_published_signature);
    ADD_TEST(tests, count, verifies_what_it_made_by_every_method);
    ADD_TEST(tests, count, any_changed_byte_is_refused);
    ADD_TEST(tests, count, another_spelling_of_a_right_signature_is_refused);
    ADD_TEST(tests, count, an_absent_key_verifies_nothing);
    ADD_TEST(tests, count, the_text_of_a_public_key_is_no_shared_key);
    ADD_TEST(tests, count, overlong_rsa_signatures_are_refused);
    ADD_TEST(tests, count, the_longest_signature_there_is_is_taken);
    ADD_TEST(tests, count, what_is_made_is_appended);
    ADD_TEST(tests, count, what_cannot_be_made_is_reported);
    ADD_TEST(tests, count, what_cannot_be_computed_is_no_verdict);
    ADD_TEST(tests, count, a_signer_may_be_done_twice);
    ADD_TEST(tests, count, what_was_computed_to_compare_is_wiped);
    ADD_TEST(tests, count, signatures_are_compared_in_constant_time);
    return RUN_TESTS(tests, count);
}
