#include "crypto/password_kind.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/wipe.h"
#include "crypto/ct.h"

#include <argon2.h>
#include <assert.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static_assert(PASSWORD_HASH_BYTES >= CRYPT_OUTPUT_SIZE, "a hash must fit");

enum {
    MD5_BYTES = 16,
    SHA384_BYTES = 48,
    KEY_BYTES_MAX = 64, /* of PBKDF2 and Argon2 */
    SALT_BYTES_MAX = 64,
    LANES_MAX = 16,
    BCRYPT_BYTES = 60,
    PHPASS_SALT_BYTES = 8,
    PHPASS_BYTES = 34,
    OWN_BYTES_MAX = 128,
};

/* A hash, taken apart. Slices are parts of it. */
struct parts {
    enum password_kind kind;
    struct slice text;   /* all of it, as libcrypt takes it where it is libcrypt's */
    struct slice salt;   /* of PBKDF2 and phpass: bytes as they are; of Argon2: base64 */
    struct slice wanted; /* what the password has to become */
    int64_t rounds;      /* passes of Argon2 */
    uint32_t argon2_kb, argon2_lanes, argon2_version;
    argon2_type argon2_type;
    bool is_prehashed; /* $wp$ */
};

/* ---- libcrypt: our own, and bcrypt ---- */

bool password_kind_crypt(struct slice password, const char *setting, char out[PASSWORD_HASH_BYTES])
{
    char phrase[PASSWORD_MAX_BYTES + 1];
    struct crypt_data data = {0};
    memcpy(phrase, password.ptr, password.len);
    phrase[password.len] = '\0';
    const char *hash = crypt_r(phrase, setting, &data);
    bool done = hash && hash[0] != '*';
    if (done)
        memcpy(out, hash, strlen(hash) + 1);
    wipe_bytes(phrase, sizeof phrase);
    wipe_bytes(&data, sizeof data);
    return done;
}

/* The order in which crypt and phpass count. */
static const char letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static long letter_value(char letter)
{
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at ? at - letters : (long)strlen(letters);
}

/* crypt_gensalt_rn gives us $y$j9T$: a letter for the number of blocks and one for their size. Other letters could cost
 * gigabytes. */
static const char *read_own(struct slice hash, struct parts *parts)
{
    static const struct slice prefix = SLICE_INIT("$y$j");
    if (!slice_starts_with(hash, prefix) || hash.len < strlen("$y$j9T$") || hash.len > OWN_BYTES_MAX ||
        hash.ptr[6] != '$' || letter_value(hash.ptr[4]) > letter_value('9') ||
        letter_value(hash.ptr[5]) > letter_value('T'))
        return "a hash that begins with $y$ must be one that Countersign made ($y$j9T$…)";
    parts->wanted = parts->text = hash;
    return NULL;
}

static bool are_crypt_letters(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (letter_value(text.ptr[i]) == (long)strlen(letters))
            return false;
    return true;
}

/* $2y$12$ and 53 letters. */
static const char *read_bcrypt(struct slice hash, struct parts *parts)
{
    uint64_t cost = 0;
    if (hash.len != BCRYPT_BYTES || !slice_to_u64(slice_sub(hash, 4, 6), 31, &cost) || hash.ptr[6] != '$' ||
        !are_crypt_letters(slice_sub(hash, 7, hash.len)))
        return "it begins as bcrypt's do, and is none ($2y$10$ and 53 letters)";
    if (cost < 4 || cost > PASSWORD_BCRYPT_COST_MAX)
        return "bcrypt's cost must be 4 to 12: leave password_hash out, and give the user a new password";
    parts->rounds = INT64_C(1) << cost;
    parts->wanted = parts->text = hash;
    return NULL;
}

static const char *read_wordpress_bcrypt(struct slice hash, struct parts *parts)
{
    parts->is_prehashed = true;
    return read_bcrypt(slice_sub(hash, strlen("$wp"), hash.len), parts);
}

