#include "support/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 256 };

struct seen {
    char *bytes;
    size_t len;
    bool wiped; /* or compared */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct seen seen[SEEN_MAX];
static size_t seen_count;
static bool is_on;

static void note(const void *bytes, size_t len, bool wiped)
{
    (void)pthread_mutex_lock(&mutex);
    if (is_on && seen_count < SEEN_MAX && len > 0) {
        char *copy = malloc(len);
        if (copy) {
            memcpy(copy, bytes, len);
            seen[seen_count++] = (struct seen){copy, len, wiped};
        }
    }
    (void)pthread_mutex_unlock(&mutex);
}

static void forget(bool on)
{
    (void)pthread_mutex_lock(&mutex);
    while (seen_count > 0)
        free(seen[--seen_count].bytes);
    is_on = on;
    (void)pthread_mutex_unlock(&mutex);
}

void watch_begin(void)
{
    forget(true);
}

void watch_end(void)
{
    forget(false);
}

size_t watch_wipes(struct slice bytes)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < seen_count; i++)
        count += seen[i].wiped && memmem(seen[i].bytes, seen[i].len, bytes.ptr, bytes.len) != NULL;
    (void)pthread_mutex_unlock(&mutex);
    return count;
}

size_t watch_comparisons(struct slice bytes)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < seen_count; i++)
        count += !seen[i].wiped && (bytes.len == 0 || slice_eq(slice_of(seen[i].bytes, seen[i].len), bytes));
    (void)pthread_mutex_unlock(&mutex);
    return count;
}

void __real_explicit_bzero(void *bytes, size_t len);
void __wrap_explicit_bzero(void *bytes, size_t len);
void __wrap_explicit_bzero(void *bytes, size_t len)
{
    note(bytes, len, true);
    __real_explicit_bzero(bytes, len);
}

int __real_CRYPTO_memcmp(const void *a, const void *b, size_t len);
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t len);
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t len)
{
    note(a, len, false);
    return __real_CRYPTO_memcmp(a, b, len);
}
