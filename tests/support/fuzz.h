/* fuzz: what every target of tests/fuzz needs. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FUZZ_H
#define COUNTERSIGN_TESTS_SUPPORT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that every input must have; libFuzzer keeps the input of an abort. */
static inline void require(bool holds)
{
    if (!holds)
        abort();
}

#endif
