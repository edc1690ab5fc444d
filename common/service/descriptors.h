/* descriptors: what the process may have open, and how much of it clients get. */
#ifndef COUNTERSIGN_SERVICE_DESCRIPTORS_H
#define COUNTERSIGN_SERVICE_DESCRIPTORS_H

#include "base/buf.h"
#include "config/config.h"

#include <stddef.h>

struct descriptors {
    size_t limit;       /* of the process */
    size_t kept;        /* for stores, the ops port, the admin API and files */
    size_t connections; /* what is left for clients of the public port: at most 65 536, and OAUTH1_CONNECTIONS */
};

enum { ADMIN_CONNECTIONS = 64, OPS_CONNECTIONS = 64 };

/* What there is by the hard limit, to which `serve` raises the soft one. */
struct descriptors descriptors_of(const struct config *config);
/* Raises the soft limit (RLIMIT_NOFILE) to the hard one; where that is refused, *descriptors are of the soft one. */
void descriptors_raise(const struct config *config, struct descriptors *ret_descriptors);
/* Appends a line if there are fewer than were asked for, or too few to serve. */
void descriptors_warn(const struct descriptors *descriptors, const struct config *config, struct buf *out);

#endif
