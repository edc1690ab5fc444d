#include "crypto/keyed_hash.h"

#include "crypto/random.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void mix_state(struct state *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static inline void absorb_word(struct state *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    mix_state(s, rounds);
    s->v0 ^= word;
}

/* Up to 8 bytes, little-endian. */
static inline uint64_t load_word(const char *bytes, size_t len)
{
    uint64_t word = 0;
    if (len)
        memcpy(&word, bytes, len);
    return le64toh(word);
}

static inline uint64_t hash_bytes(const struct hash_key *key, struct slice bytes, unsigned each, unsigned last)
{
    struct state s = {
        key->k0 ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes" */
        key->k1 ^ 0x646f72616e646f6d,
        key->k0 ^ 0x6c7967656e657261,
        key->k1 ^ 0x7465646279746573,
    };
    size_t whole = bytes.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        absorb_word(&s, load_word(bytes.ptr + i, 8), each);
    uint64_t rest = bytes.len > whole ? load_word(bytes.ptr + whole, bytes.len - whole) : 0;
    absorb_word(&s, rest | (uint64_t)bytes.len << 56, each);
    s.v2 ^= 0xff;
    mix_state(&s, last);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

enum status hash_key_make(struct hash_key *key)
{
    return random_bytes(key, sizeof *key);
}

uint64_t keyed_hash(const struct hash_key *key, struct slice bytes)
{
    return hash_bytes(key, bytes, 1, 3);
}

uint64_t keyed_hash_rounds(const struct hash_key *key, struct slice bytes, unsigned each, unsigned last)
{
    return hash_bytes(key, bytes, each, last);
}
