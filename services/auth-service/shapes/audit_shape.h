/* audit_shape: a row of the audit log as JSON, in the one shape that the command prints and the admin API gives. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_AUDIT_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_AUDIT_SHAPE_H

#include "durable/changes.h"
#include "json/json_writer.h"

/* An object. */
void audit_shape_write(struct json_writer *json, const struct audit_entry *entry);

#endif
