/* give_back: memory that was freed goes back to the system, where the C library would keep it for itself. */
#ifndef COUNTERSIGN_BASE_GIVE_BACK_H
#define COUNTERSIGN_BASE_GIVE_BACK_H

/* Call this once, when a process starts to serve. Large blocks are then pages of their own. By itself glibc takes
 * larger and larger ones from its heaps, once one was freed, and a heap shrinks at its end alone. */
void give_back_large_blocks(void);
/* Gives the system back what lies free between blocks that are in use. A large amount takes some milliseconds. */
void give_back_free_memory(void);

#endif
