#include "crypto/ca_file.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

enum status ca_file_check_blocking(const char *path, struct buf *why)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        return STATUS_NO_MEMORY;
    bool has_certificates = X509_STORE_load_file(store, path) == 1;
    X509_STORE_free(store);
    ERR_clear_error();
    if (has_certificates)
        return STATUS_OK;
    buf_addf(why, "%s: is no readable file of CA certificates in PEM form", path);
    return STATUS_BAD_INPUT;
}
