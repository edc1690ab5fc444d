#include "verify/check.h"

#include "base/percent.h"
#include "oauth/base_string.h"
#include "support/oauth.h"
#include "support/test.h"
#include "support/watch.h"

#include <openssl/bn.h>
#include <stdlib.h>

/* One described request, signed by the test itself, and what the stores would say about it. */
enum { NOW_S = 1790000000 };

struct fixture {
    struct arena arena;
    struct signer signer;
    struct check_rules rules;
    struct client_secret secrets[2];
    struct client client;
    struct token token;
    struct temp_credential temp;
    struct check check;
};

struct signing {
    const char *method;       /* HMAC-SHA256 if NULL */
    const char *client_id;    /* "client" */
    const char *token;        /* "token"; "-": left out */
    const char *secret;       /* "secret" */
    const char *token_secret; /* "token secret" */
    int64_t timestamp;        /* NOW_S; -1: left out, with the nonce */
    const char *more;         /* further parameters, as they stand in the header */
    const char *url;
    const char *content_type;
    const char *body;
    const char *rsa_private_key; /* a file of tests/ */
};

static const char *or_default(const char *value, const char *instead)
{
    return value ? value : instead;
}

static char *sign(struct fixture *f, const struct signing *s)
{
    const char *method = or_default(s->method, "HMAC-SHA256");
    const char *token = or_default(s->token, "token");
    struct buf header = buf_in(&f->arena);
    buf_addf(&header, "OAuth oauth_consumer_key=\"%s\", oauth_signature_method=\"%s\"",
             or_default(s->client_id, "client"), method);
    if (s->timestamp >= 0)
        buf_addf(&header, ", oauth_nonce=\"n\", oauth_timestamp=\"%lld\"",
                 (long long)(s->timestamp ? s->timestamp : NOW_S));
    if (strcmp(token, "-") != 0)
        buf_addf(&header, ", oauth_token=\"%s\"", token);
    if (s->more)
        buf_addf(&header, ", %s", s->more);
    f->check.request = (struct described_request){
        .method = SLICE("GET"),
        .url = slice_str(or_default(s->url, "https://api.example/photos?size=o")),
        .authorization = buf_slice(&header),
        .content_type = slice_str(s->content_type),
        .body = slice_str(s->body),
    };
    struct message message;
    struct problem problem;
    struct slice base_string;
    assert_status(message_parse(&f->check.request, &f->arena, &message, &problem), STATUS_OK);
    assert_status(base_string_build(&message, &f->arena, &base_string), STATUS_OK);
    struct buf key = buf_in(&f->arena);
    struct buf signature = buf_in(&f->arena);
    bool has_token = token[0] && strcmp(token, "-") != 0;
    signature_write_shared_key(slice_str(or_default(s->secret, "secret")),
                               slice_str(has_token ? or_default(s->token_secret, "token secret") : ""), &key);
    const struct signature_method *by = signature_method_find(slice_str(method));
    struct slice rsa_key = s->rsa_private_key ? oauth_file(s->rsa_private_key) : SLICE_ABSENT;
    if (by && (by->kind != SIGNATURE_RSA || s->rsa_private_key))
        assert_status(signature_make(&f->signer, by, buf_slice(&key), rsa_key, base_string, &signature), STATUS_OK);
    buf_addf(&header, ", oauth_signature=\"");
    percent_encode(&header, buf_slice(&signature));
    buf_add_byte(&header, '"');
    f->check.request.authorization = buf_slice(&header);
    return header.ptr;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    arena_init(&f->arena, 1 << 20);
    assert_status(signer_init(&f->signer, 0), STATUS_OK);
    f->rules = (struct check_rules){SIGNATURE_METHODS_ALL, 300, 60, false};
    f->secrets[0] = (struct client_secret){.text = SLICE("secret")};
    f->client = (struct client){.id = 7, .client_id = SLICE("client"), .secrets = f->secrets, .secret_count = 1};
    f->token = (struct token){.client = 7, .secret = SLICE("token secret")};
    f->temp = (struct temp_credential){.client_id = SLICE("client"), .secret = SLICE("token secret")};
    f->check = (struct check){.purpose = CHECK_PROTECTED_RESOURCE,
                              .rules = &f->rules,
                              .secure = true,
                              .arena = &f->arena,
                              .client = &f->client,
                              .token = &f->token,
                              .temp = &f->temp};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    signer_done(&f->signer);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static enum status run(struct fixture *f, const struct signing *signing)
{
    (void)sign(f, signing);
    TRY(check_parse(&f->check));
    return check_signature(&f->check, &f->signer, (int64_t)NOW_S * 1000 + 999);
}

static void accepts_a_signed_request_and_names_its_nonce(void **state)
{
    struct fixture *f = *state;
    struct nonce nonce;
    assert_status(run(f, &(struct signing){0}), STATUS_OK);
    assert_int_equal(f->check.legs, 3);
    assert_int_equal(f->check.judged_ms, (int64_t)NOW_S * 1000 + 999);
    assert_true(check_nonce(&f->check, &nonce));
    assert_slice_equal(nonce.client_id, SLICE("client"));
    assert_slice_equal(nonce.token, SLICE("token"));
    assert_int_equal(nonce.timestamp_s, NOW_S);
}

static void judges_in_the_promised_order(void **state)
{
    struct fixture *f = *state;
    /* everything is wrong; what is mended step by step shows the next fault (docs/design/protocol.md, "The order of
     * checks") */
    struct signing s = {.method = "HMAC-SHA512", .secret = "wrong", .timestamp = NOW_S - 301};
    f->rules.signature_methods = OAUTH_BIT(0);
    f->check.client = NULL;
    f->check.token = NULL;
    assert_status(run(f, &s), STATUS_CLIENT_UNKNOWN);
    f->check.client = &f->client;
    f->client.flags = CLIENT_DISABLED;
    assert_status(run(f, &s), STATUS_CLIENT_DISABLED);
    f->client.flags = 0;
    assert_status(run(f, &s), STATUS_TOKEN_REJECTED);
    f->check.token = &f->token;
    assert_status(run(f, &s), STATUS_METHOD_REJECTED);
    s.method = "HMAC-SHA1";
    assert_status(run(f, &s), STATUS_TIMESTAMP_REFUSED);
    assert_int_equal(f->check.problem.acceptable_from_s, NOW_S - 300);
    assert_int_equal(f->check.problem.acceptable_to_s, NOW_S + 60);
    s.timestamp = NOW_S - 300;
    assert_status(run(f, &s), STATUS_SIGNATURE_INVALID);
    s.secret = "secret";
    assert_status(run(f, &s), STATUS_OK);
}

static void refuses_a_token_that_is_not_this_clients(void **state)
{
    struct fixture *f = *state;
    f->token.client = 8;
    assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_REJECTED);
}

