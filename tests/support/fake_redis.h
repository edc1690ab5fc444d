/* fake_redis: a server that is none: it reads, and answers what a test tells it, on a thread of its own. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FAKE_REDIS_H
#define COUNTERSIGN_TESTS_SUPPORT_FAKE_REDIS_H

#include "support/redis_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct fake_redis {
    char directory[TEMP_PATH_BYTES];
    char url[REDIS_SERVER_URL_BYTES];
    uint16_t port; /* 0: a socket */
    const char *reply;
    int listener;
    int stop[2]; /* a pipe: closed to end the thread */
    pthread_t thread;
    atomic_int reads;
    bool is_running;
};

/* As a prefix: it is the answer to what comes first, instead of the +OK. */
#define FAKE_REDIS_FIRST "\x01"
/* As a suffix: it closes the connection then. */
#define FAKE_REDIS_CLOSES "\x02"

/* Answers +OK to the first thing that it reads on a connection (SELECT), `reply` to the second, and nothing to any
 * other. NULL: nothing at all. `reply` is borrowed. */
void fake_redis_start(struct fake_redis *fake, const char *reply);
/* The same, on a port of 127.0.0.1. */
void fake_redis_start_tcp(struct fake_redis *fake, const char *reply);
/* Fine for a zeroed one. */
void fake_redis_done(struct fake_redis *fake);

/* How often it has read something, on all connections. */
static inline int fake_redis_reads(struct fake_redis *fake)
{
    return atomic_load(&fake->reads);
}

#endif
