/* callback: where a browser may be sent with the verifier (RFC 5849 §2.1, §2.2; docs/design/protocol.md, "Callbacks").
 *
 * The rule that everything rests on: what goes into Location was registered by the client, exactly or
 * by a prefix that no spelling of the rest can leave. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_CALLBACK_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_CALLBACK_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "durable/clients.h"

#include <stdbool.h>

enum { CALLBACK_MAX_BYTES = 2000 };

/* Out of band: the verifier is shown to be typed (RFC 5849 §2.1; case-sensitive). */
bool callback_is_oob(struct slice callback);

/* Whether it is `oob` or an absolute URI that could be a callback at all: no javascript:, data:,
 * vbscript: or file:, no user information, no fragment, nothing but printable ASCII. May be asked
 * before the signature: it tells nothing about the client. *ret_why says what is wrong. */
MUST_USE bool callback_is_acceptable(struct slice callback, const char **ret_why);

/* Whether a client may register it; a prefix is an http(s) URI whose path ends with '/'. */
MUST_USE bool callback_may_be_registered(const struct client_callback *callback, bool http_allowed,
                                         const char **ret_why);

/* Whether this (acceptable) callback is the client's: its default one, registered exactly, or under
 * a registered prefix; on a loopback address with any port (RFC 8252 §7.3); http elsewhere only where the client
 * is marked for it. `oob` is open to every client. */
MUST_USE bool callback_is_registered(struct slice callback, const struct client *client);

/* Whether an http(s) URI's host is a loopback address or localhost. */
bool callback_is_loopback(struct slice callback);

/* Appends the callback and name=value pairs behind whatever query it has. Values are encoded. */
struct callback_pair {
    const char *name;
    struct slice value;
};
void callback_write(struct slice callback, const struct callback_pair *pairs, size_t count, struct buf *out);

/* Appends what Content-Security-Policy's form-action must name for the redirect to work: the origin of
 * an http(s) callback, or the scheme ("app.example:") of a private one. Nothing for `oob` and for none. */
void callback_write_csp_source(struct slice callback, struct buf *out);

#endif
