/* percent: percent-encoding as RFC 5849 §3.6 wants it, and the decoding of forms.
 *
 * Unreserved (A-Z a-z 0-9 - . _ ~) stay, every other byte becomes %XX in upper case. */
#ifndef COUNTERSIGN_BASE_PERCENT_H
#define COUNTERSIGN_BASE_PERCENT_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* How '+' reads: as itself (headers, paths) or as a space (query, form body). */
enum plus { PLUS_LITERAL, PLUS_IS_SPACE };

/* RFC 3986 §2.3. */
bool percent_is_unreserved(char byte);

/* Whether every byte is unreserved, so that the text is its own encoding and decoding. */
bool percent_is_plain(struct slice text);

/* Appends the encoding of `bytes`; at most three times as long (RFC 5849 §3.6). */
void percent_encode(struct buf *out, struct slice bytes);

/* Writes the decoding of `text` to `out`, which has room for text.len bytes and does not overlap
 * it, and tells how many it wrote. Decodes once. False for a '%' without two hexadecimal digits. */
MUST_USE bool percent_decode(struct slice text, enum plus plus, char *out, size_t *ret_len);

/* Writes the canonical encoding of what `text` decodes to: percent_encode(percent_decode(text)) in
 * one pass. `out` has room for 3 * text.len bytes. False as percent_decode. */
MUST_USE bool percent_canonical(struct slice text, enum plus plus, char *out, size_t *ret_len);

#endif
