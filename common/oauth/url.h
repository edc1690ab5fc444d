/* url: the absolute URL of a signed request, and the base string URI made of it
 * (RFC 5849 §3.4.1.2). Slices borrow from the text; the path stays byte for byte. */
#ifndef COUNTERSIGN_OAUTH_URL_H
#define COUNTERSIGN_OAUTH_URL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct oauth_url {
    bool https;
    struct slice host;  /* as sent; IPv6 with its brackets */
    uint16_t port;      /* 0: none was written */
    struct slice path;  /* raw; "/" where it was empty */
    struct slice query; /* raw, without the '?'; empty where there is none */
};

/* Takes http and https in any case. STATUS_MALFORMED (filled into *problem): another scheme, no or
 * a broken host, user information, a bad port, a fragment, white space or control characters. */
MUST_USE enum status oauth_url_parse(struct slice text, struct oauth_url *ret_url, struct problem *problem);

/* The port that the URL means: its own or the scheme's. */
uint16_t oauth_url_port(const struct oauth_url *url);

/* Appends scheme://host[:port] in lower case, without the scheme's own default port. */
void oauth_url_write_origin(const struct oauth_url *url, struct buf *out);

/* Appends the base string URI, not yet encoded: origin and path. */
void oauth_url_write_base_uri(const struct oauth_url *url, struct buf *out);

#endif