static void tells_revoked_from_expired(void **state)
{
    struct fixture *f = *state;
    f->token.expires_ms = (int64_t)NOW_S * 1000;
    assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_EXPIRED);
    f->token.revoked_ms = 1;
    assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_REVOKED);
    f->token = (struct token){.client = 7, .secret = SLICE("token secret"), .user_disabled = true};
    assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_REVOKED);
}

static void a_token_ends_at_its_last_millisecond(void **state)
{
    struct fixture *f = *state;
    const int64_t now_ms = (int64_t)NOW_S * 1000 + 999; /* run's */
    f->token.expires_ms = now_ms;
    assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_EXPIRED);
    f->token.expires_ms = now_ms + 1;
    assert_status(run(f, &(struct signing){0}), STATUS_OK);
}

/* Once for each signature that is raised to the power of a key. */
static unsigned rsa_verifications;
int __real_BN_to_montgomery(BIGNUM *out, const BIGNUM *number, BN_MONT_CTX *montgomery, BN_CTX *context);
int __wrap_BN_to_montgomery(BIGNUM *out, const BIGNUM *number, BN_MONT_CTX *montgomery, BN_CTX *context);
int __wrap_BN_to_montgomery(BIGNUM *out, const BIGNUM *number, BN_MONT_CTX *montgomery, BN_CTX *context)
{
    rsa_verifications++;
    return __real_BN_to_montgomery(out, number, montgomery, context);
}

