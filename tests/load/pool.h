/* pool: keep-alive HTTP/1.1 connections to several targets on one thread, one call at a time on each.
 *
 * Invariants: the bytes of a request are borrowed until its answer; an answer comes exactly once, from pool_turn,
 * never inline; a connection that was lost is opened again by the next call on it. A call that got no answer is never
 * sent again by the pool: what became of it is the caller's question. */
#ifndef COUNTERSIGN_TESTS_LOAD_POOL_H
#define COUNTERSIGN_TESTS_LOAD_POOL_H

#include "base/slice.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { POOL_MAX_TARGETS = 32, ANSWER_MAX_BYTES = 65536 };

enum outcome {
    OUTCOME_ANSWERED,
    OUTCOME_NOT_CONNECTED, /* nothing was sent */
    OUTCOME_CUT,           /* the connection ended before the answer did */
    OUTCOME_TIMED_OUT,
};

struct answer {
    enum outcome outcome;
    int http_status;
    struct slice head, body; /* valid in the callback alone */
    int64_t took_ns;         /* since the request was handed over */
};

struct connection;
typedef void answered_fn(void *owner, struct connection *connection, const struct answer *answer);

struct connection {
    struct pool *pool;
    size_t target;
    int fd;          /* -1: closed */
    bool connecting; /* waits to be writable for the first time */
    bool busy;
    struct slice request;
    size_t sent_bytes;
    answered_fn *answered;
    void *owner;
    int64_t begun_ns;
    size_t received_bytes;
    char received[ANSWER_MAX_BYTES];
};

struct pool {
    int epoll;
    struct sockaddr_in targets[POOL_MAX_TARGETS];
    size_t target_count;
    struct connection *connections; /* connection i goes to target i % target_count */
    size_t count;
    int64_t timeout_ns;
    int64_t looked_ns; /* when calls were last looked through for time-outs */
};

/* `targets`: HOST:PORT, separated by commas, numeric, on loopback. Prints what is wrong and exits. */
void pool_init(struct pool *pool, struct slice targets, size_t connections, int64_t timeout_ms);
void pool_done(struct pool *pool);

/* The connection must not be busy. */
void pool_send(struct connection *connection, struct slice request, answered_fn *answered, void *owner);

/* Waits at most `wait_ms` for something to happen and calls back whoever has an answer. */
void pool_turn(struct pool *pool, int wait_ms);

/* A header of the answer; absent where there is none. */
struct slice answer_header(const struct answer *answer, struct slice name);

/* Whether no call is under way. */
bool pool_is_idle(const struct pool *pool);

#endif
