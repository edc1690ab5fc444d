#include "crypto/algorithms.h"

#include <openssl/evp.h>
#include <pthread.h>

#define OPENSSL_NAME(NAME, size, openssl, ...) openssl,
static const char *const names[] = {DIGESTS(OPENSSL_NAME)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *digests[COUNT_OF(names)];
static EVP_MAC *hmac;

static void fetch_all(void)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

const EVP_MD *algorithm_md(enum digest digest)
{
    (void)pthread_once(&once, fetch_all);
    return digests[digest];
}

const char *algorithm_name(enum digest digest)
{
    return names[digest];
}

EVP_MAC *algorithm_hmac(void)
{
    (void)pthread_once(&once, fetch_all);
    return hmac;
}