/* So that the time tells nobody whether there is a client or a token of this name. */
static void verifies_for_nobody_what_it_would_for_somebody(void **state)
{
    struct fixture *f = *state;
    for (int known = 0; known < 2; known++) {
        f->check.client = known ? &f->client : NULL;
        f->check.token = NULL;
        enum status expected = known ? STATUS_TOKEN_REJECTED : STATUS_CLIENT_UNKNOWN;
        rsa_verifications = 0;
        watch_begin();
        assert_status(run(f, &(struct signing){.method = "HMAC-SHA256"}), expected);
        assert_int_equal(watch_comparisons(SLICE("")), 1);
        assert_int_equal(rsa_verifications, 0);
        assert_status(run(f, &(struct signing){.method = "RSA-SHA256", .rsa_private_key = "vectors/rsa_2048.pem"}),
                      expected);
        assert_int_equal(watch_comparisons(SLICE("")), 1);
        assert_int_equal(rsa_verifications, 1);
        watch_end();
    }
}

static void signs_without_a_token_only_where_the_client_may(void **state)
{
    struct fixture *f = *state;
    f->check.token = NULL;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_TOKEN_REJECTED);
    f->client.flags = CLIENT_TWO_LEGGED;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_OK);
    assert_int_equal(f->check.legs, 2);
    assert_status(run(f, &(struct signing){.token = ""}), STATUS_OK); /* empty, and signed as such */
    assert_int_equal(f->check.legs, 2);
}

static void takes_either_of_two_live_secrets_and_no_other(void **state)
{
    struct fixture *f = *state;
    f->secrets[0].text = SLICE("new");
    f->secrets[1] = (struct client_secret){.text = SLICE("old"), .expires_ms = (int64_t)(NOW_S + 10) * 1000};
    f->client.secret_count = 2;
    assert_status(run(f, &(struct signing){.secret = "new"}), STATUS_OK);
    assert_status(run(f, &(struct signing){.secret = "old"}), STATUS_OK);
    f->secrets[1].expires_ms = (int64_t)NOW_S * 1000;
    assert_status(run(f, &(struct signing){.secret = "old"}), STATUS_SIGNATURE_INVALID);
}

static void never_verifies_an_rsa_client_by_hmac(void **state)
{
    struct fixture *f = *state;
    struct client_secret key = {.text = SLICE("the text of a public key")};
    f->client.secret_count = 0;
    f->client.keys = &key;
    f->client.key_count = 1;
    assert_status(run(f, &(struct signing){.secret = "the text of a public key"}), STATUS_METHOD_REJECTED);
}

static void narrows_methods_per_client(void **state)
{
    struct fixture *f = *state;
    f->client.signature_methods = SLICE("HMAC-SHA512 RSA-SHA1");
    assert_status(run(f, &(struct signing){0}), STATUS_METHOD_REJECTED);
    assert_status(run(f, &(struct signing){.method = "HMAC-SHA512"}), STATUS_OK);
    assert_status(run(f, &(struct signing){.method = "RSA-SHA1"}), STATUS_METHOD_REJECTED); /* has no key */
}

static void keeps_both_edges_of_the_window_inside(void **state)
{
    struct fixture *f = *state;
    assert_status(run(f, &(struct signing){.timestamp = NOW_S - 300}), STATUS_OK);
    assert_status(run(f, &(struct signing){.timestamp = NOW_S + 60}), STATUS_OK);
    assert_status(run(f, &(struct signing){.timestamp = NOW_S + 61}), STATUS_TIMESTAMP_REFUSED);
}

static void wants_tls_for_plaintext_and_for_credentials(void **state)
{
    struct fixture *f = *state;
    const struct signing plain = {.method = "PLAINTEXT", .url = "http://api.example/"};
    const struct signing encrypted = {.method = "PLAINTEXT"};
    assert_status(run(f, &plain), STATUS_INSECURE_TRANSPORT);
    assert_status(run(f, &encrypted), STATUS_OK);
    f->check.secure = false; /* somebody on its way says so, whatever the URL says */
    assert_status(run(f, &encrypted), STATUS_INSECURE_TRANSPORT);
    assert_status(run(f, &(struct signing){.url = "http://api.example/"}), STATUS_OK);
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL;
    f->check.secure = false;
    assert_status(run(f, &(struct signing){.token = "-", .more = "oauth_callback=\"oob\""}), STATUS_INSECURE_TRANSPORT);
    f->check.secure = true;
    assert_status(run(f, &(struct signing){.token = "-", .more = "oauth_callback=\"oob\""}), STATUS_OK);
    f->rules.insecure_transport = true;
    f->check.purpose = CHECK_PROTECTED_RESOURCE;
    assert_status(run(f, &plain), STATUS_OK);
}

