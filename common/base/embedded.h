/* embedded: files of the source tree that are compiled into a binary (CMake's embed()). */
#ifndef COUNTERSIGN_BASE_EMBEDDED_H
#define COUNTERSIGN_BASE_EMBEDDED_H

#include "base/slice.h"

/* A table of these ends with a row whose name is NULL; rows are sorted by name. */
struct embedded_file {
    const char *name;      /* without folder */
    struct slice contents; /* followed by a NUL that is not counted */
};

#endif
