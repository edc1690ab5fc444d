#include "crypto/password_kind.h"

#include "crypto/password.h"
#include "support/test.h"
#include "support/watch.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

#define ARGON2_WITH(costs, salt, digest) "argon2$argon2id$v=19$" costs "$" salt "$" digest
#define BASE64_8                         "YWFhYWFhYWE"
#define BASE64_63                        "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
#define LETTERS_40                       "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"

/* The smallest and the largest of each, and the next one. */
static void what_is_just_a_hash_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *good, *bad;
    } rows[] = {
        {"$y$j9T$" LETTERS_40 LETTERS_40 LETTERS_40 "e", "$y$j9T$" LETTERS_40 LETTERS_40 LETTERS_40 "ee"},
        {"$y$j9T$", "$y$j"},
        {"$y$j9T$salt", "$y$k9T$salt"},
        {"$y$j9T$salt", "$y$j9Txsalt"},
        {"pbkdf2_sha256$1$s$" DIGEST_32, "pbkdf2_sha256$x$s$" DIGEST_32},
        {"pbkdf2_sha256$1$s$" DIGEST_32, "pbkdf2_sha256$1$s$" DIGEST_32 "="},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFh")},
        {ARGON2_WITH("m=16,t=1,p=2", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=15,t=1,p=2", BASE64_8, "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_63 "YQ", "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_63 "YWE", "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, BASE64_63 "YQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_8, BASE64_63 "YWE")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_63 "YWFh", "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_8, BASE64_63 "YWFhYWFh")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", "YWFhYWFhYQ", "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", "YWFhYWFhY!", "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhY!")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("n=8,t=1,p=1", BASE64_8, "YWFhYQ")},
        {ARGON2_WITH("m=8,t=1,p=1", BASE64_8, "YWFhYQ"), ARGON2_WITH("m=8,t=x,p=1", BASE64_8, "YWFhYQ")},
        {"$P$5mI7QRQMP6quq1PSDgGWtV94hJiP1u0", "$P$4mI7QRQMP6quq1PSDgGWtV94hJiP1u0"},
        {"$2y$04$" LETTERS_53, "$2y$10$" LETTERS_53 "a"},
        {"$2y$10$" LETTERS_53, "$2y$xx$" LETTERS_53},
        {"$2y$10$" LETTERS_53, "$2y$10." LETTERS_53},
        {"$2y$10$" LETTERS_53, "$2y$10$!bcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (judge(rows[i].good) || !judge(rows[i].bad))
            fail_msg("%s, %s", rows[i].good, rows[i].bad);
}

static void a_hash_has_383_bytes_at_most(void **state)
{
    (void)state;
    for (size_t len = 383; len <= 384; len++) {
        char hash[400] = "pbkdf2_sha256$1$";
        size_t start = strlen(hash);
        memset(hash + start, 's', len - start);
        memcpy(hash + len - strlen("$" DIGEST_32), "$" DIGEST_32, strlen("$" DIGEST_32));
        assert_int_equal(strlen(hash), len);
        assert_int_equal(judge(hash) == NULL, len < PASSWORD_HASH_BYTES);
    }
}

/* What is none at all is told apart from what costs too much. */
static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *hash, *why;
    } rows[] = {
        {"$2y$31$" LETTERS_53, "must be 4 to 12"},
        {"$2y$32$" LETTERS_53, "is none"},
        {"$P$!mI7QRQMP6quq1PSDgGWtV94hJiP1u0", "is none"},
        {"pbkdf2_sha256$2147483647$s$" DIGEST_32, "2 000 000 rounds"},
        {"pbkdf2_sha256$2147483648$s$" DIGEST_32, "is none"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_non_null(strstr(judge(rows[i].hash), rows[i].why));
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

/* ---- what is computed ---- */

/* Of the last call of each; the wrappers below fill it in. */
static struct {
    char setting[64];
    int rounds;
    argon2_context argon2;
    argon2_type argon2_type;
    unsigned digests;
} seen;
static bool only_notes; /* nothing is computed */
static unsigned calls;
static unsigned failing_call; /* it computes what it should, and says that it could not; 0: none */

static bool fails(void)
{
    return ++calls == failing_call;
}

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    (void)snprintf(seen.setting, sizeof seen.setting, "%s", setting);
    char *hash = only_notes ? NULL : __real_crypt_r(phrase, setting, data);
    return fails() ? NULL : hash;
}

int __real_argon2_ctx(argon2_context *context, argon2_type type);
int __wrap_argon2_ctx(argon2_context *context, argon2_type type);
int __wrap_argon2_ctx(argon2_context *context, argon2_type type)
{
    seen.argon2 = *context;
    seen.argon2_type = type;
    int result = only_notes ? ARGON2_OK : __real_argon2_ctx(context, type);
    return fails() ? ARGON2_MEMORY_ALLOCATION_ERROR : result;
}

int __real_PKCS5_PBKDF2_HMAC(const char *pass, int pass_len, const unsigned char *salt, int salt_len, int rounds,
                             const EVP_MD *md, int len, unsigned char *out);
int __wrap_PKCS5_PBKDF2_HMAC(const char *pass, int pass_len, const unsigned char *salt, int salt_len, int rounds,
                             const EVP_MD *md, int len, unsigned char *out);
int __wrap_PKCS5_PBKDF2_HMAC(const char *pass, int pass_len, const unsigned char *salt, int salt_len, int rounds,
                             const EVP_MD *md, int len, unsigned char *out)
{
    seen.rounds = rounds;
    int result = __real_PKCS5_PBKDF2_HMAC(pass, pass_len, salt, salt_len, rounds, md, len, out);
    return fails() ? 0 : result;
}

unsigned char *__real_HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *text, size_t len,
                           unsigned char *out, unsigned *out_len);
unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *text, size_t len,
                           unsigned char *out, unsigned *out_len);
unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *text, size_t len,
                           unsigned char *out, unsigned *out_len)
{
    unsigned char *result = __real_HMAC(md, key, key_len, text, len, out, out_len);
    return fails() ? NULL : result;
}

EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void)
{
    return fails() ? NULL : __real_EVP_MD_CTX_new();
}

int __real_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *md, const OSSL_PARAM params[]);
int __wrap_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *md, const OSSL_PARAM params[]);
int __wrap_EVP_DigestInit_ex2(EVP_MD_CTX *context, const EVP_MD *md, const OSSL_PARAM params[])
{
    seen.digests++;
    int result = __real_EVP_DigestInit_ex2(context, md, params);
    return fails() ? 0 : result;
}

int __real_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t len)
{
    int result = __real_EVP_DigestUpdate(context, bytes, len);
    return fails() ? 0 : result;
}

int __real_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned *len);
int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned *len);
int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned *len)
{
    int result = __real_EVP_DigestFinal_ex(context, out, len);
    return fails() ? 0 : result;
}

/* However far it had got, to its last call. */
static void what_could_not_be_computed_opens_for_nobody(void **state)
{
    (void)state;
    enum { ENOUGH_CALLS = 10 };
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct slice hash = slice_str(vectors[i].hash);
        for (failing_call = 1; failing_call <= ENOUGH_CALLS; failing_call++) {
            calls = 0;
            bool opened = password_kind_verify_blocking(PASSWORD, hash);
            assert_true(opened == (calls < failing_call)); /* phpass has thousands of calls, the others one or two */
            if (opened)
                break;
        }
        failing_call = calls = 0;
        assert_true(password_kind_verify_blocking(PASSWORD, hash));
        failing_call = calls;
        calls = 0;
        assert_false(failing_call && password_kind_verify_blocking(PASSWORD, hash));
    }
    failing_call = 0;
}