static void lets_plaintext_go_without_a_nonce(void **state)
{
    struct fixture *f = *state;
    struct nonce nonce;
    assert_status(run(f, &(struct signing){.method = "PLAINTEXT", .timestamp = -1}), STATUS_OK);
    assert_false(check_nonce(&f->check, &nonce));
    assert_status(run(f, &(struct signing){.timestamp = -1}), STATUS_PARAMETER_ABSENT);
    assert_slice_equal(f->check.problem.absent, SLICE("oauth_timestamp&oauth_nonce"));
}

static void wants_the_body_hash_where_the_client_is_marked_for_it(void **state)
{
    struct fixture *f = *state;
    /* base64 of the SHA-256 of "{}" */
    const char *hash = "oauth_body_hash=\"RBNvo1WzZ4oRRq0W9%2BhknpT7T8If536DEMBg9hyq%2F4o%3D\"";
    f->client.flags = CLIENT_BODY_HASH_REQUIRED;
    assert_status(run(f, &(struct signing){.body = "{}"}), STATUS_BODY_HASH_ABSENT);
    assert_status(run(f, &(struct signing){.more = hash}), STATUS_BODY_HASH_ABSENT); /* no body handed over */
    assert_status(run(f, &(struct signing){.more = hash, .body = "{}"}), STATUS_OK);
    assert_int_equal(f->check.body_hash, BODY_HASH_VERIFIED);
    assert_status(run(f, &(struct signing){.more = hash, .body = "[]"}), STATUS_BODY_HASH_MISMATCH);
}

static void judges_the_temporary_credential_at_the_token_endpoint(void **state)
{
    struct fixture *f = *state;
    const struct signing s = {.more = "oauth_verifier=\"v\""};
    f->check.purpose = CHECK_TOKEN_CREDENTIAL;
    f->check.secure = true;
    assert_status(run(f, &s), STATUS_OK);
    f->temp.client_id = SLICE("Client");
    assert_status(run(f, &s), STATUS_TOKEN_REJECTED);
    f->temp.client_id = SLICE("client");
    f->temp.expired = true;
    assert_status(run(f, &s), STATUS_TOKEN_EXPIRED);
    f->temp.state = TEMP_EXCHANGED;
    assert_status(run(f, &s), STATUS_OK); /* the endpoint says token_used, after the signature */
    f->check.temp = NULL;
    assert_status(run(f, &s), STATUS_TOKEN_REJECTED);
}

static void explains_with_secrets_that_were_rotated_out(void **state)
{
    struct fixture *f = *state;
    struct arena scratch;
    struct explanation explanation = {0};
    arena_init(&scratch, 1 << 20);
    f->secrets[1] = (struct client_secret){.text = SLICE("former"), .expires_ms = 1};
    f->client.secret_count = 2;
    assert_status(run(f, &(struct signing){.secret = "former"}), STATUS_SIGNATURE_INVALID);
    assert_status(check_explain(&f->check, &f->signer, (int64_t)NOW_S * 1000, &(struct explain_options){0}, &scratch,
                                &explanation),
                  STATUS_OK);
    assert_int_equal(explanation.hint_count, 1);
    assert_true(slice_find_slice(explanation.hints[0], SLICE("rotated out")) < explanation.hints[0].len);
    arena_done(&scratch);
}

static void wants_what_each_endpoint_needs(void **state)
{
    struct fixture *f = *state;
    f->check.secure = true;
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_PARAMETER_ABSENT);
    assert_slice_equal(f->check.problem.absent, SLICE("oauth_callback"));
    f->check.purpose = CHECK_TOKEN_CREDENTIAL;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_PARAMETER_ABSENT);
    assert_slice_equal(f->check.problem.absent, SLICE("oauth_token&oauth_verifier"));
    /* a token that is sent along has no secret here (RFC 5849 §2.1) */
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL;
    const struct signing with_token = {.token_secret = "", .more = "oauth_callback=\"oob\""};
    assert_status(run(f, &with_token), STATUS_OK);
}

