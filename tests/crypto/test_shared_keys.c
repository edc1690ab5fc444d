#include "crypto/shared_keys.h"
#include "support/keys.h"
#include "support/test.h"

#include <stdlib.h>

static void exchanges_what_is_sealed_with(void **state)
{
    (void)state;
    struct shared_keys shared;
    struct keyring *old = keys_of("a:" KEY_A);
    struct keyring *fresh = keys_of("b:" KEY_B);
    shared_keys_init(&shared, old);
    keyring_free(old);
    struct keyring *before = shared_keys_take(&shared);
    assert_ptr_equal(before, old);
    shared_keys_set(&shared, fresh);
    keyring_free(fresh);
    struct keyring *after = shared_keys_take(&shared);
    assert_ptr_equal(after, fresh);
    struct buf sealed = BUF_INIT; /* with the old ones, which this holder has still: ASan watches */
    assert_status(sealed_seal(before, SLICE("secret"), SLICE("row"), &sealed), STATUS_OK);
    buf_done(&sealed);
    keyring_free(before);
    keyring_free(after);
    shared_keys_done(&shared);
}

static void may_be_without_keys(void **state)
{
    (void)state;
    struct shared_keys shared;
    shared_keys_init(&shared, NULL);
    assert_null(shared_keys_take(&shared));
    shared_keys_done(&shared);
}

enum { ROUNDS = 2000 };

static void *take_often(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct keyring *keys = shared_keys_take(context);
        struct buf sealed = BUF_INIT;
        if (sealed_seal(keys, SLICE("secret"), SLICE("row"), &sealed) != STATUS_OK)
            abort();
        buf_done(&sealed);
        keyring_free(keys);
    }
    return NULL;
}

static void is_exchanged_while_others_seal(void **state)
{
    (void)state;
    struct shared_keys shared;
    pthread_t thread;
    struct keyring *keys = keys_of("a:" KEY_A);
    shared_keys_init(&shared, keys);
    keyring_free(keys);
    assert_int_equal(pthread_create(&thread, NULL, take_often, &shared), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct keyring *fresh = keys_of(i % 2 ? "a:" KEY_A : "b:" KEY_B);
        shared_keys_set(&shared, fresh);
        keyring_free(fresh);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    shared_keys_done(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_what_is_sealed_with),
        cmocka_unit_test(may_be_without_keys),
        cmocka_unit_test(is_exchanged_while_others_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
