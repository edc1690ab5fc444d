/* redis_settle: agrees with Redis, and with all who use it, on the epoch: reads INFO, TIME and the record, and replaces
 * the record where it does not hold (redis_epoch.h).
 *
 * Embedded in whoever has a connection; at most one run at a time. */
#ifndef COUNTERSIGN_STORE_REDIS_SETTLE_H
#define COUNTERSIGN_STORE_REDIS_SETTLE_H

#include "base/attributes.h"
#include "base/status.h"
#include "store/redis_client.h"
#include "store/redis_clock.h"
#include "store/redis_epoch.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of the nonces so far. */
struct redis_settle_facts {
    bool is_first;    /* nobody has used nonces yet: a missing record needs no guard */
    bool knows_epoch; /* `epoch_id` is the one that nonces were accepted under, the last at last_spend_ms */
    char epoch_id[REDIS_EPOCH_ID_BYTES];
    int64_t last_spend_ms; /* by the clock of then */
    bool must_change; /* that epoch holds no more (without one: none does): Redis's clock was set back, or others than
                       * those who use Redis have accepted nonces */
};

struct redis_settle {
    struct redis_client *client;
    struct redis_clock *clock;
    struct redis_settle_facts facts;
    /* OK: `epoch` holds. Else nothing is settled, and `problem` says why; STORE_DOWN also where the connection was
     * lost, BAD_INPUT where this server will not do. */
    void (*done)(void *context, enum status status);
    void *context;

    struct redis_epoch epoch;
    char text[REDIS_EPOCH_BYTES + 1]; /* of it, as it is in Redis */
    size_t text_len;
    char problem[256];

    bool is_running;
    struct redis_server server;
    int64_t earlier_ms; /* our own clock's last word before this reading */
    int64_t now_ms;
    char proposal[REDIS_EPOCH_BYTES + 1];
    size_t proposal_len;
    unsigned rounds;
};

/* Sends the questions: `done` is called later. STORE_DOWN, NO_MEMORY: it is not. */
MUST_USE enum status redis_settle_start(struct redis_settle *settle, const struct redis_settle_facts *facts);

static inline struct slice redis_settle_text(const struct redis_settle *settle)
{
    return slice_of(settle->text, settle->text_len);
}

#endif
