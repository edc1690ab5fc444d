/* escape: text made safe for a reader that gives bytes a meaning. */
#ifndef COUNTERSIGN_BASE_ESCAPE_H
#define COUNTERSIGN_BASE_ESCAPE_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends what stands between the quotes of a JSON string (RFC 8259 §7): quotes, backslashes and
 * control characters escaped, and so is all that escape_terminal replaces; each byte outside
 * well-formed UTF-8 as U+FFFD. */
void escape_json(struct buf *out, struct slice text);

/* Appends the text for a terminal: control characters (also C1), line separators, marks that turn the
 * direction of writing, and bytes
 * outside well-formed UTF-8 become '?', so that it cannot break a line or command the terminal. */
void escape_terminal(struct buf *out, struct slice text);

#endif
