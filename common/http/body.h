/* body: the memory of a request's body while it comes and while it is answered, and the bounds of all of them.
 *
 * Invariants: a pool belongs to one loop. A body counts with what really came, in pieces, and with a fixed part for
 * the request that waits for it; what was announced and did not come takes no memory. A large one has pages of its own.
 * The pool keeps some of these for the next ones, because giving pages back to the system costs more than the rest of a
 * call: every core has to forget them. What was not used for a while does go back. */
#ifndef COUNTERSIGN_HTTP_BODY_H
#define COUNTERSIGN_HTTP_BODY_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    BODY_SMALL_BYTES = 16 * 1024, /* up to here its memory is the request's arena */
    BODY_PIECE_BYTES = 16 * 1024, /* it is counted in these */
    BODY_KEPT_BYTES = 128 * 1024, /* up to here a large one has so many pages, which the pool may keep */
    BODY_KEPT_MAX = 64,           /* such pages that a pool keeps at most */
    BODY_REQUEST_BYTES = 8 * 1024 /* the fixed part: arena and connection of a request whose body comes */
};

struct body;

struct body_pool {
    size_t limit_bytes;
    size_t used_bytes;
    struct body *oldest; /* of those that are still coming */
    struct body *newest;
    void *kept[BODY_KEPT_MAX]; /* pages of BODY_KEPT_BYTES that no body has */
    size_t kept_count;
    size_t kept_unused; /* of these nobody had any since body_pool_give_back */
};

/* Zeroed: nothing of it is held. */
struct body {
    struct buf bytes;  /* what came */
    size_t page_bytes; /* of its own pages; 0: in the arena */
    size_t counted_bytes;
    struct body_pool *pool;
    struct body *older; /* while it comes */
    struct body *newer;
    bool is_coming;
};

/* Begins one of at most max_bytes; it has come to nothing yet. False: no memory. Whether it fits is body_make_room's.
 */
MUST_USE bool body_open(struct body *body, struct body_pool *pool, struct arena *arena, size_t max_bytes);
/* Counts `more` bytes that are about to be added. False: the pool has no room for them. */
MUST_USE bool body_make_room(struct body *body, size_t more);
/* The body is whole. Its memory stays, and it no longer counts among those that are still coming. */
void body_arrived(struct body *body);
/* Wipes the body, and gives back its memory and its part of the pool. */
void body_close(struct body *body);
/* Gives back the pages that no body needed since the last call. */
void body_pool_give_back(struct body_pool *pool);
/* Gives back all that are kept; bodies have to be closed before. */
void body_pool_done(struct body_pool *pool);

#endif
