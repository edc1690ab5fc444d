/* signature_method: the seven methods by name (RFC 5849 §3.4 and its common extensions). */
#ifndef COUNTERSIGN_OAUTH_SIGNATURE_METHOD_H
#define COUNTERSIGN_OAUTH_SIGNATURE_METHOD_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "crypto/digest.h"

#include <stdbool.h>

enum signature_kind { SIGNATURE_HMAC, SIGNATURE_RSA, SIGNATURE_PLAINTEXT };

struct signature_method {
    struct slice name; /* exact: names are case-sensitive */
    enum signature_kind kind;
    enum digest digest; /* of the signature, and of oauth_body_hash as we make it (PLAINTEXT: SHA-1) */
    unsigned bit;       /* in masks of allowed methods */
};

#define SIGNATURE_METHODS_ALL 0x7FU

/* NULL: there is no such method. */
const struct signature_method *signature_method_find(struct slice name);

/* Names separated by spaces or commas as a mask; false: *ret_unknown is the first that is none. */
MUST_USE bool signature_methods_parse(struct slice names, unsigned *ret_mask, struct slice *ret_unknown);

/* Appends the names of a mask, joined by `separator`. */
void signature_methods_write(unsigned mask, char separator, struct buf *out);

#endif
