/* seal_shape: the sealing keys, and what sealing anew came to, as JSON, in the one shape that the commands print and
 * the admin API gives. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_SEAL_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_SEAL_SHAPE_H

#include "crypto/sealed.h"
#include "durable/reseal.h"
#include "durable/sealing_keys.h"
#include "json/json_writer.h"

/* {"keys": […]}: those in use, and behind them those that the keyring has besides. */
void seal_shape_write_keys(struct json_writer *json, const struct keyring *keys, const struct sealing_key_page *used);
/* An object. `used`: the keys that are in use now. */
void seal_shape_write_rewritten(struct json_writer *json, const struct reseal *reseal, const struct keyring *keys,
                                const struct sealing_key_page *used);

#endif
