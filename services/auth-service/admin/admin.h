/* admin: what the calls of the admin port share: who calls, JSON in, JSON and problems out.
 *
 * The tables here begin with a step that calls admin_begin; request->state is a struct that begins with a struct
 * admin_call. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_ADMIN_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_ADMIN_H

#include "admin/bearers.h"
#include "app/app.h"
#include "base/buf.h"
#include "loop/flow.h"
#include "json/json_reader.h"

#include <stddef.h>

struct admin_call {
    struct bearer bearer;
};

/* Whose tokens open a call: those of OAUTH1_ADMIN_TOKEN alone, or those of OAUTH1_LOGIN_TOKEN too. */
enum admin_callers { ADMIN_FOR_OPERATORS, ADMIN_FOR_SITES_TOO };

/* Makes request->state of so many bytes, and finds out who calls and whether he may: a bearer who may only read gets
 * through with GET alone. STEP_NEXT, or it was refused. */
enum step_result admin_begin(struct flow *flow, enum admin_callers callers, size_t state_size);

/* The step that reads the body of a caller who is known. */
enum step_result admin_take_body(struct flow *flow);

/* The i-th {…} of the path, decoded. Absent: it cannot be decoded, or there is no memory. */
struct slice admin_path_value(struct request *request, size_t index);

/* The body, an object by these fields; an empty body is `{}` where nothing is required. STEP_NEXT, or it was refused:
 * 400 with what is wrong, 415. */
enum step_result admin_read_body(struct request *request, const struct json_field *fields, void *out);

/* 200 with this JSON. */
enum step_result admin_reply(struct request *request, const struct buf *json);
/* A problem. `detail` says what is wrong and what to do. */
enum step_result admin_refuse(struct request *request, int http_status, const char *detail);
/* The same for a status of a store, or of memory. */
enum step_result admin_refuse_status(struct request *request, enum status status);

#endif
