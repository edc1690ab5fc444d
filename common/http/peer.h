/* peer: who is at the other end of a connection: a proxy, or the client. */
#ifndef COUNTERSIGN_HTTP_PEER_H
#define COUNTERSIGN_HTTP_PEER_H

#include "base/address.h"

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

struct peer {
    bool is_unix;           /* a socket file: no address */
    struct address address; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
    char text[46]; /* "192.0.2.1", "2001:db8::1", "unix" */
};

/* `address` is IPv4 or IPv6; NULL: a socket file. */
struct peer peer_of_address(const struct sockaddr *address);

#endif
