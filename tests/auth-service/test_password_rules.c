#include "crypto/password.h"
#include "rules/password_rules.h"
#include "support/test.h"
#include "support/watch.h"

#include <string.h>

struct row {
    const char *password;
    const char *username;
    enum password_fault fault;
};

/* Of bytes that nothing stands behind. */
static enum password_fault judge(const char *password, const char *username)
{
    struct slice text = slice_str(password);
    char *alone = test_malloc(text.len ? text.len : 1);
    memcpy(alone, text.ptr, text.len);
    enum password_fault fault = password_judge(slice_of(alone, text.len), slice_str(username));
    test_free(alone);
    return fault;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum password_fault fault = judge(rows[i].password, rows[i].username);
        if (fault != rows[i].fault)
            fail_msg("%s: %s", rows[i].password, password_fault_text(fault));
    }
}

static void takes_long_ones_of_whatever_kind(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"granite otter lamp", "jane", PASSWORD_GOOD},
        {"abzdkvnwtqmxrsy", "jane", PASSWORD_GOOD}, /* letters alone */
        {"802759361940275", "jane", PASSWORD_GOOD}, /* digits alone */
        {"!?$%&/()=*+#-_.", "jane", PASSWORD_GOOD}, /* signs alone */
        {"               ", "jane", PASSWORD_REPEATS},
        {"\xe8\x8a\xb1\xe8\xa6\x8b\xe3\x81\xab\xe8\xa1\x8c\xe3\x81\x8d\xe3\x81\xbe\xe3\x81\x97\xe3\x82\x87\xe3\x81\x86"
         "\xe6\x98\xa5\xe3\x81\xae\xe4\xba\xac\xe9\x83\xbd\xe3\x81\xa7\xe3\x80\x82",
         "jane", PASSWORD_GOOD},
        {"password on a yellow note", "jane", PASSWORD_GOOD}, /* the whole is compared, not its words */
        {"jane and a lantern", "jane", PASSWORD_GOOD},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void counts_characters_and_not_bytes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"granite otters", "jane", PASSWORD_TOO_SHORT}, /* 14 */
        {"granite otterly", "jane", PASSWORD_GOOD},     /* 15 */
        {"", "jane", PASSWORD_TOO_SHORT},
        {"gr\xc3\xa4nite \xc3\xb6tters", "jane", PASSWORD_TOO_SHORT}, /* 14, of 16 bytes */
        {"gr\xc3\xa4nite \xc3\xb6tterly", "jane", PASSWORD_GOOD},
        {"gr\xc3\xa5nite \xc3\xb5tters", "jane", PASSWORD_TOO_SHORT},
    };
    check_rows(rows, COUNT_OF(rows));
    char longest[PASSWORD_MAX_BYTES + 1];
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('a' + (i * i / 7 + i / 3) % 26);
    assert_int_equal(password_judge(slice_of(longest, PASSWORD_MAX_BYTES), SLICE("jane")), PASSWORD_GOOD);
    assert_int_equal(password_judge(slice_of(longest, sizeof longest), SLICE("jane")), PASSWORD_TOO_LONG);
    assert_int_equal(password_judge(SLICE("granite\0otterly"), SLICE("jane")), PASSWORD_HAS_NUL);
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('0' + (i * i / 7 + i / 3) % 10); /* which all stand around nothing */
    assert_int_equal(password_judge(slice_of(longest, PASSWORD_MAX_BYTES), SLICE("jane")), PASSWORD_GOOD);
}

