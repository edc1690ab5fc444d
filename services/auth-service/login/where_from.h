/* where_from: roughly where a browser is, for its user to recognize: "Firefox, Linux, 192.0.2.x". */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_WHERE_FROM_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_WHERE_FROM_H

#include "base/buf.h"
#include "http/request.h"

/* What is known of these two; an unknown browser is left out, and the end of an address: who reads it knows it, and
 * whoever else gets to see it need not. */
void where_from_write(struct slice user_agent, struct slice address, struct buf *out);

/* In the request's arena; absent: no memory. */
struct slice where_from(struct request *request);

#endif
