/* authorize_bench: what tests of /oauth/authorize begin with: site_bench, sessions of jane and of joe, and the
 * temporary credentials "temp", for CALLBACK, and "oob". */
#ifndef COUNTERSIGN_TESTS_AUTH_SERVICE_AUTHORIZE_BENCH_H
#define COUNTERSIGN_TESTS_AUTH_SERVICE_AUTHORIZE_BENCH_H

#include "site_bench.h"

#define JANES_COOKIE "__Host-countersign_session=janes"
#define JOES_COOKIE  "__Host-countersign_session=joes"
#define SHOWN        "&scope=photos%3Aread+photos%3Awrite"
#define JANES_FORM   "csrf_token=csrf+of+janes&oauth_token=temp" SHOWN

/* For cmocka: *state is a struct site_bench. */
int authorize_setup(void **state);
#define AUTHORIZE_TEST(test) cmocka_unit_test_setup_teardown(test, authorize_setup, site_bench_teardown)

/* Return the status of the reply. */
int authorize_get(struct site_bench *bench, const char *query, const char *cookie);
int authorize_post(struct site_bench *bench, const char *body, const char *cookie);
/* Where the last reply sends the browser. */
struct slice authorize_location(const struct site_bench *bench);
void assert_temp_state(struct site_bench *bench, const char *token, enum temp_state state);

/* Writes the client anew, which may have these scopes. */
void authorize_allow_scopes(struct site_bench *bench, const char *scopes);
/* A temporary credential that asks for them. */
void authorize_temp(struct site_bench *bench, const char *token, const char *scopes);

#endif
