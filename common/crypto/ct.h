/* ct: comparison of secrets in constant time. */
#ifndef COUNTERSIGN_CRYPTO_CT_H
#define COUNTERSIGN_CRYPTO_CT_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

/* Equal bytes? The time depends on the lengths alone, which are no secret (RFC 5849 §3.2). */
MUST_USE bool ct_equal(struct slice a, struct slice b);

#endif
