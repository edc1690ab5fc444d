/* random: unguessable values by RAND_bytes; a failure is an error (docs/design/security.md, "Randomness"). */
#ifndef COUNTERSIGN_CRYPTO_RANDOM_H
#define COUNTERSIGN_CRYPTO_RANDOM_H

#include "base/attributes.h"
#include "base/status.h"

#include <stddef.h>

/* Fills `out`. STATUS_NO_RANDOMNESS when the system gives none; then out is zeroed. */
MUST_USE enum status random_bytes(void *out, size_t len);

/* `len` characters of [A-Za-z0-9], log2(62) = 5.95 bit each, unbiased; not terminated. */
MUST_USE enum status random_text(char *out, size_t len);

/* `len` characters that can be read out and typed: no 0 O 1 I L, upper case, 31 of them
 * (4.95 bit each); not terminated. For the verifiers of out-of-band clients. */
MUST_USE enum status random_typable(char *out, size_t len);

/* For tests: makes the next `count` draws fail, or those after `passed` more. */
void random_fail_next(unsigned count);
void random_fail_after(unsigned passed, unsigned count);

#endif
