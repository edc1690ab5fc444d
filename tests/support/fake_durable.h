/* fake_durable: a durable store for tests of the credential cache: one more credential_source, which answers at
 * once, later, or not at all, and counts.
 *
 * It knows every client, and every token that does not begin with "un"; a client_id or a key that does is unknown.
 * Token "t of 7" is user 7's, jti "tok_<token>"; secrets are "secret of <what>", the client's a second one from
 * `secrets` 2 on. A client's version is the store's when it was asked. From any loop's thread; what is not atomic is
 * set before. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FAKE_DURABLE_H
#define COUNTERSIGN_TESTS_SUPPORT_FAKE_DURABLE_H

#include "cache/credential_source.h"

#include <stdatomic.h>
#include <stdint.h>

enum { FAKE_HELD_MAX = 64 };

struct fake_durable {
    struct credential_source source; /* first */
    atomic_uint asked;
    atomic_uint asked_current;
    _Atomic int64_t version; /* counts up with what a test changes */
    _Atomic int status;      /* STATUS_OK, or how questions fail */
    unsigned delay_ms;       /* until a question is answered; 0: at once */
    unsigned secrets;        /* of a client; 0: one */
    int64_t lag;             /* versions that an answer lies behind which is not asked for as current */
    /* One loop only: questions wait for fake_durable_answer. */
    bool holds;
    size_t held_count;
    struct ticket held[FAKE_HELD_MAX];
    void *rows[FAKE_HELD_MAX];
};

void fake_durable_init(struct fake_durable *fake);
/* Answers what is held, with what was true when it was asked. */
void fake_durable_answer(struct fake_durable *fake);

#endif