static void takes_http_at_its_own_endpoints_only_where_that_is_allowed(void **state)
{
    struct fixture *f = *state;
    const struct signing plain = {.method = "PLAINTEXT", .token = "-", .more = "oauth_callback=\"oob\""};
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL;
    f->check.secure = false; /* the URL says https, but the connection was none */
    assert_status(run(f, &plain), STATUS_INSECURE_TRANSPORT);
    f->check.secure = true; /* and the other way, at a proxy that ends TLS */
    const struct signing by_http = {.token = "-", .more = "oauth_callback=\"oob\"", .url = "http://auth.example/oauth"};
    assert_status(run(f, &by_http), STATUS_OK);
    f->check.secure = false;
    f->check.request.method = SLICE("no token");
    assert_status(check_parse(&f->check), STATUS_INSECURE_TRANSPORT); /* judged before anything is read */
}

static void says_what_is_wrong_with_a_request_that_is_none(void **state)
{
    struct fixture *f = *state;
    const struct described_request unsigned_request = {.method = SLICE("GET"), .url = SLICE("https://api.example/")};
    f->check.request = unsigned_request;
    assert_status(check_parse(&f->check), STATUS_UNSIGNED);
    f->check.request.url = SLICE("no url");
    assert_status(check_parse(&f->check), STATUS_MALFORMED);
    assert_int_equal(f->check.problem.status, STATUS_MALFORMED);
    f->check.request = unsigned_request;
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL; /* where a signature is expected, all that is missing is named */
    f->check.secure = true;
    assert_status(check_parse(&f->check), STATUS_PARAMETER_ABSENT);
    f->check.purpose = CHECK_PROTECTED_RESOURCE;
    f->check.request.authorization = SLICE("OAuth oauth_consumer_key=\"client\"");
    assert_status(check_parse(&f->check), STATUS_PARAMETER_ABSENT); /* no method: nothing to be PLAINTEXT */
}

static void refuses_a_temporary_credential_that_wrong_verifiers_killed(void **state)
{
    struct fixture *f = *state;
    f->check.purpose = CHECK_TOKEN_CREDENTIAL;
    f->check.secure = true;
    f->temp.state = TEMP_KILLED;
    assert_status(run(f, &(struct signing){.more = "oauth_verifier=\"v\""}), STATUS_TOKEN_REJECTED);
}

static void lets_two_legs_go_by_the_flag_of_that_name_alone(void **state)
{
    struct fixture *f = *state;
    f->check.token = NULL;
    f->client.flags = CLIENT_BODY_HASH_REQUIRED;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_TOKEN_REJECTED);
    /* with two legs a token's secret is none of the key, whatever was loaded */
    f->client.flags = CLIENT_TWO_LEGGED;
    f->check.token = &f->token;
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_OK);
}

static void an_unapproved_client_works_for_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    static const unsigned unapproved[] = {CLIENT_PENDING, CLIENT_REJECTED};
    f->client.owner = SLICE("local-7");
    for (size_t i = 0; i < COUNT_OF(unapproved); i++) {
        f->client.flags = unapproved[i] | CLIENT_TWO_LEGGED;
        f->token.subject = SLICE("local-7");
        assert_status(run(f, &(struct signing){0}), STATUS_OK);
        f->token.subject = SLICE("local-8");
        assert_status(run(f, &(struct signing){0}), STATUS_CLIENT_DISABLED);
        f->token.revoked_ms = 1; /* what is wrong with the token is told first */
        assert_status(run(f, &(struct signing){0}), STATUS_TOKEN_REVOKED);
        f->token.revoked_ms = 0;
        assert_status(run(f, &(struct signing){.token = "-"}), STATUS_CLIENT_DISABLED);
    }
    f->client.owner = f->token.subject = SLICE(""); /* nobody is no owner */
    assert_status(run(f, &(struct signing){0}), STATUS_CLIENT_DISABLED);
    f->client.flags = CLIENT_TWO_LEGGED;
    assert_status(run(f, &(struct signing){0}), STATUS_OK);
    assert_status(run(f, &(struct signing){.token = "-"}), STATUS_OK);
}

