/* give_back: memory that was freed goes back to the system, where the C library would keep it for itself. */
#ifndef COUNTERSIGN_BASE_GIVE_BACK_H
#define COUNTERSIGN_BASE_GIVE_BACK_H

/* Once, at the start of a process that serves: large blocks are pages of their own from now on. By itself glibc takes
 * larger and larger ones from its heaps, once one was freed, and a heap shrinks at its end alone. */
void give_back_large_blocks(void);
/* Gives back what lies free between blocks that are in use. It takes some milliseconds where that is much. */
void give_back_free_memory(void);

#endif
