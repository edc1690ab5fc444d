/* http_fixture: a server on loops of its own in this process, and a client that sends raw bytes. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_HTTP_FIXTURE_H
#define COUNTERSIGN_TESTS_SUPPORT_HTTP_FIXTURE_H

#include "base/clock.h"
#include "http/http_server.h"
#include "loop/loop_group.h"

#include <pthread.h>
#include <stdbool.h>

struct http_fixture {
    struct clock clock;
    struct observer observer;
    struct loop_group *group;
    struct http_server *server;
    pthread_t thread;
    uint16_t port; /* of the first address */
};

/* Starts a server with the config's routes, limits, app, observer and addresses (none: 127.0.0.1, a free
 * port) on `loop_count` loops. Fails the test where it cannot. */
void http_fixture_start(struct http_fixture *fixture, const struct http_server_config *config, size_t loop_count);
/* Stops it as a service does; false if a request was not answered after timeout_ms, and was cut. */
bool http_fixture_stop(struct http_fixture *fixture, unsigned timeout_ms);

enum { RAW_REPLY_MAX = 1 << 20 };

/* One reply as it came. Fields point into text. */
struct raw_reply {
    char *text; /* NULL: the connection ended or was silent before a whole reply */
    int status; /* 0: none */
    struct slice head;
    struct slice body;
};

int raw_connect(uint16_t port);
int raw_connect_unix(const char *path);
void raw_send(int fd, struct slice bytes);
/* Reads one reply by its Content-Length (none: until the end), at most 5 s. `is_head`: it has no body. */
struct raw_reply raw_read_reply(int fd, bool is_head);
void raw_reply_done(struct raw_reply *reply);
/* The value of a header of the reply; absent without one. */
struct slice raw_reply_header(const struct raw_reply *reply, const char *name);
/* Whether the other side closes within this time, sending nothing more. */
bool raw_is_closed(int fd, int timeout_ms);
/* Connects, sends, reads one reply, closes. */
struct raw_reply raw_exchange(uint16_t port, struct slice bytes);

#endif
