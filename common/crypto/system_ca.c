#include "crypto/system_ca.h"

#include <openssl/x509.h>

const char *system_ca_directory(void)
{
    return X509_get_default_cert_dir();
}