static void refuses_those_that_everybody_tries_first(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"passwordpassword", "jane", PASSWORD_COMMON},
        {"Password Password", "jane", PASSWORD_COMMON},
        {"password12345678", "jane", PASSWORD_COMMON},
        {"2026-iloveyou-2026", "jane", PASSWORD_COMMON},
        {"thisismypassword", "jane", PASSWORD_COMMON},
        {"This is my password!", "jane", PASSWORD_COMMON},
        {"qwerty qwerty qwerty 1", "jane", PASSWORD_COMMON},
        {"1q2w3e4r5t6y7u8i", "jane", PASSWORD_COMMON},
        {"THEQUICKBROWNFOX", "jane", PASSWORD_COMMON},
        {"adminadministrator", "jane", PASSWORD_COMMON}, /* near the beginning of the list */
        {"zxcvbnm 1234567890", "jane", PASSWORD_COMMON}, /* its last */
        {"my password is on a note", "jane", PASSWORD_GOOD},
        /* what belongs to it, from the first to the last of each kind, and what does not */
        {"iloveyou 00000000", "jane", PASSWORD_COMMON},
        {"iloveyou 99999999", "jane", PASSWORD_COMMON},
        {"PASSWORDPASSWORD", "jane", PASSWORD_COMMON},
        {"ZXCVBNM 1234567890", "jane", PASSWORD_COMMON},
        {"iloveyou{iloveyou", "jane", PASSWORD_COMMON},
        {"iloveyou\x7filoveyou", "jane", PASSWORD_COMMON},
        {"1defaultadminpassword1", "jane", PASSWORD_COMMON}, /* which begins anew at its end */
        {"iloveyou!?-&%=?!", "jane", PASSWORD_COMMON},       /* half of it */
        {"iloveyou!?-&%=?!-$", "jane", PASSWORD_GOOD},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void refuses_what_repeats_and_rows_of_keys(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"aaaaaaaaaaaaaaaa", "jane", PASSWORD_REPEATS},
        {"!!!!!!!!!!!!!!!!", "jane", PASSWORD_REPEATS},
        {"ottergranit ottergranit", "jane", PASSWORD_REPEATS},
        {"ottergranitlamp ottergranitlamp", "jane", PASSWORD_GOOD}, /* 15 of its own */
        {"lantern otter lantern", "jane", PASSWORD_GOOD},
        {"123456789012345", "jane", PASSWORD_REPEATS},
        {"987654321098765", "jane", PASSWORD_REPEATS},
        {"abcdefghijklmnop", "jane", PASSWORD_REPEATS},
        {"ABCD-EFGH-IJKL-MNOP", "jane", PASSWORD_REPEATS},
        {"qwertyuiopasdfghjkl", "jane", PASSWORD_REPEATS},
        {"1-2-3-4-5-6-7-8", "jane", PASSWORD_REPEATS},
        {"abcdefg zebra 12345", "jane", PASSWORD_GOOD},
        {"abcdefghijklmnxy", "jane", PASSWORD_GOOD}, /* its last run is of two */
        {"fg abcdefghijklmn", "jane", PASSWORD_GOOD},
        {"klmnopqrstuvwxyz", "jane", PASSWORD_REPEATS}, /* to the end of its row */
        {"abcd mnop 6789 stuv", "jane", PASSWORD_REPEATS},
        {"abcdefghijklm xyz", "jane", PASSWORD_GOOD},
        {"rst abcdefghijklm", "jane", PASSWORD_GOOD},
        {"granite! & otter", "jane", PASSWORD_GOOD},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void refuses_the_users_own_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"maximiliane.schmidt", "maximiliane.schmidt", PASSWORD_IS_NAME},
        {"MaximilianeSchmidt1", "maximiliane.schmidt", PASSWORD_IS_NAME},
        {"joanna joanna joanna", "joanna", PASSWORD_IS_NAME},
        {"joanna joanna 2026", "Joanna", PASSWORD_IS_NAME},
        {"joanna has a lantern", "joanna", PASSWORD_GOOD},
        {"granite otter lamp", "", PASSWORD_GOOD},
        {"granite otter lamp", "...", PASSWORD_GOOD},
        {"802759361940275", "...", PASSWORD_GOOD},
        {"aaaaaaaaaaaaaaaa", "a", PASSWORD_IS_NAME},
        {"papapapapapapapa1", "papapapapapapapa", PASSWORD_IS_NAME},
        {"99jane99jane99jane", "99jane", PASSWORD_IS_NAME},
        {"\xc3\x80lbert has a lantern", "\xc3lbert has a lantern", PASSWORD_GOOD}, /* its second byte is no sign */
    };
    check_rows(rows, COUNT_OF(rows));
}

static void says_what_to_do_about_each(void **state)
{
    (void)state;
    for (enum password_fault fault = PASSWORD_GOOD; fault <= PASSWORD_COMMON; fault++)
        for (enum password_fault other = PASSWORD_GOOD; other < fault; other++)
            assert_string_not_equal(password_fault_text(fault), password_fault_text(other));
}

static void leaves_nothing_of_a_password_in_memory(void **state)
{
    (void)state;
    watch_begin();
    assert_int_equal(password_judge(SLICE("Granite otter lamp"), SLICE("jane")), PASSWORD_GOOD);
    assert_int_equal(watch_wipes(SLICE("graniteotterlamp")), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_long_ones_of_whatever_kind),
        cmocka_unit_test(counts_characters_and_not_bytes),
        cmocka_unit_test(refuses_those_that_everybody_tries_first),
        cmocka_unit_test(refuses_what_repeats_and_rows_of_keys),
        cmocka_unit_test(refuses_the_users_own_name),
        cmocka_unit_test(says_what_to_do_about_each),
        cmocka_unit_test(leaves_nothing_of_a_password_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
