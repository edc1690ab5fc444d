/* auth_header: the Authorization header of scheme OAuth (RFC 5849 §3.5.1, RFC 9110 §11). */
#ifndef COUNTERSIGN_OAUTH_AUTH_HEADER_H
#define COUNTERSIGN_OAUTH_AUTH_HEADER_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>

/* Whether the header's value is of the scheme OAuth, in any case (RFC 5849 §3.5.1). *ret_list is what follows the
 * scheme's name. */
bool auth_header_is_oauth(struct slice value, struct slice *ret_list);

struct auth_header_pair {
    struct slice name;  /* raw, still percent-encoded */
    struct slice value; /* likewise */
    bool is_plain;      /* nothing in name or value is encoded, or needs to be */
};

enum auth_header_item { AUTH_HEADER_PARAMETER, AUTH_HEADER_END, AUTH_HEADER_BROKEN };

/* Reads the next name="value" of the list and moves *list behind it. Empty elements are skipped, and so are spaces and
 * tabs around commas and '=' (RFC 9110 §5.6.1.2). These make the list broken: an unquoted value, a missing quote or
 * comma, an empty name, a control character (and with it a folded line), a backslash in any value but the realm's. */
MUST_USE enum auth_header_item auth_header_next(struct slice *list, struct auth_header_pair *ret_pair);

/* Whether the parameter is the realm, which is no part of the signature (RFC 5849 §3.4.1.3.1). */
bool auth_header_is_realm(struct slice name);

#endif
