/* client_draft: a client put together from options, or from a line of an import, every part checked. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_CLIENT_DRAFT_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_CLIENT_DRAFT_H

#include "base/buf.h"
#include "durable/clients.h"
#include "service/command.h"

enum { CLIENT_SECRET_BYTES = 40 }; /* of one that is made for a client */

/* Why a client is not rejected. */
#define CLIENT_WITHOUT_OWNER \
    "it has no owner, so nobody asked for its approval, and rejected it would work for nobody; to end it, disable it"

#define FLAG_PLACE(NAME, ...) FLAG_##NAME,
enum { CLIENT_FLAGS(FLAG_PLACE) FLAG_COUNT };
#undef FLAG_PLACE

#define OPTION_TEXT_OF(member, ...) struct slice member;
struct client_options {
    struct slice id, secret_file, name, default_callback, rsa_public_key;
    CLIENT_PLAIN_TEXTS(OPTION_TEXT_OF);
    struct option_list callbacks, signature_methods, scopes, default_scopes;
    bool on[FLAG_COUNT], off[FLAG_COUNT];
};
#undef OPTION_TEXT_OF

/* Begins with `options` set, and `client` where one is changed; everything borrowed lives until the row was written. */
struct client_draft {
    const struct client_options *options;
    struct client client;
    struct buf why;    /* what is wrong: "callback http://a.example/: it must be https" */
    const char *fault; /* its parts: "callback" */
    struct slice fault_value;
    struct client_callback callbacks[OPTION_LIST_MAX];
    struct client_secret secret;
    struct client_secret key;
    struct buf methods;
    struct buf scopes;
    struct buf default_scopes;
};

/* Sets in `client` what the options give, but for credentials, and leaves the rest. False: `why` says what is wrong. */
MUST_USE bool client_draft_take(struct client_draft *draft);
/* Its secret and the PEM of its RSA key; either may be absent. One that signs with its key alone gets no method that
 * would need a secret, unless the options name the methods. */
void client_draft_credentials(struct client_draft *draft, struct slice secret, struct slice key);
/* Whether it can sign at all: with a secret or a key of the client, by one of the methods that are its own. False:
 * `why` says what is wrong. */
MUST_USE bool client_draft_can_sign(struct client_draft *draft);
void client_draft_done(struct client_draft *draft);

#endif
