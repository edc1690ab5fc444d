/* gate: when a server that could not be reached may be tried again, and when a connection is to be made anew, for all
 * connections to it together.
 *
 * Invariants: as long as it is reached everybody may connect. After a failure one at a time tries, after 50 ms, then
 * after twice as long as the last time, at most 500 ms; the others are told no at once, so that a server that hangs
 * does not keep every thread. Once a server was found to be no primary any more, each connection that was made before,
 * or soon after, is to be made anew, twice a second at most: the URL may lead to another server from some moment on.
 * From any thread. */
#ifndef COUNTERSIGN_SQL_GATE_H
#define COUNTERSIGN_SQL_GATE_H

#include "base/attributes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sql_gate {
    pthread_mutex_t lock;
    unsigned failures;     /* since it was last reached */
    bool is_trying;        /* somebody, after a failure */
    int64_t next_ns;       /* not before; clock_monotonic_ns */
    atomic_llong moved_ns; /* when a server was last found to be no primary; 0: never */
};

/* An open gate: nothing has failed yet. */
void sql_gate_init(struct sql_gate *gate);
void sql_gate_done(struct sql_gate *gate);

/* Whether the caller may connect now; if so sql_gate_leave must follow. */
MUST_USE bool sql_gate_enter(struct sql_gate *gate);
/* Tells the gate whether the connection could be made. */
void sql_gate_leave(struct sql_gate *gate, bool is_reached);

/* A server is no primary any more. */
void sql_gate_note_move(struct sql_gate *gate);
/* Whether a connection that was begun then (clock_monotonic_ns) is to be made anew. */
MUST_USE bool sql_gate_has_moved(struct sql_gate *gate, int64_t connected_ns);

#endif
