/* site_bench: the resource owner's pages without HTTP around them: stores of their own, a client, users,
 * and a browser that is one call of a step table at a time.
 *
 * The client "printer" ("Photo printer") has the callback https://app.example/cb?x=1 and two scopes;
 * "jane" and "joe" have the password "correct horse". The public URL is https://auth.example. */
#ifndef COUNTERSIGN_TESTS_AUTH_SERVICE_SITE_BENCH_H
#define COUNTERSIGN_TESTS_AUTH_SERVICE_SITE_BENCH_H

#include "app/app.h"
#include "durable/clients.h"
#include "support/asking.h"
#include "support/durable_bench.h"
#include "support/faulty_ephemeral.h"
#include "support/volatile_ledger.h"

#define CALLBACK "https://app.example/cb?x=1"
#define SCOPES   "photos:read photos:write"
#define PASSWORD "correct horse"

struct site_bench {
    struct durable_bench durable;
    struct asking asking; /* its loop is everybody's */
    struct durable_pool *pool;
    struct volatile_ledger ledger;
    struct ephemeral_store *store;
    struct ephemeral *view;
    struct faulty_ephemeral faulty; /* what the endpoints see */
    struct config config;
    struct provider_loop loops[1];
    struct shared_keys keys;
    struct app app;
    int64_t jane;
    int64_t joe;
    struct request request; /* of the last call */
    bool is_replied;
    bool may_break; /* a reply may lack memory */
};

/* For cmocka: *state is a struct site_bench. */
int site_bench_setup(void **state);
int site_bench_teardown(void **state);
#define SITE_TEST(test) cmocka_unit_test_setup_teardown(test, site_bench_setup, site_bench_teardown)

struct site_call {
    const struct step *steps;
    const char *path;   /* NULL: "/" */
    const char *id;     /* what the route found for its {id}; NULL: there is none */
    const char *query;  /* GET */
    const char *body;   /* POST: a form */
    const char *cookie; /* NULL: none */
    const char *header; /* one more, with its value */
    const char *value;
    const char *peer; /* NULL: 192.0.2.7 */
    bool is_twice;    /* the one more header */
    bool is_plain;    /* no TLS */
};

/* Runs the steps to their reply, which stays readable until the next call. */
int site_bench_call(struct site_bench *bench, const struct site_call *call);
/* The same for a request that may take so much memory; 500 also where that did not suffice for a reply. */
int site_bench_call_within(struct site_bench *bench, const struct site_call *call, size_t arena_bytes);
/* Of the last reply; the n-th header of that name (0: first), absent without it. */
struct slice site_bench_header(const struct site_bench *bench, const char *name, size_t n);
struct slice site_bench_body(const struct site_bench *bench);
bool site_bench_says(const struct site_bench *bench, const char *text);
/* The last reply is a page that names this problem, and no redirect. */
#define assert_refused(bench, http_status, problem) check_refused((bench), (http_status), (problem), __FILE__, __LINE__)
void check_refused(const struct site_bench *bench, int http_status, const char *problem, const char *file, int line);

/* ---- what a test begins with ---- */

/* Reads what pages are made of anew, from the configuration as it is now. */
void site_bench_look(struct site_bench *bench);

/* A temporary credential of "printer". */
void site_bench_temp(struct site_bench *bench, const char *token, const char *callback);
/* What is known of it; lives until the next call of any of these. */
const struct temp_credential *site_bench_find_temp(struct site_bench *bench, const char *token);
/* A session of this user, whose form secret is "csrf of <id>". */
void site_bench_session(struct site_bench *bench, const char *id, int64_t user, const char *username);
void site_bench_end_session(struct site_bench *bench, const char *id);
bool site_bench_has_session(struct site_bench *bench, const char *id);
/* The next change of the database's begins twice as late as a store may take. */
void site_bench_slow_write(struct site_bench *bench);
/* Writes the client anew, with these flags, callback (NULL: CALLBACK) and default callback (NULL: none). */
void site_bench_client(struct site_bench *bench, unsigned flags, const char *callback, const char *default_callback);

#endif
