/* forwarded: what a proxy in front says, and whether to believe it. */
#ifndef COUNTERSIGN_SERVICE_FORWARDED_H
#define COUNTERSIGN_SERVICE_FORWARDED_H

#include "config/config.h"
#include "http/request.h"

#include <stdbool.h>

/* Whether the peer is one of OAUTH1_TRUSTED_PROXIES. */
bool forwarded_is_trusted(const struct peer *peer, const struct config_proxies *proxies);

/* Whether the client's request came encrypted: TLS ended here, or a trusted proxy says so by exactly
 * one `X-Forwarded-Proto: https` (RFC 5849 §2.1; docs/design/protocol.md, "Transport"). */
bool forwarded_is_secure(const struct request *request, const struct config_proxies *proxies);

/* The client's address for limits and logs: the rightmost one in X-Forwarded-For that is no trusted
 * proxy, if the peer is one; else the peer's own. */
struct slice forwarded_client_address(const struct request *request, const struct config_proxies *proxies);

#endif
