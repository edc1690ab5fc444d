/* asked_bench: the endpoints of introspection-service without HTTP around them: stores of their own that fail where a
 * test says so, clients who sign without a token, and calls that are one run of a step table each.
 *
 * The clients "a", "b" and "c" are marked two-legged. The resource server's key is "key", and takes every URL. Gateways
 * ask from 192.0.2.7, for https://api.example. Nothing is cached, so that every question waits for the store. */
#ifndef COUNTERSIGN_TESTS_INTROSPECTION_SERVICE_ASKED_BENCH_H
#define COUNTERSIGN_TESTS_INTROSPECTION_SERVICE_ASKED_BENCH_H

#include "app.h"
#include "cache/credential_cache.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/faulty_ephemeral.h"
#include "support/volatile_ledger.h"

#include <stdbool.h>

/* Passes on to the durable store, except the call that is to fail or is never answered. */
struct faulty_source {
    struct credential_source source; /* first */
    struct credential_store inner;
    unsigned calls;
    unsigned fail_at; /* this one answers STORE_DOWN; 0: none */
    unsigned hang_at; /* this one is answered by nobody; 0: none */
    struct ticket hung;
};

struct asked_bench {
    struct durable_bench durable;
    struct asking asking; /* its loop is everybody's */
    struct durable_pool *pool;
    struct faulty_source source;
    struct credential_cache *cache;
    struct volatile_ledger ledger;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct faulty_ephemeral faulty;
    struct address_block proxy;
    struct slice origin;
    struct config config;
    struct provider_loop loops[1];
    struct usage *usage;
    struct app app;
    struct request request; /* of the last call */
    bool is_replied;
    bool may_break; /* a reply may lack memory */
};

/* For cmocka: *state is a struct asked_bench. The group has oauth_setup. */
int asked_bench_setup(void **state);
int asked_bench_teardown(void **state);
#define ASKED_TEST(test) cmocka_unit_test_setup_teardown(test, asked_bench_setup, asked_bench_teardown)

/* The header of GET https://api.example/photos, signed by this client with this nonce. */
struct slice asked_bench_sign(struct asked_bench *bench, const char *client_id, const char *nonce);

/* POST of JSON, with the key; returns the HTTP status. The reply stays readable until the next call. */
int asked_bench_post(struct asked_bench *bench, const struct step *steps, struct slice json);
/* A call as it stands. */
struct asked_call {
    const char *path; /* of the route */
    const struct header *headers;
    size_t header_count;
    const char *head_fault;
    bool is_strangers; /* from another address than the proxy's */
};
int asked_bench_call(struct asked_bench *bench, const struct step *steps, const struct asked_call *call);
/* A gateway's. */
int asked_bench_ask(struct asked_bench *bench, const struct asked_call *call);
/* What a gateway asks at /verify about that GET, with this Authorization header (absent: none). */
int asked_bench_verify(struct asked_bench *bench, struct slice authorization);

/* {"method":…,"url":…,"authorization":…} for a signed header; lives until the group's end. */
struct slice asked_bench_described(struct slice authorization);

bool asked_bench_says(const struct asked_bench *bench, const char *text);
struct slice asked_bench_header(const struct asked_bench *bench, const char *name);

#endif
