#include "oauth/signature_method.h"

#include "support/oauth.h"

#include <stdlib.h>

static void knows_seven_methods_by_their_exact_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum signature_kind kind;
        enum digest digest;
    } rows[] = {
        {"HMAC-SHA1", SIGNATURE_HMAC, DIGEST_SHA1},      {"HMAC-SHA256", SIGNATURE_HMAC, DIGEST_SHA256},
        {"HMAC-SHA512", SIGNATURE_HMAC, DIGEST_SHA512},  {"RSA-SHA1", SIGNATURE_RSA, DIGEST_SHA1},
        {"RSA-SHA256", SIGNATURE_RSA, DIGEST_SHA256},    {"RSA-SHA512", SIGNATURE_RSA, DIGEST_SHA512},
        {"PLAINTEXT", SIGNATURE_PLAINTEXT, DIGEST_SHA1}, /* the digest: of oauth_body_hash, case 14 */
    };
    unsigned mask = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct signature_method *method = signature_method_find(slice_str(rows[i].name));
        assert_non_null(method);
        assert_slice_equal(method->name, slice_str(rows[i].name));
        assert_int_equal(method->kind, rows[i].kind);
        assert_int_equal(method->digest, rows[i].digest);
        assert_int_equal(mask & method->bit, 0);
        mask |= method->bit;
    }
    assert_int_equal(mask, SIGNATURE_METHODS_ALL);
}

static void knows_no_other(void **state)
{
    (void)state;
    static const struct slice names[] = {
        SLICE_INIT("hmac-sha1"),  SLICE_INIT("HMAC-SHA"),
        SLICE_INIT("HMAC-SHA1 "), SLICE_INIT("HMAC_SHA1"),
        SLICE_INIT("Plaintext"),  SLICE_INIT("RSA-SHA3"),
        SLICE_INIT("none"),       SLICE_INIT("HMAC-MD5"),
        SLICE_INIT(""),           {0},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_null(signature_method_find(names[i]));
}

static void reads_and_writes_lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *written;
    } rows[] = {
        {"", ""},
        {" , ", ""},
        {"PLAINTEXT", "PLAINTEXT"},
        {"RSA-SHA1 HMAC-SHA1", "HMAC-SHA1 RSA-SHA1"},
        {"HMAC-SHA1,HMAC-SHA1, HMAC-SHA256,", "HMAC-SHA1 HMAC-SHA256"},
        {"HMAC-SHA1,HMAC-SHA256,HMAC-SHA512,RSA-SHA1,RSA-SHA256,RSA-SHA512,PLAINTEXT",
         "HMAC-SHA1 HMAC-SHA256 HMAC-SHA512 RSA-SHA1 RSA-SHA256 RSA-SHA512 PLAINTEXT"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned mask = 0;
        struct slice unknown = {0};
        struct buf out = buf_in(oauth_arena());
        assert_true(signature_methods_parse(slice_str(rows[i].list), &mask, &unknown));
        signature_methods_write(mask, ' ', &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].written));
    }
}

static void names_the_first_unknown_method_of_a_list(void **state)
{
    (void)state;
    unsigned mask = 4711;
    struct slice unknown = {0};
    assert_false(signature_methods_parse(SLICE("HMAC-SHA1,HMAC-MD5,none"), &mask, &unknown));
    assert_slice_equal(unknown, SLICE("HMAC-MD5"));
    assert_int_equal(mask, 4711);
}

static void lists_the_methods_of_a_kind(void **state)
{
    (void)state;
    static const struct {
        enum signature_kind kind;
        const char *names;
    } rows[] = {
        {SIGNATURE_HMAC, "HMAC-SHA1 HMAC-SHA256 HMAC-SHA512"},
        {SIGNATURE_RSA, "RSA-SHA1 RSA-SHA256 RSA-SHA512"},
        {SIGNATURE_PLAINTEXT, "PLAINTEXT"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned mask = 0;
        struct slice unknown = {0};
        assert_true(signature_methods_parse(slice_str(rows[i].names), &mask, &unknown));
        assert_int_equal(signature_methods_of(rows[i].kind), mask);
    }
}

/* A sanitizer sees who reads on. */
static void looks_at_nothing_behind_its_end(void **state)
{
    (void)state;
    struct slice list = SLICE("RSA-SHA1");
    unsigned mask = 0;
    struct slice unknown = {0};
    char *exact = malloc(list.len);
    assert_non_null(exact);
    memcpy(exact, list.ptr, list.len);
    assert_true(signature_methods_parse(slice_of(exact, list.len), &mask, &unknown));
    assert_int_equal(mask, signature_method_find(list)->bit);
    free(exact);
}

int main(void)
{
    static struct CMUnitTest tests[6];
    size_t count = 0;
    ADD_TEST(tests, count, knows_seven_methods_by_their_exact_names);
    ADD_TEST(tests, count, knows_no_other);
    ADD_TEST(tests, count, reads_and_writes_lists);
    ADD_TEST(tests, count, names_the_first_unknown_method_of_a_list);
    ADD_TEST(tests, count, lists_the_methods_of_a_kind);
    ADD_TEST(tests, count, looks_at_nothing_behind_its_end);
    return RUN_TESTS(tests, count);
}
