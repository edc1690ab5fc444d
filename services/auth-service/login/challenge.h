/* challenge: what a site is asked about a browser that nobody is logged in at (OAUTH1_LOGIN_URL), and what it answered.
 *
 * A challenge is for one temporary credential, or for a page. It is bound to a secret in the cookie of the browser that
 * got it, and once it is decided to a second secret, in the URL that the site sends its user to: whoever has one of
 * them alone has nothing. It lives in the ephemeral store, under its own text, and is taken out by the first who shows
 * both. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_CHALLENGE_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_CHALLENGE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { CHALLENGE_TTL_MS = 600 * 1000 };

/* kind */
#define CHALLENGE_AUTHORIZATION "authorization"
#define CHALLENGE_ACCOUNT       "account"
/* state */
#define CHALLENGE_PENDING  "pending"
#define CHALLENGE_ACCEPTED "accepted"
#define CHALLENGE_REJECTED "rejected"

struct challenge {
    struct slice kind;
    struct slice oauth_token; /* authorization: the temporary credential */
    struct slice return_to;   /* account: a page of ours */
    struct slice cookie;      /* the browser's secret */
    struct slice state;
    struct slice secret; /* of the URL that the decision is brought by; absent while pending */
    /* accepted: */
    int64_t user;         /* struct user's id */
    int64_t user_version; /* struct user's, too */
    struct slice username;
    struct slice scopes; /* what the site leaves of those that were asked for */
    bool is_granted;     /* the site asked its user itself */
};

/* Challenges, and both secrets: 190 bit, in letters and digits. NO_RANDOMNESS, NO_MEMORY. */
MUST_USE enum status challenge_generate(struct arena *arena, struct slice *ret_text);
/* Whether it could be one of them. */
MUST_USE bool challenge_is_text(struct slice text);

/* As the store keeps it. */
void challenge_write(const struct challenge *challenge, struct buf *out);
/* STORE_CORRUPT: it is none; NO_MEMORY. */
MUST_USE enum status challenge_read(struct slice bytes, struct arena *arena, struct challenge *ret_challenge);

/* The cookie holds the secrets of the newest challenges, so that two tabs of a browser both work. Absent: no memory. */
struct slice challenge_cookie_with(struct arena *arena, struct slice cookie, struct slice secret);
struct slice challenge_cookie_without(struct arena *arena, struct slice cookie, struct slice secret);
/* In constant time for each. */
MUST_USE bool challenge_cookie_has(struct slice cookie, struct slice secret);

#endif
