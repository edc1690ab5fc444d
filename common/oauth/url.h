/* url: the absolute URL of a signed request, and the base string URI that is made of it (RFC 5849 §3.4.1.2). Slices
 * borrow from the URL's text. The path stays as it was sent, byte for byte. */
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
    struct slice host;  /* as sent; an IPv6 address with its brackets */
    uint16_t port;      /* 0: the URL has none */
    struct slice path;  /* raw; "/" where it was empty */
    struct slice query; /* raw, without the '?'; empty where there is none */
};

/* Reads a URL of http or https, in any case. STATUS_MALFORMED, and *problem says why: another scheme, a broken host or
 * none, user information, a bad port, a fragment, white space or a control character. */
MUST_USE enum status oauth_url_parse(struct slice text, struct oauth_url *ret_url, struct problem *problem);

/* Returns the port that the URL means: its own, or the default of its scheme. */
uint16_t oauth_url_port(const struct oauth_url *url);

/* Appends scheme://host[:port] in lower case, without the scheme's own default port. */
void oauth_url_write_origin(const struct oauth_url *url, struct buf *out);

/* Appends the base string URI, not yet encoded: origin and path. */
void oauth_url_write_base_uri(const struct oauth_url *url, struct buf *out);

#endif
