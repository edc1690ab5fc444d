/* line_budget: how many lines of a kind are written in a second; the others are counted. */
#ifndef COUNTERSIGN_SERVICE_LINE_BUDGET_H
#define COUNTERSIGN_SERVICE_LINE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LINES_A_SECOND = 1000,
    /* Of those that say that the service could not do its work (503): what a store that is away, or a guard, makes of
     * every request says the same each time. */
    UNAVAILABLE_LINES_A_SECOND = 10,
};

/* Any thread may take of it. The second and the number of lines in it are one word, so that threads agree. */
struct line_budget {
    uint64_t lines_a_second;
    atomic_uint_fast64_t window; /* second << 32 | lines; 0 before its first use */
};

/* Whether one more line may be written in this second. *ret_left_out: how many were not in one that is over by now,
 * told to one caller alone; mostly 0. */
bool line_budget_take(struct line_budget *budget, uint64_t *ret_left_out);
/* How many were not written in the newest second. */
uint64_t line_budget_left_out(const struct line_budget *budget);

#endif