static bool crypt_equals(struct slice password, const struct parts *parts)
{
    char setting[PASSWORD_HASH_BYTES];
    char actual[PASSWORD_HASH_BYTES] = "";
    memcpy(setting, parts->text.ptr, parts->text.len);
    setting[parts->text.len] = '\0';
    bool equal = password_kind_crypt(password, setting, actual) && ct_equal(slice_str(actual), parts->wanted);
    wipe_bytes(actual, sizeof actual);
    return equal;
}

/* bcrypt takes 72 bytes; WordPress has it take a digest of all of them. */
static bool prehashed_equals(struct slice password, const struct parts *parts)
{
    static const char key[] = "wp-sha384";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[BASE64_LEN(SHA384_BYTES)];
    if (!HMAC(EVP_sha384(), key, (int)strlen(key), (const unsigned char *)password.ptr, password.len, digest, NULL))
        return false;
    base64_encode(slice_of(digest, SHA384_BYTES), text);
    bool equal = crypt_equals(slice_of(text, sizeof text), parts);
    wipe_bytes(digest, sizeof digest);
    wipe_bytes(text, sizeof text);
    return equal;
}

static bool bcrypt_equals(struct slice password, const struct parts *parts)
{
    return parts->is_prehashed ? prehashed_equals(password, parts) : crypt_equals(password, parts);
}

/* ---- Django's PBKDF2: pbkdf2_sha256$ROUNDS$SALT$BASE64 ---- */

static const char *read_pbkdf2(struct slice hash, struct parts *parts)
{
    size_t digest_bytes = parts->kind == PASSWORD_PBKDF2_SHA256 ? 32 : 20;
    uint64_t rounds = 0;
    bool more = true;
    (void)slice_cut(&hash, '$', &more);
    struct slice count = slice_cut(&hash, '$', &more);
    parts->salt = slice_cut(&hash, '$', &more);
    parts->wanted = hash;
    if (!more || parts->salt.len == 0 || parts->wanted.len != BASE64_LEN(digest_bytes) ||
        !slice_to_u64(count, INT32_MAX, &rounds) || rounds == 0)
        return "it begins as Django's PBKDF2 do, and is none (pbkdf2_sha256$rounds$salt$digest in base64)";
    if (rounds > PASSWORD_ROUNDS_MAX)
        return "PBKDF2 may have 2 000 000 rounds: leave password_hash out, and give the user a new password";
    parts->rounds = (int64_t)rounds;
    return NULL;
}

static bool pbkdf2_equals(struct slice password, const struct parts *parts)
{
    bool is_sha256 = parts->kind == PASSWORD_PBKDF2_SHA256;
    unsigned char key[KEY_BYTES_MAX];
    char text[BASE64_LEN(KEY_BYTES_MAX)];
    int len = is_sha256 ? 32 : 20;
    bool equal = false;
    if (PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, (const unsigned char *)parts->salt.ptr, (int)parts->salt.len,
                          (int)parts->rounds, is_sha256 ? EVP_sha256() : EVP_sha1(), len, key) == 1) {
        base64_encode(slice_of(key, (size_t)len), text);
        equal = ct_equal(slice_of(text, BASE64_LEN((size_t)len)), parts->wanted);
    }
    wipe_bytes(key, sizeof key);
    wipe_bytes(text, sizeof text);
    return equal;
}

/* ---- Django's Argon2: argon2$argon2id$v=19$m=KB,t=PASSES,p=LANES$SALT$DIGEST ---- */

/* "m=512" of the rest; 0, which none of them may be, where it is no such number. */
static uint64_t cut_number(struct slice *rest, char separator, const char *name)
{
    bool more = false;
    uint64_t number = 0;
    struct slice text = slice_cut(rest, separator, &more);
    struct slice prefix = slice_str(name);
    if (slice_starts_with(text, prefix))
        (void)!slice_to_u64(slice_sub(text, prefix.len, text.len), UINT32_MAX, &number);
    return number;
}

static bool read_argon2_type(struct slice name, argon2_type *ret_type)
{
    static const argon2_type types[] = {Argon2_id, Argon2_i, Argon2_d};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        *ret_type = types[i];
        if (slice_eq(name, slice_str(argon2_type2string(types[i], 0))))
            return true;
    }
    return false;
}

