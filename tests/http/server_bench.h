/* server_bench: a server with endpoints that say what a test asks for, on either transport. */
#ifndef COUNTERSIGN_TESTS_HTTP_SERVER_BENCH_H
#define COUNTERSIGN_TESTS_HTTP_SERVER_BENCH_H

#include "support/http_fixture.h"

#include <stdatomic.h>

#define HOST      "Host: a.example\r\n"
#define GET(path) SLICE("GET " path " HTTP/1.1\r\n" HOST "\r\n")

enum { ARENA_MORE_BYTES = 4 << 20 };

struct server_bench {
    struct http_fixture fixture;
    bool is_evhttp; /* every test is run on either transport */
    atomic_uint parked_count;
    atomic_uint results_freed;  /* of requests that were parked */
    pthread_mutex_t reply_lock; /* for what follows */
    unsigned replied_count;
    char replied_handler[32]; /* of the last reply */
};

extern struct server_bench server;

/* On so many loops, with the defaults. */
void server_start(size_t loops);
void server_start_with(const struct http_limits *limits, const struct http_listen *listen, size_t listen_count,
                       size_t loops);
/* With what the test sets besides. */
void server_start_as(const struct http_server_config *config, size_t loops);
/* Fails the test if a request had to be cut. */
void server_stop(void);

/* GET /park waits until the test lets it go. */
void server_wait_until_parked(unsigned count);
void server_release_parked(void);

#endif
