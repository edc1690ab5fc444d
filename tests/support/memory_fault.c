#include "support/memory_fault.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>

/* The linker's names: what the program calls, and what it would have called. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static bool counting;
static size_t left;        /* allocations until the one that fails */
static const char *failed; /* NULL: nothing yet */
static bool is_held;

bool memory_fault_is_due(const char *call)
{
    if (!counting || is_held || failed || left-- > 0)
        return false;
    failed = call;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return memory_fault_is_due("malloc") ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fault_is_due("calloc") ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return memory_fault_is_due("realloc") ? NULL : __real_realloc(bytes, size);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(size);
}

static void *openssl_realloc(void *bytes, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(bytes, size);
}

static void openssl_free(void *bytes, const char *file, int line)
{
    (void)file, (void)line;
    free(bytes);
}

void memory_fault_init(void)
{
    int set = CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
    assert(set == 1);
    (void)set;
}

bool memory_fault_happened(void)
{
    return failed != NULL;
}

const char *memory_fault_name(void)
{
    return failed;
}

void memory_fault_hold(bool hold)
{
    is_held = hold;
}

size_t memory_fault_each(void (*scenario)(void))
{
    size_t runs = 0;
    for (;; runs++) {
        left = runs;
        failed = NULL;
        counting = true;
        scenario();
        counting = false;
        if (!failed)
            return runs;
    }
}
