/* routes: finds the row for a method and a raw path. */
#ifndef COUNTERSIGN_HTTP_ROUTES_H
#define COUNTERSIGN_HTTP_ROUTES_H

#include "base/buf.h"
#include "http/http_server.h"

/* The row that fits, and the values of its {…} segments (REQUEST_PATH_VALUES_MAX of them). NULL: none does;
 * then `allow` got the methods of the rows whose path fits ("GET, HEAD"), nothing if there is none. */
const struct route *routes_find(const struct route *routes, size_t count, struct slice method, struct slice path,
                                struct slice *ret_values, struct buf *allow);

#endif
