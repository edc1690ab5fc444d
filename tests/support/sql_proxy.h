/* sql_proxy: stands between a client and a MySQL server, on a Unix socket, and breaks the connection at a chosen place;
 * or stands in for a server that speaks nonsense. One connection at a time is served; the next waits.
 *
 * Invariants: what is armed happens once, to the first packet of the client that holds the text. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_SQL_PROXY_H
#define COUNTERSIGN_TESTS_SUPPORT_SQL_PROXY_H

#include "base/slice.h"
#include "support/temp_dir.h"

#include <pthread.h>
#include <stdbool.h>

enum sql_proxy_break {
    PROXY_DROP_STATEMENT, /* the server does not get it */
    PROXY_DROP_REPLY,     /* the server answered, the client gets nothing */
    PROXY_HALVE_REPLY,    /* the client gets half of the answer */
};

struct sql_proxy {
    char directory[TEMP_PATH_BYTES];
    char socket[TEMP_PATH_BYTES];
    const char *server; /* NULL: it answers by itself */
    struct slice greeting;
    bool holds;      /* the connection, behind the greeting */
    char heard[512]; /* what it was then told; to be read once it has stopped */
    size_t heard_len;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    const char *text; /* NULL: not armed */
    enum sql_proxy_break what;
    bool is_stopping;
};

/* In front of the server with this socket. */
void sql_proxy_start(struct sql_proxy *proxy, const char *server);
/* Instead of one: says the greeting to everybody, then closes, or holds the connection and says nothing. */
void sql_proxy_start_fake(struct sql_proxy *proxy, struct slice greeting, bool holds);
void sql_proxy_stop(struct sql_proxy *proxy);

/* `text` is a literal. */
void sql_proxy_arm(struct sql_proxy *proxy, enum sql_proxy_break what, const char *text);
/* Whether what was armed has not happened yet. */
bool sql_proxy_is_armed(struct sql_proxy *proxy);

#endif
