#include "base/give_back.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

enum { LARGE_BYTES = 128 * 1024, FREE_AT_TOP_BYTES = 1024 * 1024 };

void give_back_large_blocks(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, FREE_AT_TOP_BYTES);
}

void give_back_free_memory(void)
{
    (void)malloc_trim(0);
}
#else
void give_back_large_blocks(void)
{
}

void give_back_free_memory(void)
{
}
#endif
