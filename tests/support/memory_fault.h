/* memory_fault: lets one allocation fail, by number, ours or OpenSSL's.
 *
 * Only for programs that are linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc (see
 * tests/CMakeLists.txt), on one thread. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_MEMORY_FAULT_H
#define COUNTERSIGN_TESTS_SUPPORT_MEMORY_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Before anything else calls OpenSSL, whose own allocations fail in their turn from then on; without it, ours alone. */
void memory_fault_init(void);

/* Runs `scenario` again and again, with its first allocation failing, then its second, and so on,
 * until one run needed no more than were let through. Returns how many runs lost an allocation. */
size_t memory_fault_each(void (*scenario)(void));

/* For what else may fail (openssl_fault.c): whether it is the turn of this call of that name, which is static. */
bool memory_fault_is_due(const char *call);

/* Within a scenario: whether an allocation of this run has failed. Without one everything must work. */
bool memory_fault_happened(void);

/* Within a scenario: the name of what has failed, "malloc" and so on for an allocation; NULL: nothing yet. */
const char *memory_fault_name(void);

/* Within a scenario: until it is told otherwise nothing fails, and nothing is counted. */
void memory_fault_hold(bool hold);

#endif
