#include "crypto/password_kind.h"

#include "crypto/password.h"
#include "support/test.h"

#include <stdio.h>

/* Made by the systems themselves (Debian 12): Django 3.2's hashers, argon2-cffi 21.1, WordPress 6.1's PasswordHash and
 * PHP 8.2's password_hash and crypt. tests/vectors/passwords.py and passwords.php make others of the same kinds. */
#define PASSWORD SLICE("correct horse \xc3\xa9")

static const struct vector {
    const char *hash;
    enum password_kind kind;
    int64_t amount;
} vectors[] = {
    {"pbkdf2_sha256$260000$seasalt2$kRElWC/kwmaLbQd8TYcfqe+zQ9/vDII0ZMjSqIdjar8=", PASSWORD_PBKDF2_SHA256, 260000},
    {"pbkdf2_sha1$20000$seasalt2$QLSksOd3FqHvGdlx18ipBvoIEeg=", PASSWORD_PBKDF2_SHA1, 20000},
    {"argon2$argon2id$v=19$m=512,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$Ous7SpTL8afLkzkXbL5uLw", PASSWORD_ARGON2, 1024},
    {"argon2$argon2id$v=19$m=65536,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$Tp+Ab4UUFuMY0WhnpkaB9w", PASSWORD_ARGON2, 131072},
    {"argon2$argon2i$v=19$m=256,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$mH8V6itnqsUeRMbonA4RT4VtoH1R8LP9", PASSWORD_ARGON2, 768},
    {"argon2$argon2d$v=19$m=256,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$v//zxL2uj+pay+iNixMEGLZLOzjU8r67", PASSWORD_ARGON2, 768},
    {"argon2$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$LbLmbeNSSYbSaV2IIm3pJZ1di2a13ctpH7NMEGklnBo",
     PASSWORD_ARGON2, 512},
    {"$P$BmI7QRQMP6quq1PSDgGWtV94hJiP1u0", PASSWORD_PHPASS, 8192},
    {"$H$9saltsalthJBd9IWE3I6l5E6vtUFb60", PASSWORD_PHPASS, 2048},
    {"$2y$05$gFcRHGsrH9xsVZdgvmVKFu92U1gVVZA/0Z8Pqf.ywSAzsprTeny6.", PASSWORD_BCRYPT, 32},
    {"$2b$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK", PASSWORD_BCRYPT, 32},
    {"$2a$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK", PASSWORD_BCRYPT, 32},
    {"$wp$2y$05$XgSseA0vOBqHN9IFG7icZefZIlNkgVBfibgNFL9KBGvvn9H/q64Qi", PASSWORD_BCRYPT, 32},
};

static void each_systems_own_hashes_open_for_their_password_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct slice hash = slice_str(vectors[i].hash);
        struct password_work work = {0};
        const char *why = NULL;
        assert_status(password_kind_judge(hash, &work, &why), STATUS_OK);
        assert_int_equal(work.kind, vectors[i].kind);
        assert_int_equal(work.amount, vectors[i].amount);
        assert_true(password_verify_blocking(PASSWORD, hash));
        assert_false(password_verify_blocking(SLICE("correct horse e"), hash));
        assert_false(password_is_ours(hash));
    }
}

/* Its last letter may hold bits that no digest has, so the one before it is changed. */
static void a_hash_with_one_other_letter_opens_for_nobody(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        size_t at = strlen(vectors[i].hash) - 4;
        (void)snprintf(hash, sizeof hash, "%s", vectors[i].hash);
        hash[at] = hash[at] == 'a' ? 'b' : 'a';
        assert_false(password_verify_blocking(PASSWORD, slice_str(hash)));
    }
}

static const char *judge(const char *hash)
{
    struct password_work work = {0};
    const char *why = NULL;
    return password_kind_judge(slice_str(hash), &work, &why) == STATUS_OK ? NULL : why;
}

#define LETTERS_53 "abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK"
#define DIGEST_32  "kRElWC/kwmaLbQd8TYcfqe+zQ9/vDII0ZMjSqIdjar8="
#define ARGON2_END "$c29tZXNhbHRzb21lc2FsdA$Ous7SpTL8afLkzkXbL5uLw"

static void what_costs_more_than_it_may_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *good, *bad;
    } rows[] = {
        {"pbkdf2_sha256$2000000$s$" DIGEST_32, "pbkdf2_sha256$2000001$s$" DIGEST_32},
        {"argon2$argon2id$v=19$m=65536,t=10,p=1" ARGON2_END, "argon2$argon2id$v=19$m=65537,t=2,p=1" ARGON2_END},
        {"argon2$argon2id$v=19$m=65536,t=10,p=16" ARGON2_END, "argon2$argon2id$v=19$m=65536,t=11,p=1" ARGON2_END},
        {"argon2$argon2id$v=19$m=512,t=10,p=16" ARGON2_END, "argon2$argon2id$v=19$m=512,t=1,p=17" ARGON2_END},
        {"$P$ImI7QRQMP6quq1PSDgGWtV94hJiP1u0", "$P$JmI7QRQMP6quq1PSDgGWtV94hJiP1u0"}, /* 2^20, 2^21 */
        {"$2y$12$" LETTERS_53, "$2y$13$" LETTERS_53},
        {"$wp$2y$12$" LETTERS_53, "$wp$2y$13$" LETTERS_53},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_null(judge(rows[i].good));
        assert_non_null(judge(rows[i].bad));
        assert_non_null(strstr(judge(rows[i].bad), "leave password_hash out"));
    }
}

