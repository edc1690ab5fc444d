/* verify: what a whole verification costs, as a ratio to the bare cryptography in it.
 *
 * A described three-legged request is parsed, checked, its base string built and its signature
 * verified, as the services do it, on one thread; beside it, one-shot HMAC() of the same base string
 * (for RSA: EVP_PKEY_verify with a kept context). Short rounds alternate, in CPU time of this thread,
 * and the medians are compared, so that a busy machine disturbs both alike. */
#include "base/percent.h"
#include "crypto/digest.h"
#include "oauth/base_string.h"
#include "oauth/signature.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 201, KEYS = 20000 };

struct bench {
    struct arena arena; /* reset after every verification */
    struct arena kept;
    struct signer signer;
    struct described_request request;
    struct slice shared_key;
    struct slice public_pem;
    struct slice base_string;
    EVP_PKEY *key;
    EVP_PKEY_CTX *context;
    unsigned char hash[DIGEST_MAX_BYTES];
    unsigned char rsa_signature[RSA_SIGNATURE_MAX_BYTES];
    size_t rsa_signature_len;
    struct slice many_keys[KEYS];
    size_t next_key;
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench verify: %s\n", what);
    exit(1);
}

static struct slice pem_of(struct bench *b, bool private)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    must(bio && (private ? PEM_write_bio_PrivateKey(bio, b->key, NULL, NULL, 0, NULL, NULL)
                         : PEM_write_bio_PUBKEY(bio, b->key)) == 1,
         "no PEM");
    long len = BIO_get_mem_data(bio, &text);
    struct slice pem = arena_copy(&b->kept, slice_of(text, (size_t)len));
    BIO_free(bio);
    return pem;
}

/* A request of usual size: its base string is about 400 bytes. */
static void sign(struct bench *b, const char *method, struct slice private_pem)
{
    struct buf header = buf_in(&b->kept);
    struct buf signature = buf_in(&b->kept);
    struct message message;
    struct problem problem;
    buf_addf(&header,
             "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03XyZ0\", "
             "oauth_token=\"nnch734d00sl2jdkPQRSTUVWXYZ01234\", oauth_signature_method=\"%s\", "
             "oauth_timestamp=\"1790000000\", oauth_nonce=\"kllo9940pd9333jhAbCdEf01\", oauth_version=\"1.0\"",
             method);
    b->request = (struct described_request){
        .method = SLICE("GET"),
        .url = SLICE("https://api.example.com/v1/photos/vacation?size=original&file=vacation%20summer.jpg"),
        .authorization = buf_slice(&header),
        .body = SLICE(""),
    };
    must(message_parse(&b->request, &b->kept, &message, &problem) == STATUS_OK &&
             base_string_build(&message, &b->kept, &b->base_string) == STATUS_OK &&
             signature_make(&b->signer, message.signature_method, b->shared_key, private_pem, b->base_string,
                            &signature) == STATUS_OK,
         "cannot sign");
    buf_add_str(&header, ", oauth_signature=\"");
    percent_encode(&header, buf_slice(&signature));
    buf_add_byte(&header, '"');
    b->request.authorization = buf_slice(&header);
}

static enum status verify_with(struct bench *b, struct slice shared_key, bool must_match)
{
    struct message message;
    struct problem problem;
    struct slice base_string = {0};
    const struct signature_key keys = {shared_key, b->public_pem};
    must(message_parse(&b->request, &b->arena, &message, &problem) == STATUS_OK &&
             message_check(&message, MESSAGE_REQUIRED, &b->arena, &problem) == STATUS_OK &&
             base_string_build(&message, &b->arena, &base_string) == STATUS_OK,
         "cannot parse");
    enum status status =
        signature_verify(&b->signer, message.signature_method, &keys, base_string, message.protocol[OAUTH_SIGNATURE]);
    must(!must_match || status == STATUS_OK, "does not verify");
    arena_reset(&b->arena);
    return status;
}

static void whole_verify(struct bench *b)
{
    (void)!verify_with(b, b->shared_key, true);
}

static void cold_verify(struct bench *b)
{
    (void)!verify_with(b, b->many_keys[b->next_key], false);
    b->next_key = (b->next_key + 7919) % KEYS;
}

static void bare_hmac(struct bench *b, const EVP_MD *md)
{
    unsigned char code[DIGEST_MAX_BYTES];
    unsigned len = 0;
    must(HMAC(md, b->shared_key.ptr, (int)b->shared_key.len, (const unsigned char *)b->base_string.ptr,
              b->base_string.len, code, &len) != NULL,
         "HMAC");
}

static void bare_hmac_sha1(struct bench *b)
{
    bare_hmac(b, EVP_sha1());
}

static void bare_hmac_sha256(struct bench *b)
{
    bare_hmac(b, EVP_sha256());
}

