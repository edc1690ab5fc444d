#include "crypto/random.h"

#include "base/wipe.h"

#include <limits.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static atomic_uint calls_to_pass, calls_to_fail;

void random_fail_next(unsigned count)
{
    random_fail_after(0, count);
}

void random_fail_after(unsigned passed, unsigned count)
{
    atomic_store(&calls_to_pass, passed);
    atomic_store(&calls_to_fail, count);
}

static bool take_one(atomic_uint *counter)
{
    unsigned left = atomic_load(counter);
    while (left > 0)
        if (atomic_compare_exchange_weak(counter, &left, left - 1))
            return true;
    return false;
}

static bool must_fail(void)
{
    return !take_one(&calls_to_pass) && take_one(&calls_to_fail);
}

enum status random_bytes(void *out, size_t len)
{
    if (!must_fail() && len <= INT_MAX && RAND_bytes(out, (int)len) == 1)
        return STATUS_OK;
    memset(out, 0, len);
    return STATUS_NO_RANDOMNESS;
}

/* Draws bytes and keeps those below the largest multiple of `size`, so that every letter is equally likely. */
static enum status draw_letters(char *out, size_t len, const char *letters, unsigned size)
{
    unsigned char pool[64];
    unsigned limit = 256 - 256 % size;
    size_t filled = 0;
    enum status status = STATUS_OK;
    while (filled < len && status == STATUS_OK) {
        status = random_bytes(pool, sizeof pool);
        for (size_t i = 0; i < sizeof pool && filled < len && status == STATUS_OK; i++)
            if (pool[i] < limit)
                out[filled++] = letters[pool[i] % size];
    }
    wipe_bytes(pool, sizeof pool);
    if (status != STATUS_OK)
        memset(out, 0, len);
    return status;
}

enum status random_text(char *out, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return draw_letters(out, len, letters, sizeof letters - 1);
}

enum status random_typable(char *out, size_t len)
{
    static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    return draw_letters(out, len, letters, sizeof letters - 1);
}