static void what_is_no_hash_is_refused_and_never_verified(void **state)
{
    (void)state;
    static const char *const hashes[] = {
        "",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "!",
        "$y$",
        "$y$jFT$C8.NQiU/BPfKnDKj4i2Di/$yDmRq6nBY/GGhu.jDAdXtfr8S/SmKIbwrRbaQbJHVM9",
        "$y$jAT$C8.NQiU/BPfKnDKj4i2Di/$yDmRq6nBY/GGhu.jDAdXtfr8S/SmKIbwrRbaQbJHVM9",
        "$y$j9U$C8.NQiU/BPfKnDKj4i2Di/$yDmRq6nBY/GGhu.jDAdXtfr8S/SmKIbwrRbaQbJHVM9",
        "$6$salt$digest",
        "pbkdf2_sha256$",
        "pbkdf2_sha256$1000$salt",
        "pbkdf2_sha256$0$s$" DIGEST_32,
        "pbkdf2_sha256$-1$s$" DIGEST_32,
        "pbkdf2_sha256$99999999999$s$" DIGEST_32,
        "pbkdf2_sha256$1000$$" DIGEST_32,
        "pbkdf2_sha1$1000$s$" DIGEST_32,
        "argon2$argon2id$v=19$m=512,t=2" ARGON2_END,
        "argon2$argon2x$v=19$m=512,t=2,p=1" ARGON2_END,
        "argon2$argon2id$v=18$m=512,t=2,p=1" ARGON2_END,
        "argon2$argon2id$v=19$m=512,t=0,p=1" ARGON2_END,
        "argon2$argon2id$v=19$m=512,t=2,p=0" ARGON2_END,
        "argon2$argon2id$v=19$m=7,t=2,p=1" ARGON2_END,
        "argon2$argon2id$v=19$m=99999999999,t=2,p=1" ARGON2_END,
        "argon2$argon2id$v=19$m=512,t=2,p=1$c2FsdA$Ous7SpTL8afLkzkXbL5uLw",
        "argon2$argon2id$v=19$m=512,t=2,p=1$c29tZXNhbHQ$",
        "$P$BmI7QRQMP6quq1PSDgGWtV94hJiP1u",
        "$P$BmI7QRQMP6quq1PSDgGWtV94hJiP1u!",
        "$P$.mI7QRQMP6quq1PSDgGWtV94hJiP1u0",
        "$P$zmI7QRQMP6quq1PSDgGWtV94hJiP1u0",
        "$2y$03$" LETTERS_53,
        "$2y$1$" LETTERS_53,
        "$2y$10$abc",
        "$2y$10$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJL\n",
        "$2x$10$" LETTERS_53,
        "$wp$2y$10$abc",
        "$wp$",
    };
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        assert_non_null(judge(hashes[i]));
        assert_false(password_kind_verify_blocking(PASSWORD, slice_str(hashes[i])));
    }
}

/* Plain bcrypt knows the first 72 bytes alone; WordPress has it take a digest of all of them. */
static void of_a_long_password_wordpress_takes_every_byte(void **state)
{
    (void)state;
    static const struct slice hash = SLICE_INIT("$wp$2y$05$MVOdmzy54ZRhhojP5SNkb.qLT6QWHyWJMwSNRuJh7sg3eppWDsuDC");
    char phrase[80];
    memset(phrase, 'p', sizeof phrase);
    assert_true(password_verify_blocking(slice_of(phrase, sizeof phrase), hash));
    assert_false(password_verify_blocking(slice_of(phrase, sizeof phrase - 1), hash));
}

static void kinds_are_found_by_the_name_that_the_database_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < PASSWORD_KIND_COUNT; i++) {
        enum password_kind found = PASSWORD_OWN;
        assert_true(password_kind_find(slice_str(password_kind_name((enum password_kind)i)), &found));
        assert_int_equal(found, i);
    }
    enum password_kind kind = PASSWORD_OWN;
    assert_false(password_kind_find(SLICE("pbkdf2"), &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_systems_own_hashes_open_for_their_password_alone),
        cmocka_unit_test(a_hash_with_one_other_letter_opens_for_nobody),
        cmocka_unit_test(what_costs_more_than_it_may_is_refused),
        cmocka_unit_test(what_is_no_hash_is_refused_and_never_verified),
        cmocka_unit_test(of_a_long_password_wordpress_takes_every_byte),
        cmocka_unit_test(kinds_are_found_by_the_name_that_the_database_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