static void has_no_method_without_a_live_secret(void **state)
{
    struct fixture *f = *state;
    f->secrets[0].expires_ms = 1;
    assert_status(run(f, &(struct signing){0}), STATUS_METHOD_REJECTED);
    f->secrets[0].expires_ms = 0;
    assert_status(run(f, &(struct signing){.method = "HMAC-MD5"}), STATUS_METHOD_REJECTED); /* that nobody knows */
    f->check.client = NULL;
    assert_status(run(f, &(struct signing){.method = "HMAC-MD5"}), STATUS_CLIENT_UNKNOWN);
    f->check.client = &f->client;
    f->client.signature_methods = SLICE("HMAC-SHA256 HMAC-MD5"); /* a list that cannot be read allows nothing */
    assert_status(run(f, &(struct signing){0}), STATUS_METHOD_REJECTED);
}

static void says_which_clock_is_wrong(void **state)
{
    struct fixture *f = *state;
    assert_status(run(f, &(struct signing){.timestamp = NOW_S - 301}), STATUS_TIMESTAMP_REFUSED);
    assert_non_null(strstr(f->check.problem.detail, "slow"));
    assert_status(run(f, &(struct signing){.timestamp = NOW_S + 61}), STATUS_TIMESTAMP_REFUSED);
    assert_non_null(strstr(f->check.problem.detail, "fast"));
}

static void refuses_a_timestamp_that_is_no_number(void **state)
{
    struct fixture *f = *state;
    const struct signing plain = {.method = "PLAINTEXT", .timestamp = -1, .more = "oauth_timestamp=\"soon\""};
    assert_status(run(f, &plain), STATUS_TIMESTAMP_MALFORMED);
}

static void names_a_nonce_only_with_its_timestamp(void **state)
{
    struct fixture *f = *state;
    struct nonce nonce;
    const struct signing alone = {.method = "PLAINTEXT", .timestamp = -1, .more = "oauth_nonce=\"n\""};
    const struct signing dated = {.method = "PLAINTEXT", .timestamp = -1, .more = "oauth_timestamp=\"1790000000\""};
    assert_status(run(f, &alone), STATUS_OK);
    assert_false(check_nonce(&f->check, &nonce));
    assert_status(run(f, &dated), STATUS_OK);
    assert_false(check_nonce(&f->check, &nonce));
}

static void verifies_by_each_live_rsa_key_and_no_other(void **state)
{
    struct fixture *f = *state;
    struct slice right = oauth_file("vectors/rsa_2048_certificate.pem");
    struct slice other = oauth_file("vectors/wiki_certificate.pem");
    struct client_secret keys[2] = {{.text = other}, {.text = right}};
    const struct signing signing = {.method = "RSA-SHA256", .rsa_private_key = "vectors/rsa_2048.pem"};
    f->client.keys = keys;
    f->client.key_count = 2;
    f->client.secret_count = 0;
    assert_status(run(f, &signing), STATUS_OK); /* by the second */
    keys[1].expires_ms = (int64_t)NOW_S * 1000;
    assert_status(run(f, &signing), STATUS_SIGNATURE_INVALID); /* which is out */
    f->client.key_count = 1;
    assert_status(run(f, &signing), STATUS_SIGNATURE_INVALID);
    keys[0].text = SLICE("no key");
    assert_status(run(f, &signing), STATUS_SIGNATURE_INVALID);
    keys[0].text = right;
    assert_status(run(f, &signing), STATUS_OK);
}

static void takes_shared_keys_that_are_ready(void **state)
{
    struct fixture *f = *state;
    const struct slice ready[2] = {SLICE_INIT("other&"), SLICE_INIT("ready&made")};
    f->secrets[1].text = SLICE("secret");
    f->client.secret_count = 2;
    f->check.shared_keys = ready;
    assert_status(run(f, &(struct signing){.secret = "ready", .token_secret = "made"}), STATUS_OK);
    assert_status(run(f, &(struct signing){0}), STATUS_SIGNATURE_INVALID); /* theirs, not those made of the secrets */
}

