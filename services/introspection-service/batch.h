/* batch: POST /v1/introspect/batch. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_BATCH_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_BATCH_H

#include "loop/flow.h"

extern const struct step batch[];

enum {
    BATCH_BODY_MAX_BYTES = 4 * 1024 * 1024,
    /* JSON of that size, its parameters as they are encoded anew, and base strings of them */
    BATCH_ARENA_BYTES = 64 * 1024 * 1024,
};

#endif
