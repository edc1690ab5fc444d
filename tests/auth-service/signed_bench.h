/* signed_bench: site_bench for what a client signs: initiate and token without HTTP around them.
 *
 * "printer" signs by HMAC-SHA256, and each request has a nonce of its own. What the store said of the client is kept,
 * as in a service whose feed stands. */
#ifndef COUNTERSIGN_TESTS_AUTH_SERVICE_SIGNED_BENCH_H
#define COUNTERSIGN_TESTS_AUTH_SERVICE_SIGNED_BENCH_H

#include "changes/feed.h"
#include "site_bench.h"

#define ENDPOINT "https://auth.example/oauth"

/* Passes on to the durable store, unless it is down. */
struct counting_source {
    struct credential_source source; /* first */
    struct credential_store inner;
    unsigned asked;
    bool is_down;
};

struct signed_bench {
    struct site_bench *site;
    struct counting_source source;
    struct change_feed feed;
    struct credential_cache *cache;
    unsigned nonces;
    char nonce[32]; /* of the last request */
};

/* For cmocka: *state is a struct signed_bench. The group has oauth_setup. */
int signed_bench_setup(void **state);
int signed_bench_teardown(void **state);
#define SIGNED_TEST(test) cmocka_unit_test_setup_teardown(test, signed_bench_setup, signed_bench_teardown)

struct signed_call {
    const struct step *steps;
    const char *client_id;    /* NULL: "printer" */
    const char *secret;       /* the client's; NULL: the right one */
    const char *token_secret; /* NULL: none */
    const char *parameters;   /* of the header, beside those that every request has: `oauth_callback="oob"` */
    const char *body;         /* a form; NULL: none */
    bool again;               /* with the nonce of the last request */
    size_t arena_bytes;       /* how much memory the request has; 0: enough */
};

/* Runs the steps to their reply, which site_bench has. */
int signed_bench_call(struct signed_bench *bench, const struct signed_call *call);
/* The reply's body is a form, and this field's value in it is so; absent: there is no such field. */
struct slice signed_bench_field(const struct signed_bench *bench, const char *name);
/* The last reply says no, with this word as its oauth_problem or its error, and has no token in it. */
#define assert_no_token(bench, http_status, problem) \
    check_no_token((bench), (http_status), (problem), __FILE__, __LINE__)
void check_no_token(const struct signed_bench *bench, int http_status, const char *problem, const char *file, int line);

#endif
