/* recent_changes: which subjects were changed lately, for answers that were on their way meanwhile. Only
 * credential_cache.c uses it, under its lock.
 *
 * It remembers the last RECENT_CHANGES_MAX; what it cannot remember counts as changed. */
#ifndef COUNTERSIGN_CACHE_RECENT_CHANGES_H
#define COUNTERSIGN_CACHE_RECENT_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

enum { RECENT_CHANGES_MAX = 1024 };

/* Zeroed before its first use. */
struct recent_changes {
    uint64_t count; /* of all that were told: a moment between two changes */
    uint64_t subjects[RECENT_CHANGES_MAX];
    int64_t at_ms[RECENT_CHANGES_MAX];
};

/* Remembers a change that was told. */
void recent_changes_add(struct recent_changes *recent, uint64_t subject_hash, int64_t now_ms);
/* Whether the subject was changed since `moment`, an earlier count. */
bool recent_changes_since(const struct recent_changes *recent, uint64_t subject_hash, uint64_t moment);
/* Whether the subject was changed at or after `since_ms`. */
bool recent_changes_after(const struct recent_changes *recent, uint64_t subject_hash, int64_t since_ms);

#endif