/* Without padding, as Argon2 writes it. False: it is none, or longer than `room`. */
static bool read_bare_base64(struct slice text, unsigned char *out, size_t room, size_t *ret_len)
{
    char padded[BASE64_LEN(KEY_BYTES_MAX)];
    unsigned char decoded[KEY_BYTES_MAX + 2];
    struct buf buf = buf_fixed(padded, sizeof padded);
    buf_add(&buf, text);
    while (buf.len % 4 != 0 && !buf.failed)
        buf_add_byte(&buf, '=');
    bool done = !buf.failed && base64_decode(buf_slice(&buf), decoded, ret_len) && *ret_len <= room;
    if (done)
        memcpy(out, decoded, *ret_len);
    return done;
}

static bool read_argon2_parts(struct slice hash, struct parts *parts, uint64_t *kb, uint64_t *passes, uint64_t *lanes)
{
    unsigned char bytes[KEY_BYTES_MAX];
    size_t len = 0;
    bool more = true;
    (void)slice_cut(&hash, '$', &more);
    bool has_type = read_argon2_type(slice_cut(&hash, '$', &more), &parts->argon2_type);
    uint64_t version = cut_number(&hash, '$', "v=");
    *kb = cut_number(&hash, ',', "m=");
    *passes = cut_number(&hash, ',', "t=");
    *lanes = cut_number(&hash, '$', "p=");
    parts->argon2_version = (uint32_t)version;
    parts->salt = slice_cut(&hash, '$', &more);
    parts->wanted = hash;
    return has_type && (version == ARGON2_VERSION_10 || version == ARGON2_VERSION_13) &&
           read_bare_base64(parts->salt, bytes, SALT_BYTES_MAX, &len) && len >= ARGON2_MIN_SALT_LENGTH &&
           read_bare_base64(parts->wanted, bytes, KEY_BYTES_MAX, &len) && len >= ARGON2_MIN_OUTLEN;
}

static const char *read_argon2(struct slice hash, struct parts *parts)
{
    uint64_t kb = 0;
    uint64_t passes = 0;
    uint64_t lanes = 0;
    if (!read_argon2_parts(hash, parts, &kb, &passes, &lanes) || passes == 0 || lanes == 0 || kb < 8 * lanes)
        return "it begins as Django's Argon2 do, and is none (argon2$argon2id$v=19$m=…,t=…,p=…$salt$digest)";
    if (kb > PASSWORD_ARGON2_KB_MAX || passes > PASSWORD_ARGON2_PASSES_MAX || lanes > LANES_MAX)
        return "Argon2 may take 64 MB (m=65536), 10 passes and 16 lanes: lower memory_cost in Django some weeks "
               "before, so "
               "that logging in there hashes anew, or leave password_hash out";
    parts->rounds = (int64_t)passes;
    parts->argon2_kb = (uint32_t)kb;
    parts->argon2_lanes = (uint32_t)lanes;
    return NULL;
}

