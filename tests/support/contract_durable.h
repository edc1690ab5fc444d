/* contract_durable: what every durable store must do, as tests that any engine is put to. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_CONTRACT_DURABLE_H
#define COUNTERSIGN_TESTS_SUPPORT_CONTRACT_DURABLE_H

#include "base/slice.h"

enum { DURABLE_URL_BYTES = 640 };

/* An engine, as the suite sees it. */
struct tested_durable {
    const char *name;
    /* Makes room for a database that is empty, and gives its URL; fails the test if it cannot. */
    void *(*create)(char url[DURABLE_URL_BYTES]);
    void (*destroy)(void *database);
    /* Whether the bytes are somewhere in what the engine has on its disk. */
    int (*contains)(void *database, struct slice bytes);
};

/* Runs the suite; returns the number of tests that failed. */
int contract_durable_run(const struct tested_durable *kind);

#endif
