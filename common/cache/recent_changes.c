#include "cache/recent_changes.h"

void recent_changes_add(struct recent_changes *recent, uint64_t subject_hash, int64_t now_ms)
{
    recent->subjects[recent->count % RECENT_CHANGES_MAX] = subject_hash;
    recent->at_ms[recent->count % RECENT_CHANGES_MAX] = now_ms;
    recent->count++;
}

static uint64_t oldest_kept(const struct recent_changes *recent)
{
    return recent->count > RECENT_CHANGES_MAX ? recent->count - RECENT_CHANGES_MAX : 0;
}

bool recent_changes_since(const struct recent_changes *recent, uint64_t subject_hash, uint64_t moment)
{
    if (moment < oldest_kept(recent))
        return true;
    for (uint64_t i = moment; i < recent->count; i++)
        if (recent->subjects[i % RECENT_CHANGES_MAX] == subject_hash)
            return true;
    return false;
}

bool recent_changes_after(const struct recent_changes *recent, uint64_t subject_hash, int64_t since_ms)
{
    for (uint64_t i = recent->count; i > oldest_kept(recent); i--) {
        if (recent->at_ms[(i - 1) % RECENT_CHANGES_MAX] < since_ms)
            return false;
        if (recent->subjects[(i - 1) % RECENT_CHANGES_MAX] == subject_hash)
            return true;
    }
    return oldest_kept(recent) > 0; /* older changes were forgotten, and some may be after that moment */
}
