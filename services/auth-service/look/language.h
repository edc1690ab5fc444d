/* language: in which of the languages that are offered a page is shown: the one that was chosen on a page and is kept
 * in a cookie, or the browser's (RFC 9110 §12.5.4, by RFC 4647's lookup). */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_LANGUAGE_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_LANGUAGE_H

#include "base/attributes.h"
#include "base/slice.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

enum { LANGUAGE_TAG_MAX_BYTES = 35 };

/* Whether it looks like a language tag (RFC 5646): "de", "pt-BR". */
MUST_USE bool language_is_tag(struct slice text);

/* The index of the tag that fits an Accept-Language best; 0 where none does. `accept` may be absent. */
size_t language_choose(struct slice accept, const struct slice *tags, size_t count);

#endif