static void bare_rsa(struct bench *b)
{
    must(EVP_PKEY_verify(b->context, b->rsa_signature, b->rsa_signature_len, b->hash,
                         digest_size_bytes(DIGEST_SHA256)) == 1,
         "EVP_PKEY_verify");
}

static void encode(struct bench *b)
{
    char memory[1024];
    struct buf out = buf_fixed(memory, sizeof memory);
    percent_encode(&out, slice_sub(b->base_string, 0, 258));
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double cpu_ns(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "no CPU clock");
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double once(struct bench *b, void (*run)(struct bench *b), int times)
{
    double start = cpu_ns();
    for (int i = 0; i < times; i++)
        run(b);
    return (cpu_ns() - start) / times;
}

/* Medians of alternated rounds, in ns; `bare` may be NULL. */
static void compare(struct bench *b, const char *name, void (*ours)(struct bench *b), void (*bare)(struct bench *b),
                    int times, const char *goal)
{
    double a[ROUNDS];
    double c[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = once(b, ours, times);
        c[i] = bare ? once(b, bare, times) : 1;
    }
    qsort(a, ROUNDS, sizeof *a, by_size);
    qsort(c, ROUNDS, sizeof *c, by_size);
    if (bare)
        printf("%-34s %8.0f ns  bare %8.0f ns  ratio %.2f  (%s)\n", name, a[ROUNDS / 2], c[ROUNDS / 2],
               a[ROUNDS / 2] / c[ROUNDS / 2], goal);
    else
        printf("%-34s %8.0f ns\n", name, a[ROUNDS / 2]);
}

static void prepare(struct bench *b)
{
    struct buf key = buf_in(&b->kept);
    arena_init(&b->arena, 1 << 20);
    arena_init(&b->kept, 64 << 20);
    signature_write_shared_key(SLICE("kd94hf93k423kf44kd94hf93k423kf44kd94hf93"),
                               SLICE("pfkkdhi9sl3r4s00pfkkdhi9sl3r4s00"), &key);
    b->shared_key = buf_slice(&key);
    must(signer_init(&b->signer, MAC_KEPT_MAX) == STATUS_OK, "no memory");
    for (size_t i = 0; i < KEYS; i++) {
        struct buf other = buf_in(&b->kept);
        buf_addf(&other, "%040zu&%032zu", i * 104729, i);
        b->many_keys[i] = buf_slice(&other);
    }
}

/* A key of so many bits, a request that is signed with it, and the bare call's context. */
static void prepare_rsa(struct bench *b, unsigned bits)
{
    b->key = EVP_RSA_gen(bits);
    must(b->key != NULL, "no RSA key");
    b->public_pem = pem_of(b, false);
    b->context = EVP_PKEY_CTX_new(b->key, NULL);
    must(b->context && EVP_PKEY_verify_init(b->context) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(b->context, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(b->context, EVP_sha256()) == 1,
         "no RSA context");
    struct slice private_pem = pem_of(b, true);
    sign(b, "RSA-SHA256", private_pem);
    must(digest_bytes(DIGEST_SHA256, b->base_string, b->hash) == STATUS_OK &&
             rsa_sign(private_pem, DIGEST_SHA256, b->base_string, b->rsa_signature, &b->rsa_signature_len) == STATUS_OK,
         "cannot sign");
}

static void compare_rsa(struct bench *b)
{
    static const struct {
        unsigned bits;
        const char *goal;
    } rows[] = {{2048, "must 1.10, aim 1.07"}, {3072, "no goal"}, {4096, "no goal"}, {8192, "no goal"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[64];
        prepare_rsa(b, rows[i].bits);
        (void)snprintf(name, sizeof name, "verify RSA-SHA256, %u bits", rows[i].bits);
        compare(b, name, whole_verify, bare_rsa, 100, rows[i].goal);
        EVP_PKEY_CTX_free(b->context);
        EVP_PKEY_free(b->key);
    }
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);
    must(b != NULL, "no memory");
    prepare(b);
    sign(b, "HMAC-SHA1", SLICE_ABSENT);
    printf("base string: %zu bytes\n", b->base_string.len);
    compare(b, "verify HMAC-SHA1, hot", whole_verify, bare_hmac_sha1, 1000, "must 1.0, aim 0.8");
    compare(b, "verify HMAC-SHA1, 20 000 keys", cold_verify, bare_hmac_sha1, 1000, "no goal");
    sign(b, "HMAC-SHA256", SLICE_ABSENT);
    compare(b, "verify HMAC-SHA256, hot", whole_verify, bare_hmac_sha256, 1000, "must 1.0, aim 0.8");
    compare(b, "verify HMAC-SHA256, 20 000 keys", cold_verify, bare_hmac_sha256, 1000, "no goal");
    compare_rsa(b);
    compare(b, "percent_encode, 258 bytes", encode, NULL, 1000, "");
    signer_done(&b->signer);
    arena_done(&b->arena);
    arena_done(&b->kept);
    free(b);
    return 0;
}
