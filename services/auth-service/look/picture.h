/* picture: whether bytes are a picture that may be served from this site. Nothing is decoded. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_PICTURE_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_PICTURE_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

enum { PICTURE_MAX_BYTES = 32 * 1024, PICTURE_MAX_PIXELS = 512 };

/* A PNG of at most 32 KB and 512 pixels a side: its chunks are known ones, whole, in order, with right checksums, and
 * nothing comes behind the last. *ret_why (a literal) says what is wrong and what to do. */
MUST_USE bool picture_check(struct slice bytes, const char **ret_why);

#endif
