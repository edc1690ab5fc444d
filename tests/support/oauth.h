/* oauth: for tests of signatures: a signer with its arenas, requests signed by a client of our own,
 * and tables whose rows are tests with names. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_OAUTH_H
#define COUNTERSIGN_TESTS_SUPPORT_OAUTH_H

#include "base/arena.h"
#include "explain/explain.h"
#include "oauth/message.h"
#include "oauth/signature.h"
#include "support/test.h"

/* Group setup and teardown: what the functions below work with. */
int oauth_setup(void **state);
int oauth_teardown(void **state);

/* Lives until oauth_teardown. */
struct arena *oauth_arena(void);
struct signer *oauth_signer(void);

/* Options for a client with these secrets (NULL: none), which may sign by every method. */
struct explain_options oauth_options(const char *client_secret, const char *token_secret);

/* The explanation; fails the test when the machine is at fault. */
struct explanation oauth_explain(const struct described_request *request, const struct explain_options *options);

/* Signs as a client would: the request's header has all but the signature, which is appended to it.
 * RSA needs the private key, all others the secrets. */
struct described_request oauth_sign(const struct described_request *request, const struct explain_options *options,
                                    struct slice rsa_private_key);

/* The header with one more parameter, its value percent-encoded. */
struct slice oauth_with_parameter(struct slice header, const char *name, struct slice value);

/* Absent slices for NULL. */
struct described_request oauth_request(const char *method, const char *url, const char *authorization,
                                       const char *content_type, const char *body);

/* A file of tests/, in the arena; fails the test when it cannot be read. */
struct slice oauth_file(const char *name);

/* Adds a test for each row of a table, named by its member `name`; *state is the row. */
#define ADD_ROWS(tests, count, rows, function)                                                                      \
    for (size_t row_ = 0; row_ < COUNT_OF(rows); row_++)                                                            \
        (tests)[(count)++] = (struct CMUnitTest)                                                                    \
        {                                                                                                           \
            .name = (rows)[row_].name, .test_func = (function), .initial_state = (void *)(uintptr_t) & (rows)[row_] \
        }
#define ADD_TEST(tests, count, function)           \
    (tests)[(count)++] = (struct CMUnitTest)       \
    {                                              \
        .name = #function, .test_func = (function) \
    }
#define RUN_TESTS(tests, count) _cmocka_run_group_tests(#tests, (tests), (count), oauth_setup, oauth_teardown)

#endif
