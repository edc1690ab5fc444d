/* introspect: POST /v1/introspect. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_INTROSPECT_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_INTROSPECT_H

#include "loop/flow.h"

extern const struct step introspect[];

/* A described request may have a body of 64 KB, of which JSON can make more. */
enum { INTROSPECT_BODY_MAX_BYTES = 256 * 1024 };

#endif
