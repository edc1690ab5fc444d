/* user_shape: a user as JSON, in the one shape that commands print and the admin API gives; never a password's hash. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_USER_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_USER_SHAPE_H

#include "durable/users.h"
#include "json/json_writer.h"

/* An object. */
void user_shape_write(struct json_writer *json, const struct user *user);

#endif
