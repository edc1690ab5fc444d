/* identity_headers: whose request it was, for the server behind a gateway.
 *
 * All of them are set always, "-" where there is nothing to say: a gateway that copies them then overwrites whatever
 * the client sent under these names. A value is percent-encoded but for unreserved characters and the spaces between
 * scopes, so that a user's name cannot be taken for another header or for "nothing". */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_IDENTITY_HEADERS_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_IDENTITY_HEADERS_H

#include "base/buf.h"
#include "base/slice.h"
#include "http/request.h"
#include "verify/check.h"

/* Appends one value; absent or empty is "-", and a "-" is "%2D". */
void identity_write(struct slice value, struct buf *out);
/* Appends a list of scopes. */
void identity_write_scope(struct slice scopes, struct buf *out);

/* Adds the headers of a request that was found good to the reply. */
void identity_headers_add(struct request *request, const struct check *check);

#endif
