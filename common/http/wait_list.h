/* wait_list: members that wait for something, in the order in which they began. So the first member is also the first
 * whose time is over. Adding and leaving cost the same, however many members there are.
 *
 * Invariants: who waits is in one list at most; times that are handed in do not go back. */
#ifndef COUNTERSIGN_HTTP_WAIT_LIST_H
#define COUNTERSIGN_HTTP_WAIT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wait_list;

/* Embedded in the member; zeroed at first. */
struct waiter {
    struct wait_list *list; /* NULL: in none */
    struct waiter *next;
    struct waiter *prev;
    int64_t since_ms;
};

/* Zeroed at first. */
struct wait_list {
    struct waiter *first;
    struct waiter *last;
    size_t count;
};

/* Takes the member out of the list that it was in, and puts it behind all others of this one. */
void wait_list_add(struct wait_list *list, struct waiter *waiter, int64_t now_ms);
/* Takes the member out of its list. Nothing happens if it is in none. */
void waiter_leave(struct waiter *waiter);

/* The first member, if it began before this time; else NULL. */
struct waiter *wait_list_first_before(const struct wait_list *list, int64_t time_ms);

#endif
