/* base64: RFC 4648 §4 with padding; and the URL-safe alphabet without it for what we generate. */
#ifndef COUNTERSIGN_BASE_BASE64_H
#define COUNTERSIGN_BASE_BASE64_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Length of the encoding of len bytes, without a NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes BASE64_LEN(bytes.len) characters. */
void base64_encode(struct slice bytes, char *out);

/* Strict: canonical padding, no white space, zero trailing bits. `out` has room for
 * text.len / 4 * 3 bytes. */
MUST_USE bool base64_decode(struct slice text, void *out, size_t *ret_len);

#endif
