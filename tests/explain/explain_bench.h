/* explain_bench: requests of clients that sign something else than what arrives, and what explains them. */
#ifndef COUNTERSIGN_TESTS_EXPLAIN_EXPLAIN_BENCH_H
#define COUNTERSIGN_TESTS_EXPLAIN_EXPLAIN_BENCH_H

#include "support/oauth.h"

#define FORM "application/x-www-form-urlencoded"

/* Canaries: nothing of these may be in a hint. The second of each needs encoding. */
#define CLIENT_SECRET "cs-canary-7f3a"
#define TOKEN_SECRET  "ts-canary+91bd/"
#define FORMER_SECRET "fs-canary-55aa"

#define REST(method)                                                                \
    "oauth_consumer_key=\"k\", oauth_token=\"t\", oauth_signature_method=\"" method \
    "\", oauth_timestamp=\"1\", oauth_nonce=\"n\""
#define HEADER "OAuth " REST("HMAC-SHA1")
#define SIGNED_PARAMS                                                                  \
    "oauth_consumer_key%3Dk%26oauth_nonce%3Dn%26oauth_signature_method%3DHMAC-SHA1%26" \
    "oauth_timestamp%3D1%26oauth_token%3Dt"
#define BASE(path) "GET&https%3A%2F%2Fapi.example.com" path "&"
#define URL        "https://api.example.com/photos"

/* What arrives, and what the client signed instead. */
struct signed_otherwise {
    const char *name;
    const char *method, *url, *header, *content_type, *body;
    /* NULL: as it arrives */
    const char *signed_method, *signed_url, *signed_header, *signed_type, *signed_body;
    const char *signed_base_string; /* instead of the above */
    const char *signed_key;         /* NULL: the right one */
    const char *signed_by;          /* NULL: the method of the header */
    const char *hint;
};

/* All that a provider may know of a client: both secrets, former ones, origins and path prefixes. */
struct explain_options explain_bench_options(void);
/* The signature of a client that gets something wrong. */
struct slice explain_bench_signature(const struct signed_otherwise *row);
/* What arrives, with that signature. */
struct described_request explain_bench_request(const struct signed_otherwise *row);
/* No secret and no signature that would be accepted, plain or encoded, is in a hint. */
void assert_discreet(const struct explanation *explanation);

#endif
