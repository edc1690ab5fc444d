/* corpus_bench: the corpus of docs/design/security.md, "One message, one meaning", sent as raw bytes to a real server,
 * on either transport. Each row is a test of its own: what comes back, and that nothing behind a refused request is
 * read. */
#ifndef COUNTERSIGN_TESTS_HTTP_CORPUS_BENCH_H
#define COUNTERSIGN_TESTS_HTTP_CORPUS_BENCH_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    ROW_CLOSES = 1,    /* the connection ends after the reply */
    ROW_STAYS = 2,     /* it is still good for another request */
    ROW_HTTP_1_0 = 16, /* evhttp's reply says so */
};

struct corpus_row {
    const char *name;
    struct slice bytes;
    int status;
    int flags;
    const char *body;  /* NULL: any */
    int evhttp_status; /* 0: the same */
};

#define HOST "Host: a.example\r\n"

/* Runs the rows that both transports are asked, and `more`, each sent at once and, on the strict transport, again byte
 * by byte; returns how many failed. */
int corpus_run(const char *name, bool on_evhttp, const struct corpus_row *more, size_t more_count);

#endif
