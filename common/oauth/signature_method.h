/* signature_method: the methods by name (RFC 5849 §3.4 and its common extensions). */
#ifndef COUNTERSIGN_OAUTH_SIGNATURE_METHOD_H
#define COUNTERSIGN_OAUTH_SIGNATURE_METHOD_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "crypto/digest.h"

#include <stdbool.h>

enum signature_kind { SIGNATURE_HMAC, SIGNATURE_RSA, SIGNATURE_PLAINTEXT };

/* X(name, kind, digest). A method that is added here is known to configuration, checks, hints and commands; a new
 * digest is a line of DIGESTS. The schema (proto/schemas/oauth1.schema.json) names them too, and the lint compares. */
#define SIGNATURE_DIGEST_METHODS(X) \
    X("HMAC-SHA1", HMAC, SHA1)      \
    X("HMAC-SHA256", HMAC, SHA256)  \
    X("HMAC-SHA512", HMAC, SHA512)  \
    X("RSA-SHA1", RSA, SHA1)        \
    X("RSA-SHA256", RSA, SHA256)    \
    X("RSA-SHA512", RSA, SHA512)
#define SIGNATURE_METHODS(X) SIGNATURE_DIGEST_METHODS(X) X("PLAINTEXT", PLAINTEXT, SHA1)

struct signature_method {
    struct slice name; /* case-sensitive */
    enum signature_kind kind;
    enum digest digest; /* of the signature, and of an oauth_body_hash that is made here (PLAINTEXT: SHA-1) */
    unsigned bit;       /* in masks of allowed methods */
};

#define SIGNATURE_METHOD_ONE(...) +1
enum { SIGNATURE_METHOD_COUNT = SIGNATURE_METHODS(SIGNATURE_METHOD_ONE) };
#undef SIGNATURE_METHOD_ONE

#define SIGNATURE_METHODS_ALL ((1U << SIGNATURE_METHOD_COUNT) - 1)

/* In the order of the list. */
extern const struct signature_method signature_methods[SIGNATURE_METHOD_COUNT];

/* Returns NULL if there is no such method. */
const struct signature_method *signature_method_find(struct slice name);

/* Reads names that are separated by spaces or commas into a mask. Returns false if a name is unknown: *ret_unknown is
 * the first such. */
MUST_USE bool signature_methods_parse(struct slice names, unsigned *ret_mask, struct slice *ret_unknown);

/* Returns the mask of all methods of this kind. */
unsigned signature_methods_of(enum signature_kind kind);

/* Appends the names of the methods in `mask`, joined by `separator`. */
void signature_methods_write(unsigned mask, char separator, struct buf *out);

#endif