/* An arena some bytes larger each time, until there is room for all; it lives until the next. */
static enum status check_in(struct fixture *f, struct arena *small, size_t limit)
{
    arena_init(small, limit);
    f->check.arena = small;
    TRY(check_parse(&f->check));
    return check_signature(&f->check, &f->signer, (int64_t)NOW_S * 1000);
}

static void judges_no_signature_in_an_arena_that_is_full(void **state)
{
    struct fixture *f = *state;
    struct arena small;
    char much[4097] = "";
    char url[4200];
    memset(much, 'x', sizeof much - 1);
    (void)snprintf(url, sizeof url, "https://api.example/photos?size=%s", much);
    for (int i = 0; i < 4; i++) { /* the largest of all is the key, or the base string */
        bool right = i % 2;
        const char *secret = i < 2 ? much : "secret";
        enum status status = STATUS_NO_MEMORY;
        f->check.arena = &f->arena;
        f->secrets[0].text = slice_str(secret);
        (void)sign(f, &(struct signing){.secret = right ? secret : "wrong", .url = i < 2 ? NULL : url});
        for (size_t limit = 64; status == STATUS_NO_MEMORY; limit += 64) {
            assert_in_range(limit, 64, 1 << 16);
            status = check_in(f, &small, limit);
            arena_done(&small);
        }
        assert_status(status, right ? STATUS_OK : STATUS_SIGNATURE_INVALID);
    }
    f->check.arena = &f->arena;
}

static bool has_hint(const struct explanation *explanation, const char *part)
{
    for (size_t i = 0; i < explanation->hint_count; i++)
        if (slice_find_slice(explanation->hints[i], slice_str(part)) < explanation->hints[i].len)
            return true;
    return false;
}

static void explains_nothing_in_an_arena_that_is_full(void **state)
{
    struct fixture *f = *state;
    struct arena small;
    struct arena scratch;
    arena_init(&scratch, 1 << 20);
    f->secrets[1] = (struct client_secret){.text = SLICE("former"), .expires_ms = 1};
    f->client.secret_count = 2;
    assert_status(run(f, &(struct signing){.secret = "wrong"}), STATUS_SIGNATURE_INVALID);
    enum status status = STATUS_NO_MEMORY;
    for (size_t limit = 0; status == STATUS_NO_MEMORY; limit += 8) {
        assert_in_range(limit, 0, 1 << 16);
        struct explanation explanation = {0};
        arena_init(&small, limit);
        f->check.arena = &small;
        status = check_explain(&f->check, &f->signer, (int64_t)NOW_S * 1000, &(struct explain_options){0}, &scratch,
                               &explanation);
        assert_true(status != STATUS_OK || explanation.hint_count == 1);
        arena_done(&small);
    }
    assert_status(status, STATUS_OK);
    f->check.arena = &f->arena;
    arena_done(&scratch);
}

/* What the failed check's explanation says. */
static bool is_explained_by(struct fixture *f, const char *part)
{
    struct arena scratch;
    struct explanation explanation = {0};
    arena_init(&scratch, 1 << 20);
    assert_status(check_explain(&f->check, &f->signer, (int64_t)NOW_S * 1000, &(struct explain_options){0}, &scratch,
                                &explanation),
                  STATUS_OK);
    bool found = has_hint(&explanation, part);
    arena_done(&scratch);
    return found;
}

static void explains_by_what_is_live(void **state)
{
    struct fixture *f = *state;
    f->secrets[1] = f->secrets[0];
    f->secrets[0] = (struct client_secret){.text = SLICE("former"), .expires_ms = 1};
    f->client.secret_count = 2;
    assert_status(run(f, &(struct signing){.token_secret = ""}), STATUS_SIGNATURE_INVALID);
    assert_true(is_explained_by(f, "the token secret left out"));
    assert_status(run(f, &(struct signing){.secret = ""}), STATUS_SIGNATURE_INVALID);
    assert_true(is_explained_by(f, "the client secret left out"));
}

