/* wipe: overwrites memory that held a secret, in a way that no optimiser drops. */
#ifndef COUNTERSIGN_BASE_WIPE_H
#define COUNTERSIGN_BASE_WIPE_H

#include <stddef.h>
#include <string.h>

static inline void wipe_bytes(void *bytes, size_t len)
{
    if (len)
        explicit_bzero(bytes, len);
}

#endif
