#include "crypto/digest.h"

#include "base/buf.h"
#include "support/test.h"

/* FIPS 180-4's examples, and the empty text. */
static void hashes_the_published_texts(void **state)
{
    (void)state;
    static const struct {
        enum digest digest;
        struct slice text;
        const char *hex;
    } rows[] = {
        {DIGEST_SHA1, SLICE_INIT("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_SHA1, SLICE_INIT(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {DIGEST_SHA1, {0}, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {DIGEST_SHA256, SLICE_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA256, SLICE_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {DIGEST_SHA512, SLICE_INIT("abc"),
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
         "454d4423643ce80e2a9ac94fa54ca49f"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned char hash[DIGEST_MAX_BYTES];
        struct buf hex = BUF_INIT;
        assert_status(digest_bytes(rows[i].digest, rows[i].text, hash), STATUS_OK);
        buf_add_hex(&hex, slice_of(hash, digest_size_bytes(rows[i].digest)));
        assert_slice_equal(buf_slice(&hex), slice_str(rows[i].hex));
        buf_done(&hex);
    }
}

static void writes_no_more_than_its_size(void **state)
{
    (void)state;
    for (enum digest digest = DIGEST_SHA1; digest <= DIGEST_SHA512; digest++) {
        unsigned char hash[DIGEST_MAX_BYTES + 1];
        memset(hash, 0x5A, sizeof hash);
        assert_status(digest_bytes(digest, SLICE("x"), hash), STATUS_OK);
        for (size_t i = digest_size_bytes(digest); i < sizeof hash; i++)
            assert_int_equal(hash[i], 0x5A);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_the_published_texts),
        cmocka_unit_test(writes_no_more_than_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
