/* log_writer: a thread that writes log lines, so that nobody waits for whoever reads them. Only log.c uses it.
 *
 * Invariants: lines are written whole and in their order, at most LOG_LINE_BYTES by one write(2). At most
 * LOG_QUEUE_BYTES wait; lines below a warning find room in the first half of it alone, so that a flood of them never
 * costs a warning. What finds no room, or cannot be written, is dropped and counted, and a line says how many were,
 * once lines can be written again. Adding never blocks for longer than another thread's adding. */
#ifndef COUNTERSIGN_BASE_LOG_WRITER_H
#define COUNTERSIGN_BASE_LOG_WRITER_H

#include "base/attributes.h"
#include "base/log.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct log_writer;

/* The descriptor and the counter are borrowed. NULL: no memory, or no thread. */
MUST_USE struct log_writer *log_writer_new(int fd, _Atomic uint64_t *lines_lost);
/* Whole lines, at most LOG_LINE_BYTES together; from any thread. */
void log_writer_add(struct log_writer *writer, enum log_level level, struct slice lines);
/* Writes the lines that wait, for at most timeout_ms, and frees the writer. Nobody may add lines meanwhile. False: the
 * time did not suffice. The writer then stays and drops what is added; the call may be repeated. */
bool log_writer_free_blocking(struct log_writer *writer, unsigned timeout_ms);

#endif