static void explains_rsa_by_the_key_that_is_live(void **state)
{
    struct fixture *f = *state;
    struct client_secret keys[2] = {{.text = SLICE("a former key"), .expires_ms = 1}};
    keys[1].text = oauth_file("vectors/rsa_2048_certificate.pem");
    f->client.keys = keys;
    f->client.key_count = 2;
    (void)sign(f, &(struct signing){.method = "RSA-SHA256", .rsa_private_key = "vectors/rsa_2048.pem"});
    f->check.request.url = SLICE("https://api.example/photos/?size=o");
    assert_status(check_parse(&f->check), STATUS_OK);
    assert_status(check_signature(&f->check, &f->signer, (int64_t)NOW_S * 1000), STATUS_SIGNATURE_INVALID);
    assert_true(is_explained_by(f, "without the trailing slash"));
}

static void explains_a_body_hash_that_differs(void **state)
{
    struct fixture *f = *state;
    const struct signing wrong = {.more = "oauth_body_hash=\"RBNvo1WzZ4o\"", .body = "{}"};
    assert_status(run(f, &wrong), STATUS_BODY_HASH_MISMATCH);
    assert_true(is_explained_by(f, "no hash that was tried is that of this body"));
}

static void wants_no_body_hash_at_its_own_endpoints(void **state)
{
    struct fixture *f = *state;
    f->check.purpose = CHECK_TEMPORARY_CREDENTIAL;
    f->check.secure = true;
    f->client.flags = CLIENT_BODY_HASH_REQUIRED;
    assert_status(run(f, &(struct signing){.token = "-", .more = "oauth_callback=\"oob\""}), STATUS_OK);
}

/* A sanitizer sees it. */
static void looks_at_no_secret_beyond_the_last(void **state)
{
    struct fixture *f = *state;
    struct client_secret *alone = malloc(sizeof *alone);
    assert_non_null(alone);
    *alone = (struct client_secret){.text = SLICE("secret")};
    f->client.secrets = alone;
    assert_status(run(f, &(struct signing){.secret = "wrong"}), STATUS_SIGNATURE_INVALID);
    assert_false(is_explained_by(f, "rotated out"));
    alone->expires_ms = 1;
    assert_status(run(f, &(struct signing){0}), STATUS_METHOD_REJECTED);
    free(alone);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(accepts_a_signed_request_and_names_its_nonce),
        CASE(judges_in_the_promised_order),
        CASE(refuses_a_token_that_is_not_this_clients),
        CASE(tells_revoked_from_expired),
        CASE(a_token_ends_at_its_last_millisecond),
        CASE(verifies_for_nobody_what_it_would_for_somebody),
        CASE(signs_without_a_token_only_where_the_client_may),
        CASE(takes_either_of_two_live_secrets_and_no_other),
        CASE(never_verifies_an_rsa_client_by_hmac),
        CASE(narrows_methods_per_client),
        CASE(keeps_both_edges_of_the_window_inside),
        CASE(wants_tls_for_plaintext_and_for_credentials),
        CASE(lets_plaintext_go_without_a_nonce),
        CASE(wants_the_body_hash_where_the_client_is_marked_for_it),
        CASE(judges_the_temporary_credential_at_the_token_endpoint),
        CASE(explains_with_secrets_that_were_rotated_out),
        CASE(wants_what_each_endpoint_needs),
        CASE(takes_http_at_its_own_endpoints_only_where_that_is_allowed),
        CASE(says_what_is_wrong_with_a_request_that_is_none),
        CASE(refuses_a_temporary_credential_that_wrong_verifiers_killed),
        CASE(lets_two_legs_go_by_the_flag_of_that_name_alone),
        CASE(an_unapproved_client_works_for_its_owner_alone),
        CASE(has_no_method_without_a_live_secret),
        CASE(says_which_clock_is_wrong),
        CASE(refuses_a_timestamp_that_is_no_number),
        CASE(names_a_nonce_only_with_its_timestamp),
        CASE(verifies_by_each_live_rsa_key_and_no_other),
        CASE(takes_shared_keys_that_are_ready),
        CASE(judges_no_signature_in_an_arena_that_is_full),
        CASE(explains_nothing_in_an_arena_that_is_full),
        CASE(explains_by_what_is_live),
        CASE(explains_rsa_by_the_key_that_is_live),
        CASE(explains_a_body_hash_that_differs),
        CASE(wants_no_body_hash_at_its_own_endpoints),
        CASE(looks_at_no_secret_beyond_the_last),
    };
    return cmocka_run_group_tests(tests, oauth_setup, oauth_teardown);
}
