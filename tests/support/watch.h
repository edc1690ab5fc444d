/* watch: what was wiped and what was compared in constant time, for programs that are linked with --wrap of
 * explicit_bzero and CRYPTO_memcmp (tests/CMakeLists.txt): nothing else tells whether a wipe was forgotten. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_WATCH_H
#define COUNTERSIGN_TESTS_SUPPORT_WATCH_H

#include "base/slice.h"

#include <stddef.h>

/* Begins anew. Until watch_end all that is wiped or compared is copied, in any thread. */
void watch_begin(void);
void watch_end(void);

/* How many of the wiped places held these bytes; "": any. */
size_t watch_wipes(struct slice bytes);
/* How often these bytes, from first to last, were compared in constant time; "": any. */
size_t watch_comparisons(struct slice bytes);

#endif
