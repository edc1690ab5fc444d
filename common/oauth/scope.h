/* scope: lists of scopes, separated by single spaces (RFC 6749 §3.3's syntax, signed like any
 * parameter). */
#ifndef COUNTERSIGN_OAUTH_SCOPE_H
#define COUNTERSIGN_OAUTH_SCOPE_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

/* Takes the next scope off the list; false at the end. Several spaces count as one. */
bool scope_next(struct slice *list, struct slice *ret_scope);

/* Whether every scope of `needed` is in `granted`; nothing needed is always covered. */
bool scope_covers(struct slice granted, struct slice needed);

/* Whether the list holds only characters that a scope may have. */
bool scope_is_valid(struct slice list);

#endif
