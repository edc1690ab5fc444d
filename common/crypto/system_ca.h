/* system_ca: where this machine keeps the certificates of those whom it trusts. */
#ifndef COUNTERSIGN_CRYPTO_SYSTEM_CA_H
#define COUNTERSIGN_CRYPTO_SYSTEM_CA_H

/* OpenSSL's own directory of hashed CA certificates; it need not exist. A constant of the library. */
const char *system_ca_directory(void);

#endif
