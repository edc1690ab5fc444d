/* reseal: seals every secret anew by the first key, a batch at a time, while everything else goes on.
 *
 * It may end at any moment, by kill -9 too, and be begun again: what the first key sealed is passed over. Each batch is
 * a transaction of its own, and replaces only rows that nobody changed since they were read. A key leaves the table of
 * those in use only if nobody sealed by it since the beginning, and nothing that is still good is left under it. */
#ifndef COUNTERSIGN_DURABLE_RESEAL_H
#define COUNTERSIGN_DURABLE_RESEAL_H

#include "durable/durable.h"
#include "durable/sealing_keys.h"

/* Secrets that do not open though they are still good. */
struct reseal_loss {
    int64_t count;
    char names[512]; /* of the first of them: "client acme, token tok_…" */
    size_t names_len;
    char kept[16][33]; /* keys that sealed some of them, and that the keyring does not have */
    size_t kept_count;
    bool keeps_all;
};

struct reseal {
    int64_t number; /* this run's */
    int table;
    int64_t after_id;
    bool is_over;
    int64_t wanted; /* how many secrets other keys had sealed at the beginning */
    int64_t rewritten;
    struct reseal_loss loss;
};

/* Counts what there is to do, and finds out from here on who still seals by other keys. */
MUST_USE enum status durable_reseal_begin_blocking(struct durable *db, struct reseal *ret_reseal);
/* The next batch; sets is_over behind the last. */
MUST_USE enum status durable_reseal_batch_blocking(struct durable *db, struct reseal *reseal);
/* Takes the keys out of the table that sealed nothing any more. *ret_used: those that stay in it; the caller frees with
 * sealing_key_page_free. */
MUST_USE enum status durable_reseal_end_blocking(struct durable *db, const struct reseal *reseal,
                                                 struct sealing_key_page **ret_used);

#endif
