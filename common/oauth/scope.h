/* scope: lists of scopes, separated by single spaces (RFC 6749 §3.3's syntax, signed like any
 * parameter). */
#ifndef COUNTERSIGN_OAUTH_SCOPE_H
#define COUNTERSIGN_OAUTH_SCOPE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* Takes the next scope off the list; false at the end. Several spaces count as one. */
bool scope_next(struct slice *list, struct slice *ret_scope);

/* Whether every scope of `needed` is in `granted`; nothing needed is always covered. */
bool scope_covers(struct slice granted, struct slice needed);

/* Whether the list holds only characters that a scope may have. */
bool scope_is_valid(struct slice list);

/* Appends those scopes of `list` that `allowed` has too, as lists are stored: in the order of `list`, each once, with
 * one space between. */
void scope_write_shared(struct slice list, struct slice allowed, struct buf *out);
/* The whole list so. */
static inline void scope_write(struct slice list, struct buf *out)
{
    scope_write_shared(list, list, out);
}

#endif
