/* ephemeral_memory: the store for minutes in the memory of one process, for all its loops. */
#ifndef COUNTERSIGN_EPHEMERAL_MEMORY_H
#define COUNTERSIGN_EPHEMERAL_MEMORY_H

#include "ephemeral/ephemeral.h"

/* STATUS_NO_MEMORY, STATUS_NO_RANDOMNESS, and the ledger's errors. */
MUST_USE enum status ephemeral_memory_open_blocking(const struct ephemeral_options *options, struct buf *why,
                                                    struct ephemeral_store **ret_store);

#endif