static void the_password_and_what_it_becomes_are_wiped_and_compared_in_constant_time(void **state)
{
    (void)state;
    static const size_t wipes[PASSWORD_KIND_COUNT] = {
        [PASSWORD_PBKDF2_SHA256] = 2,                        /* the key, and as text */
        [PASSWORD_PBKDF2_SHA1] = 2,   [PASSWORD_ARGON2] = 2, /* the password, the key */
        [PASSWORD_PHPASS] = 2,                               /* the digest, and as text */
        [PASSWORD_BCRYPT] = 3,                               /* the password, the hash, what libcrypt worked in */
    };
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct slice hash = slice_str(vectors[i].hash);
        size_t of_digest = slice_starts_with(hash, SLICE("$wp$")) ? 2 : 0; /* and as text */
        watch_begin();
        assert_true(password_kind_verify_blocking(PASSWORD, hash));
        assert_int_equal(watch_wipes(SLICE("")), wipes[vectors[i].kind] + of_digest);
        assert_int_equal(watch_comparisons(SLICE("")), 1);
        watch_end();
        if (vectors[i].kind == PASSWORD_ARGON2)
            assert_int_equal(seen.argon2.threads, 1);
    }
}

/* As much as that hash of somebody's costs, at most what any may. */
static void work_for_nobody_costs_what_it_should(void **state)
{
    (void)state;
    static const struct {
        int64_t amount;
        const char *setting;
    } bcrypt[] = {{1, "$2y$04$a"},  {16, "$2y$04$a"},   {17, "$2y$05$a"},     {32, "$2y$05$a"},
                  {33, "$2y$06$a"}, {4096, "$2y$12$a"}, {1 << 20, "$2y$12$a"}};
    static const struct {
        int64_t amount;
        uint32_t kb, passes;
    } argon2[] = {{1024, 1024, 1}, {65535, 65535, 1}, {65536, 65536, 1}, {65537, 65536, 2}, {131072, 65536, 2}};
    only_notes = true;
    password_kind_work_blocking((struct password_work){PASSWORD_OWN, 0});
    assert_true(slice_starts_with(slice_str(seen.setting), SLICE("$y$j9T$C8")));
    for (size_t i = 0; i < COUNT_OF(bcrypt); i++) {
        password_kind_work_blocking((struct password_work){PASSWORD_BCRYPT, bcrypt[i].amount});
        assert_true(slice_starts_with(slice_str(seen.setting), slice_str(bcrypt[i].setting)));
        assert_int_equal(strlen(seen.setting), strlen("$2y$04$") + 22);
    }
    for (size_t i = 0; i < COUNT_OF(argon2); i++) {
        password_kind_work_blocking((struct password_work){PASSWORD_ARGON2, argon2[i].amount});
        assert_int_equal(seen.argon2.m_cost, argon2[i].kb);
        assert_int_equal(seen.argon2.t_cost, argon2[i].passes);
    }
    only_notes = false;
    assert_int_equal(seen.argon2.lanes, 1);
    assert_int_equal(seen.argon2.version, ARGON2_VERSION_13);
    assert_int_equal(seen.argon2_type, Argon2_id);
    password_kind_work_blocking((struct password_work){PASSWORD_PBKDF2_SHA1, 1001});
    assert_int_equal(seen.rounds, 1001);
    seen.digests = 0;
    password_kind_work_blocking((struct password_work){PASSWORD_PHPASS, 128});
    assert_int_equal(seen.digests, 129);
}

int main(void)
{
    /* The quick ones first, for a mutant ends at the first that fails. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_costs_more_than_it_may_is_refused),
        cmocka_unit_test(what_is_just_a_hash_is_taken),
        cmocka_unit_test(a_hash_has_383_bytes_at_most),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(what_is_no_hash_is_refused_and_never_verified),
        cmocka_unit_test(kinds_are_found_by_the_name_that_the_database_has),
        cmocka_unit_test(work_for_nobody_costs_what_it_should),
        cmocka_unit_test(of_a_long_password_wordpress_takes_every_byte),
        cmocka_unit_test(each_systems_own_hashes_open_for_their_password_alone),
        cmocka_unit_test(a_hash_with_one_other_letter_opens_for_nobody),
        cmocka_unit_test(the_password_and_what_it_becomes_are_wiped_and_compared_in_constant_time),
        cmocka_unit_test(what_could_not_be_computed_opens_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
