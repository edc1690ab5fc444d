/* token_shape: a token as JSON, in the one shape that commands print and the admin API gives; never the token itself or
 * its secret. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_TOKEN_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_TOKEN_SHAPE_H

#include "durable/tokens.h"
#include "json/json_writer.h"

/* An object. */
void token_shape_write(struct json_writer *json, const struct token *token);

#endif
