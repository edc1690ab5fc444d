/* search: all states that a model can reach, breadth first, so that the first bad one has the shortest trace.
 *
 * A state is a block of bytes without padding. What was seen is kept as a 64-bit hash of it; whole states are kept
 * for two depths only, and a trace is played again from its start. */
#ifndef MODEL_SEARCH_H
#define MODEL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search;

enum { SEARCH_TRACE_MAX = 200 };

/* Everything about one model that the search needs. */
struct search_model {
    size_t state_size;
    size_t hashed_size;                                     /* the rest of a state is for traces alone */
    void (*start)(struct search *search);                   /* adds the initial states */
    void (*step)(struct search *search, const void *state); /* adds what may follow */
    bool (*is_bad)(const void *state);
    void (*describe)(const void *before, const void *after, unsigned action); /* prints one step of a trace */
};

struct search_result {
    size_t states;
    unsigned depth;
    bool is_bad;      /* a bad state was found */
    bool is_complete; /* everything within the bounds was seen */
    unsigned steps;   /* of the trace to it */
};

/* Adds a state that `action` leads to. */
void search_add(struct search *search, unsigned action, const void *state);
/* Stops after `max_states`; prints the trace of a bad state where `is_verbose`. */
struct search_result search_run(const struct search_model *model, size_t max_states, bool is_verbose);

#endif