/* One thread goes through all lanes: the threads are the pool's to give. */
static bool argon2_equals(struct slice password, const struct parts *parts)
{
    unsigned char salt[SALT_BYTES_MAX];
    unsigned char wanted[KEY_BYTES_MAX];
    unsigned char actual[KEY_BYTES_MAX];
    uint8_t phrase[PASSWORD_MAX_BYTES];
    size_t salt_len = 0;
    size_t len = 0;
    if (!read_bare_base64(parts->salt, salt, sizeof salt, &salt_len) ||
        !read_bare_base64(parts->wanted, wanted, sizeof wanted, &len))
        return false;
    memcpy(phrase, password.ptr, password.len);
    argon2_context context = {
        .out = actual,
        .outlen = (uint32_t)len,
        .pwd = phrase,
        .pwdlen = (uint32_t)password.len,
        .salt = salt,
        .saltlen = (uint32_t)salt_len,
        .t_cost = (uint32_t)parts->rounds,
        .m_cost = parts->argon2_kb,
        .lanes = parts->argon2_lanes,
        .threads = 1,
        .version = parts->argon2_version,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    bool equal =
        argon2_ctx(&context, parts->argon2_type) == ARGON2_OK && ct_equal(slice_of(actual, len), slice_of(wanted, len));
    wipe_bytes(phrase, sizeof phrase);
    wipe_bytes(actual, sizeof actual);
    return equal;
}

/* ---- WordPress's phpass: $P$, a letter for the rounds, 8 of salt and 22 of MD5 ---- */

static const char *read_phpass(struct slice hash, struct parts *parts)
{
    if (hash.len != PHPASS_BYTES || !are_crypt_letters(slice_sub(hash, 3, hash.len)))
        return "it begins as phpass's do, and is none ($P$ and 31 letters)";
    long exponent = letter_value(hash.ptr[3]);
    if (exponent < 7 || exponent > 30 || INT64_C(1) << exponent > PASSWORD_ROUNDS_MAX)
        return "phpass may have 2 000 000 rounds: leave password_hash out, and give the user a new password";
    parts->rounds = INT64_C(1) << exponent;
    parts->salt = slice_sub(hash, 4, 4 + PHPASS_SALT_BYTES);
    parts->wanted = slice_sub(hash, 4 + PHPASS_SALT_BYTES, hash.len);
    return NULL;
}

/* Six bits a letter, the low ones first, which no other base64 does. */
static void write_phpass(const unsigned char digest[MD5_BYTES], struct buf *out)
{
    for (size_t i = 0; i < MD5_BYTES; i += 3) {
        unsigned value = digest[i];
        size_t bytes = i + 3 <= MD5_BYTES ? 3 : MD5_BYTES - i;
        for (size_t k = 1; k < bytes; k++)
            value |= (unsigned)digest[i + k] << (8 * k);
        for (size_t k = 0; k <= bytes; k++, value >>= 6)
            buf_add_byte(out, letters[value & 63]);
    }
}

static bool digest_twice(EVP_MD_CTX *context, const EVP_MD *md5, struct slice front, struct slice password,
                         unsigned char digest[EVP_MAX_MD_SIZE])
{
    return EVP_DigestInit_ex2(context, md5, NULL) == 1 && EVP_DigestUpdate(context, front.ptr, front.len) == 1 &&
           EVP_DigestUpdate(context, password.ptr, password.len) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;
}

static bool phpass_equals(struct slice password, const struct parts *parts)
{
    EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    char text[PHPASS_BYTES];
    struct buf out = buf_fixed(text, sizeof text);
    bool done = md5 && context && digest_twice(context, md5, parts->salt, password, digest);
    for (int64_t i = 0; i < parts->rounds && done; i++)
        done = digest_twice(context, md5, slice_of(digest, MD5_BYTES), password, digest);
    write_phpass(digest, &out);
    bool equal = done && ct_equal(buf_slice(&out), parts->wanted);
    wipe_bytes(digest, sizeof digest);
    wipe_bytes(text, sizeof text);
    EVP_MD_CTX_free(context);
    EVP_MD_free(md5);
    return equal;
}

/* ---- the kinds ---- */

#define KIND_NAME(NAME, name, ...) [PASSWORD_##NAME] = name,
static const char *const kind_names[PASSWORD_KIND_COUNT] = {PASSWORD_KINDS(KIND_NAME)};

static const struct form {
    const char *prefix;
    enum password_kind kind;
    const char *(*read)(struct slice hash, struct parts *parts); /* NULL, or what is wrong with it */
} forms[] = {
    {"$y$", PASSWORD_OWN, read_own},
    {"pbkdf2_sha256$", PASSWORD_PBKDF2_SHA256, read_pbkdf2},
    {"pbkdf2_sha1$", PASSWORD_PBKDF2_SHA1, read_pbkdf2},
    {"argon2$", PASSWORD_ARGON2, read_argon2},
    {"$P$", PASSWORD_PHPASS, read_phpass},
    {"$H$", PASSWORD_PHPASS, read_phpass},
    {"$2y$", PASSWORD_BCRYPT, read_bcrypt},
    {"$2b$", PASSWORD_BCRYPT, read_bcrypt},
    {"$2a$", PASSWORD_BCRYPT, read_bcrypt},
    {"$wp$2y$", PASSWORD_BCRYPT, read_wordpress_bcrypt},
};

static bool (*const equals[PASSWORD_KIND_COUNT])(struct slice password, const struct parts *parts) = {
    [PASSWORD_OWN] = crypt_equals,     [PASSWORD_PBKDF2_SHA256] = pbkdf2_equals, [PASSWORD_PBKDF2_SHA1] = pbkdf2_equals,
    [PASSWORD_ARGON2] = argon2_equals, [PASSWORD_PHPASS] = phpass_equals,        [PASSWORD_BCRYPT] = bcrypt_equals,
};

static const char *read_hash(struct slice hash, struct parts *ret_parts)
{
    for (size_t i = 0; i < COUNT_OF(forms) && hash.len < PASSWORD_HASH_BYTES; i++)
        if (slice_starts_with(hash, slice_str(forms[i].prefix))) {
            *ret_parts = (struct parts){.kind = forms[i].kind};
            return forms[i].read(hash, ret_parts);
        }
    return "it is none of Django's PBKDF2 and Argon2 (pbkdf2_sha256$…, pbkdf2_sha1$…, argon2$…), WordPress's ($P$…, "
           "$wp$2y$…) and bcrypt ($2y$…): leave password_hash out, and give the user a new password";
}

enum status password_kind_judge(struct slice hash, struct password_work *ret_work, const char **ret_why)
{
    struct parts parts;
    *ret_why = read_hash(hash, &parts);
    if (*ret_why)
        return STATUS_BAD_INPUT;
    int64_t amount = parts.kind == PASSWORD_ARGON2 ? parts.rounds * parts.argon2_kb : parts.rounds;
    *ret_work = (struct password_work){parts.kind, amount};
    return STATUS_OK;
}

const char *password_kind_name(enum password_kind kind)
{
    return kind_names[kind];
}

bool password_kind_find(struct slice name, enum password_kind *ret_kind)
{
    for (size_t i = 0; i < PASSWORD_KIND_COUNT; i++)
        if (slice_eq(name, slice_str(kind_names[i]))) {
            *ret_kind = (enum password_kind)i;
            return true;
        }
    return false;
}

bool password_kind_verify_blocking(struct slice password, struct slice hash)
{
    struct parts parts;
    return read_hash(hash, &parts) == NULL && equals[parts.kind](password, &parts);
}

/* A hash that nobody's password becomes, of that cost. */
static void make_parts(struct password_work work, char text[PASSWORD_HASH_BYTES], struct parts *ret_parts)
{
    struct buf out = buf_fixed(text, PASSWORD_HASH_BYTES);
    struct parts parts = {
        .kind = work.kind, .rounds = work.amount, .salt = SLICE("c29tZXNhbHQ"), .wanted = SLICE("AAAAAAAA")};
    int cost = 4;
    switch (work.kind) {
    case PASSWORD_OWN:
        buf_add_str(&out, "$y$j9T$C8.NQiU/BPfKnDKj4i2Di/");
        break;
    case PASSWORD_BCRYPT:
        while (cost < PASSWORD_BCRYPT_COST_MAX && INT64_C(1) << cost < work.amount)
            cost++;
        buf_addf(&out, "$2y$%02d$abcdefghijklmnopqrstuu", cost);
        break;
    case PASSWORD_ARGON2:
        parts.argon2_lanes = 1;
        parts.argon2_version = ARGON2_VERSION_13;
        parts.argon2_kb = work.amount < PASSWORD_ARGON2_KB_MAX ? (uint32_t)work.amount : PASSWORD_ARGON2_KB_MAX;
        parts.rounds = (work.amount + parts.argon2_kb - 1) / parts.argon2_kb;
        parts.argon2_type = Argon2_id;
        break;
    default:
        break;
    }
    parts.text = buf_slice(&out);
    *ret_parts = parts;
}

void password_kind_work_blocking(struct password_work work)
{
    char text[PASSWORD_HASH_BYTES];
    struct parts parts;
    make_parts(work, text, &parts);
    (void)equals[work.kind](SLICE("nobody's password"), &parts);
}
