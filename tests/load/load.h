/* load: what the modes of the load tool share: options, credentials, signed requests.
 *
 * The tool sends to loopback alone and is bounded in count and in time. It prints JSON lines: what happened meanwhile,
 * and last a summary with "mode" in it. It exits 0 once it has done its work, whatever the answers were: to judge them
 * is the test's business. */
#ifndef COUNTERSIGN_TESTS_LOAD_LOAD_H
#define COUNTERSIGN_TESTS_LOAD_LOAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "oauth/signature.h"
#include "json/json_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    struct slice targets;    /* ADDRESS:PORT,… */
    const char *key;         /* of a resource server */
    const char *url;         /* that is signed */
    const char *credentials; /* a file, see credentials_read */
    const char *ledger;      /* a file for what was acknowledged; NULL: none */
    int64_t connections;     /* over all targets */
    int64_t timeout_ms;      /* of one call */
    int64_t rounds;          /* race: how many requests */
    int64_t fanout;          /* race, exchange: how often each is sent at once */
    int64_t lanes;           /* race: rounds under way at once */
    int64_t rate;            /* stream: new requests a second; 0: as fast as possible */
    int64_t seconds;         /* stream: how long new ones are sent */
    int64_t lag_s, lead_s;   /* stream: timestamps from that long ago to that far ahead */
    int64_t replay_s;        /* stream: how long each is sent again, once a second; 0: never */
    int64_t clock_offset_s;  /* stream: added to every timestamp */
    int64_t batch;           /* stream: so many requests are described in one call; 1: in a call of their own */
    int64_t body_bytes;      /* stream: of a body that is described with each request, and is not signed; 0: none */
    bool direct;             /* stream: the signed request itself is sent, as a client sends it to an API */
};

/* The modes. */
void race(const struct options *options);
void exchange(const struct options *options);
void stream(const struct options *options);

/* Exits with the text when it does not hold: for what is wrong with the tool or its arguments. */
void must(bool holds, const char *what);

int64_t wall_ms(void);

/* ---- credentials ---- */

struct credential {
    struct slice client_id, client_secret;
    struct slice token, token_secret; /* empty: two-legged */
    struct slice verifier;            /* of a temporary credential */
};

struct credentials {
    struct arena arena;
    struct credential *list;
    size_t count;
};

/* A line each: the members of struct credential, separated by tabs; those at the end may be left out. */
void credentials_read(const char *path, struct credentials *ret_credentials);
void credentials_done(struct credentials *credentials);

/* ---- signed requests ---- */

/* Signs with HMAC-SHA1; one at a time. */
struct client {
    struct signer signer;
    struct arena arena;
    uint64_t nonce;  /* counts on from a random start */
    uint64_t random; /* state of client_random */
};

void client_init(struct client *client);
void client_done(struct client *client);

/* A number below `limit`; good enough to spread load. */
size_t client_random(struct client *client, size_t limit);

/* Appends POST /v1/introspect about a GET of options->url, signed anew. */
void client_introspection(struct client *client, const struct options *options, const struct credential *credential,
                          int64_t timestamp_s, struct buf *out);

/* Appends POST /v1/introspect/batch about options->batch of them. */
void client_batch(struct client *client, const struct options *options, const struct credential *credential,
                  int64_t timestamp_s, struct buf *out);

/* Appends GET of options->url itself. */
void client_request(struct client *client, const struct options *options, const struct credential *credential,
                    int64_t timestamp_s, struct buf *out);

/* Appends POST of options->url that exchanges a temporary credential. */
void client_exchange(struct client *client, const struct options *options, const struct credential *credential,
                     struct buf *out);

/* Prints what the buf holds as a line and empties it. */
void print_line(struct buf *line);

#endif
