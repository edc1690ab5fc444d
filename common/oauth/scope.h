/* scope: lists of scopes, separated by spaces. The syntax is that of RFC 6749 §3.3; a list is signed like any
 * parameter. */
#ifndef COUNTERSIGN_OAUTH_SCOPE_H
#define COUNTERSIGN_OAUTH_SCOPE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* Takes the next scope off the list. Returns false at the end. Several spaces count as one. */
bool scope_next(struct slice *list, struct slice *ret_scope);

/* Whether every scope of `needed` is in `granted`. An empty `needed` is always covered. */
bool scope_covers(struct slice granted, struct slice needed);

/* Whether the list holds only characters that a scope may have. */
bool scope_is_valid(struct slice list);

/* Appends the scopes of `list` that are in `allowed`, too, in the form in which lists are stored: in the order of
 * `list`, each once, with one space between. */
void scope_write_shared(struct slice list, struct slice allowed, struct buf *out);
/* Appends the whole list in that form. */
static inline void scope_write(struct slice list, struct buf *out)
{
    scope_write_shared(list, list, out);
}

#endif
