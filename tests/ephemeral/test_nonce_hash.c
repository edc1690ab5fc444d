#include "ephemeral/nonce_hash.h"

#include "crypto/mac.h"
#include "support/test.h"

#define KEY "kkkkkkkkkkkkkkkk"

static struct nonce_hash hash_of(struct mac *mac, const char *client_id, const char *token, struct slice text)
{
    struct nonce_hash hash = {0};
    const struct nonce nonce = {slice_str(client_id), slice_str(token), 1, text};
    assert_status(nonce_hash(mac, SLICE(KEY), &nonce, &hash), STATUS_OK);
    return hash;
}

/* Services of two releases meet in one Redis: HMAC-SHA256 of "4:acme5:token1:n". */
static void every_release_hashes_alike(void **state)
{
    static const unsigned char expected[] = {0x84, 0x6f, 0x50, 0xe3, 0xf8, 0xc5, 0x8c, 0x48, 0xdc, 0xdc, 0x26, 0xdd};
    struct mac *mac = mac_new(1);
    struct nonce_hash hash = hash_of(mac, "acme", "token", SLICE("n"));
    assert_memory_equal(&hash.value, expected, sizeof hash.value);
    assert_memory_equal(&hash.spread, expected + sizeof hash.value, sizeof hash.spread);
    mac_free(mac);
    (void)state;
}

/* Or a client could spend what another will send. */
static void no_two_nonces_read_the_same(void **state)
{
    static const struct {
        const char *client_id;
        const char *token;
        struct slice nonce;
    } pairs[][2] = {
        {{"ab", "c", SLICE_INIT("n")}, {"a", "bc", SLICE_INIT("n")}},
        {{"a", "bc", SLICE_INIT("n")}, {"a", "b", SLICE_INIT("cn")}},
        /* lengths that nothing ends */
        {{"1X", "tttttttttttttttttt", SLICE_INIT("9bbbbbbbbb")},
         {"X18tttttttttttttttttt", "0", SLICE_INIT("bbbbbbbbb")}},
    };
    struct mac *mac = mac_new(1);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct nonce_hash one = hash_of(mac, pairs[i][0].client_id, pairs[i][0].token, pairs[i][0].nonce);
        struct nonce_hash other = hash_of(mac, pairs[i][1].client_id, pairs[i][1].token, pairs[i][1].nonce);
        assert_true(one.value != other.value);
    }
    mac_free(mac);
    (void)state;
}

/* Whichever of its parts is long: up to a thousand bytes are hashed where they were put together, more on the heap. */
static void a_nonce_of_any_length_is_hashed(void **state)
{
    static char text[1200];
    struct mac *mac = mac_new(1);
    memset(text, 'x', sizeof text);
    for (size_t len = 900; len <= sizeof text; len++) {
        const struct slice part = slice_of(text, len);
        const struct nonce nonces[] = {
            {part, SLICE("t"), 1, SLICE("n")}, {SLICE("c"), part, 1, SLICE("n")}, {SLICE("c"), SLICE("t"), 1, part}};
        struct nonce_hash hashes[COUNT_OF(nonces)];
        for (size_t i = 0; i < COUNT_OF(nonces); i++)
            assert_status(nonce_hash(mac, SLICE(KEY), &nonces[i], &hashes[i]), STATUS_OK);
        assert_true(hashes[0].value != hashes[1].value && hashes[1].value != hashes[2].value);
    }
    mac_free(mac);
    (void)state;
}

/* Nobody sends one: what cannot be hashed is no verdict. */
static void what_is_longer_than_any_request_is_not_hashed(void **state)
{
    struct mac *mac = mac_new(1);
    size_t len = 3 << 20;
    char *text = test_calloc(1, len);
    struct nonce_hash hash;
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), 1, slice_of(text, len)};
    assert_status(nonce_hash(mac, SLICE(KEY), &nonce, &hash), STATUS_NO_MEMORY);
    test_free(text);
    mac_free(mac);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_release_hashes_alike),
        cmocka_unit_test(no_two_nonces_read_the_same),
        cmocka_unit_test(a_nonce_of_any_length_is_hashed),
        cmocka_unit_test(what_is_longer_than_any_request_is_not_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
