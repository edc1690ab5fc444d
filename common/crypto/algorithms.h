/* algorithms: OpenSSL's digests and HMAC, fetched once a process (a fetch costs more than the
 * whole HMAC of a request, and contends between threads). Only crypto/ includes this. */
#ifndef COUNTERSIGN_CRYPTO_ALGORITHMS_H
#define COUNTERSIGN_CRYPTO_ALGORITHMS_H

#include "crypto/digest.h"

#include <openssl/types.h>

/* NULL only when OpenSSL has no such digest (a FIPS build without SHA-1) or no memory. */
const EVP_MD *algorithm_md(enum digest digest);
/* OpenSSL's name of it: "SHA1", "SHA256", "SHA512". */
const char *algorithm_name(enum digest digest);
/* The HMAC implementation; NULL as above. */
EVP_MAC *algorithm_hmac(void);

#endif
