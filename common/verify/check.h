/* check: the judgement of one signed request, which initiate, token and introspection share.
 *
 * In steps, so that an endpoint shows its waits: parse; load (waits: what the stores know of client
 * and token); signature; spend (waits: the nonce). In this order: a nonce is spent only after the
 * signature verified, so that a stranger can burn nobody's nonces. A check belongs to one request,
 * lives in its arena, and borrows what was loaded for it from the flow. */
#ifndef COUNTERSIGN_VERIFY_CHECK_H
#define COUNTERSIGN_VERIFY_CHECK_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "durable/tokens.h"
#include "ephemeral/ephemeral.h"
#include "explain/explain.h"
#include "oauth/body_hash.h"
#include "oauth/message.h"
#include "oauth/signature.h"

#include <stdbool.h>
#include <stdint.h>

/* What the operator has configured; immutable. */
struct check_rules {
    unsigned signature_methods; /* mask */
    int64_t skew_s;             /* how old a timestamp may be */
    int64_t lead_s;             /* how far ahead */
    bool insecure_transport;    /* http is as good as https (development) */
};

enum check_purpose {
    CHECK_TEMPORARY_CREDENTIAL, /* RFC 5849 §2.1: signed with the client's secret alone */
    CHECK_TOKEN_CREDENTIAL,     /* §2.3: with the temporary credential's too */
    CHECK_PROTECTED_RESOURCE,   /* §3: with the token's, or two-legged */
};

struct check {
    enum check_purpose purpose;
    const struct check_rules *rules;
    struct arena *arena;
    struct described_request request;
    /* Whether it came encrypted: TLS here or at a trusted proxy. Of a protected resource: nobody on its way said
     * otherwise; its URL must say https too. */
    bool secure;

    struct message message;
    struct problem problem; /* of the first refusal */
    /* set by the endpoint after loading, and borrowed; NULL: there is none */
    const struct client *client;
    const struct token *token;
    const struct temp_credential *temp;
    const struct slice *shared_keys; /* ready, one for each of the client's secrets; NULL: they are made here */
    struct slice base_string;
    int64_t timestamp_s; /* 0: none (PLAINTEXT) */
    int64_t judged_ms;   /* the store's clock by which it was judged; 0: not yet */
    enum body_hash body_hash;
    unsigned legs; /* 2 or 3; of a protected resource */
};

/* Transport, parsing, duplicates, missing parameters, version. Needs no store. */
MUST_USE enum status check_parse(struct check *check);

/* The identifiers to load by; empty where not sent. */
static inline struct slice check_client_id(const struct check *check)
{
    return check->message.protocol[OAUTH_CONSUMER_KEY];
}
static inline struct slice check_token(const struct check *check)
{
    return check->message.protocol[OAUTH_TOKEN];
}

/* Client, token or temporary credential (exists and belongs to this client), signature method,
 * timestamp by `now_ms` (the store's clock), signature, body hash. An unknown client or token costs
 * the same time as a known one. */
MUST_USE enum status check_signature(struct check *check, struct signer *signer, int64_t now_ms);

/* Fills in the nonce to spend. False: there is none (PLAINTEXT may leave it out, RFC 5849 §3.1). */
MUST_USE bool check_nonce(const struct check *check, struct nonce *ret_nonce);

/* The hints after STATUS_SIGNATURE_INVALID or STATUS_BODY_HASH_MISMATCH, by the client's secrets of now and before.
 * Adds to *explanation, which lives in the check's arena. STATUS_NO_MEMORY. */
MUST_USE enum status check_explain(const struct check *check, struct signer *signer, int64_t now_ms,
                                   const struct explain_options *given, struct arena *scratch,
                                   struct explanation *explanation);

#endif
