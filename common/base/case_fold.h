/* case_fold: texts that differ by upper and lower case alone become the same. */
#ifndef COUNTERSIGN_BASE_CASE_FOLD_H
#define COUNTERSIGN_BASE_CASE_FOLD_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the text in lower case, letter by letter, of whatever script (UTF-8). Bytes that are no UTF-8 stay as they
 * are. */
void case_fold(struct slice text, struct buf *out);

#endif
