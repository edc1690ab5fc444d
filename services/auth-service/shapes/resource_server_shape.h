/* resource_server_shape: a resource server as JSON, in the one shape that commands print and the admin API gives. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_RESOURCE_SERVER_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_RESOURCE_SERVER_SHAPE_H

#include "durable/resource_servers.h"
#include "json/json_writer.h"

/* `key` is absent but where it is shown this once. */
void resource_server_shape_write(struct json_writer *json, const struct resource_server *server, struct slice key);
/* What a rotation answers. `former_until_ms`: when the former key ends; 0: it has ended. */
void resource_server_shape_write_rotated(struct json_writer *json, struct slice name, struct slice key,
                                         int64_t former_until_ms);

#endif
