/* block: sixteen bytes looked at together (vectors of gcc and clang; plain instructions on every x86-64 and arm64).
 *
 * A test of a block gives a block of 0xFF where it holds and 0 elsewhere. */
#ifndef COUNTERSIGN_BASE_BLOCK_H
#define COUNTERSIGN_BASE_BLOCK_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char block __attribute__((vector_size(16)));
typedef uint64_t block_halves __attribute__((vector_size(16)));

enum { BLOCK_BYTES = sizeof(block) };

static inline block block_load(const char *from)
{
    block bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

static inline void block_store(char *to, block bytes)
{
    memcpy(to, &bytes, sizeof bytes);
}

/* Where the bytes are unreserved characters of RFC 3986 §2.3. */
static inline block block_unreserved(block bytes)
{
    block lower = bytes | 0x20; /* letters alone become letters of lower case */
    return (block)(lower - 'a' < 26) | (block)(bytes - '0' < 10) | (block)(bytes - '-' < 2) | (block)(bytes == '_') |
           (block)(bytes == '~');
}

/* Where the bytes are printable ASCII, and neither '"' nor '\\'. */
static inline block block_json_plain(block bytes)
{
    return (block)(bytes - ' ' < 0x7F - ' ') & (block)(bytes != '"') & (block)(bytes != '\\');
}

static inline bool block_all(block test)
{
    block_halves both = (block_halves)test;
    return (both[0] & both[1]) == UINT64_MAX;
}

/* How many bytes come before the first where the test does not hold; BLOCK_BYTES if it holds for all. */
static inline size_t block_run(block test)
{
    block_halves both = ~(block_halves)test;
    if (both[0])
        return (size_t)__builtin_ctzll(htole64(both[0])) / 8;
    return both[1] ? 8 + (size_t)__builtin_ctzll(htole64(both[1])) / 8 : BLOCK_BYTES;
}

#endif
