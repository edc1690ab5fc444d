/* access_log: one line about each request.
 *
 * Lines of one turn of a loop are collected and written together, a pipe's worth at a time, so that
 * logging costs a fraction of a system call for each request. At most a thousand a second are written for a process,
 * and as many for its own errors; the others are counted, and a line says how many they were. No path, query, body,
 * header or credential is in them: the handler's name says what was asked. */
#ifndef COUNTERSIGN_SERVICE_ACCESS_LOG_H
#define COUNTERSIGN_SERVICE_ACCESS_LOG_H

#include "base/attributes.h"
#include "http/request.h"

#include <stddef.h>

struct access_log;

/* For servers that run on the same `loop_count` loops. NULL: no memory. */
MUST_USE struct access_log *access_log_new(size_t loop_count);
/* Call this after the loops were freed, because freeing them writes what is left. NULL is fine. */
void access_log_free(struct access_log *log);

/* Logs a request, on its loop. Server errors are logged as errors, all others as information. */
void access_log_add(struct access_log *log, const struct request *request, int http_status, int64_t duration_ns);

#endif
