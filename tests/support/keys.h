/* keys: keyrings of tests. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_KEYS_H
#define COUNTERSIGN_TESTS_SUPPORT_KEYS_H

#include "crypto/sealed.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

/* Of a text that is right: "2026:" KEY_A. The test frees it. */
struct keyring *keys_of(const char *text);

#endif
