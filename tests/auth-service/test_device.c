#include "base/base64.h"
#include "base/buf.h"
#include "crypto/random.h"
#include "login/device.h"
#include "support/keys.h"
#include "support/test.h"
#include "support/watch.h"

#include <string.h>

static const struct user jane = {.id = 7, .password_hash = SLICE_INIT("$y$one")};

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 16);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* What write_cookie wrote, while the arena is used for other things. */
static char text[256];

static struct slice write_cookie(const struct keyring *keys, struct device *ret_device)
{
    struct slice cookie = SLICE_ABSENT;
    assert_status(device_make(ret_device), STATUS_OK);
    assert_status(device_write(keys, ret_device, &jane, &arena, &cookie), STATUS_OK);
    assert_true(cookie.len <= sizeof text);
    memcpy(text, cookie.ptr, cookie.len);
    return slice_of(text, cookie.len);
}

static bool is_read(const struct keyring *keys, struct slice cookie, struct device *ret_device)
{
    bool is = device_read(keys, cookie, &arena, ret_device);
    arena_reset(&arena);
    return is;
}

static void is_known_again(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    assert_true(is_read(keys, cookie, &read));
    assert_memory_equal(read.id, device.id, sizeof device.id);
    assert_true(device_is_of(&read, &jane));
    keyring_free(keys);
}

static void ends_with_the_password(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    const struct user changed = {.id = 7, .password_hash = SLICE("$y$two")};
    assert_true(is_read(keys, cookie, &read));
    assert_false(device_is_of(&read, &changed));
    keyring_free(keys);
}

static void is_one_users_alone(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    const struct user other = {.id = 8, .password_hash = jane.password_hash};
    assert_true(device_read(keys, cookie, &arena, &read));
    assert_false(device_is_of(&read, &other));
    assert_status(device_write(keys, &read, &other, &arena, &cookie), STATUS_OK); /* who logs in on it next */
    assert_true(device_read(keys, cookie, &arena, &read));
    assert_true(device_is_of(&read, &other));
    assert_false(device_is_of(&read, &jane));
    keyring_free(keys);
}

static void outlives_a_new_key_and_ends_with_its_own(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct keyring *rotated = keys_of("b:" KEY_B ",a:" KEY_A);
    struct keyring *retired = keys_of("b:" KEY_B);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    assert_true(is_read(rotated, cookie, &read));
    assert_false(is_read(retired, cookie, &read));
    keyring_free(keys);
    keyring_free(rotated);
    keyring_free(retired);
}

static void is_nothing_to_whoever_changes_it(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    for (size_t len = 0; len < cookie.len; len++)
        assert_false(is_read(keys, slice_sub(cookie, 0, len), &read));
    for (size_t i = 0; i < cookie.len; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'B' : 'A';
        assert_false(is_read(keys, cookie, &read));
        text[i] = before;
    }
    assert_true(is_read(keys, cookie, &read));
    keyring_free(keys);
}

static void reads_no_text_of_another_length(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device read;
    char longest[4096];
    memset(longest, 'A', sizeof longest);
    assert_false(is_read(keys, SLICE_ABSENT, &read));
    for (size_t len = 4; len <= sizeof longest; len += 4) /* ASan watches */
        assert_false(is_read(keys, slice_of(longest, len), &read));
    keyring_free(keys);
}

/* What a cookie of this size holds, sealed for another purpose, is no device. */
static void takes_nothing_else_that_the_same_keys_sealed(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "devic", "devices", "session"};
    static const char bytes[sizeof(struct device) + 1];
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device read;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf sealed = BUF_INIT;
        assert_status(sealed_seal(keys, slice_of(bytes, sizeof read), slice_str(rows[i]), &sealed), STATUS_OK);
        base64_encode(buf_slice(&sealed), text);
        assert_false(is_read(keys, slice_of(text, BASE64_LEN(sealed.len)), &read));
        buf_done(&sealed);
    }
    for (size_t len = sizeof read - 1; len <= sizeof read + 1; len++) {
        struct buf sealed = BUF_INIT;
        assert_status(sealed_seal(keys, slice_of(bytes, len), SLICE("device"), &sealed), STATUS_OK);
        base64_encode(buf_slice(&sealed), text);
        assert_int_equal(is_read(keys, slice_of(text, BASE64_LEN(sealed.len)), &read), len == sizeof read);
        buf_done(&sealed);
    }
    keyring_free(keys);
}

static void compares_in_constant_time(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    assert_true(device_read(keys, cookie, &arena, &read));
    watch_begin();
    assert_true(device_is_of(&read, &jane));
    assert_int_equal(watch_comparisons(slice_of((const char *)read.password, sizeof read.password)), 1);
    watch_end();
    keyring_free(keys);
}

static void are_two_where_two_are_made(void **state)
{
    (void)state;
    struct device one, two;
    assert_status(device_make(&one), STATUS_OK);
    assert_status(device_make(&two), STATUS_OK);
    assert_memory_not_equal(one.id, two.id, sizeof one.id);
}

static void fails_without_memory(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device, read;
    struct slice cookie = write_cookie(keys, &device);
    size_t failed = 0;
    enum status status = STATUS_NO_MEMORY;
    for (size_t limit = 1; status != STATUS_OK; limit += 8, failed++) {
        struct slice written = SLICE_ABSENT;
        arena_done(&arena);
        arena_init(&arena, limit);
        (void)!device_read(keys, cookie, &arena, &read); /* ASan watches */
        arena_reset(&arena);
        status = device_write(keys, &device, &jane, &arena, &written);
        assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
        assert_int_equal(slice_is_absent(written), status != STATUS_OK);
    }
    assert_true(failed > 2);
    keyring_free(keys);
}

static void fails_without_randomness(void **state)
{
    (void)state;
    struct keyring *keys = keys_of("a:" KEY_A);
    struct device device;
    struct slice cookie = SLICE_ABSENT;
    random_fail_next(1);
    assert_status(device_make(&device), STATUS_NO_RANDOMNESS);
    assert_status(device_make(&device), STATUS_OK);
    random_fail_next(1);
    assert_status(device_write(keys, &device, &jane, &arena, &cookie), STATUS_NO_RANDOMNESS);
    assert_true(slice_is_absent(cookie));
    keyring_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_known_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_with_the_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_one_users_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outlives_a_new_key_and_ends_with_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_nothing_to_whoever_changes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_no_text_of_another_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_nothing_else_that_the_same_keys_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compares_in_constant_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_without_memory, set_up, tear_down),
        cmocka_unit_test(are_two_where_two_are_made),
        cmocka_unit_test_setup_teardown(fails_without_randomness, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
