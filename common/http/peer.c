#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define MAPPED_IPV4 "\0\0\0\0\0\0\0\0\0\0\xff\xff"

struct peer peer_of_address(const struct sockaddr *address)
{
    struct peer peer = {.is_unix = !address, .text = "unix"};
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
    if (!address)
        return peer;
    if (address->sa_family == AF_INET6) {
        memcpy(peer.address.bytes, &ipv6->sin6_addr, 16);
        peer.port = ntohs(ipv6->sin6_port);
    } else {
        memcpy(peer.address.bytes, MAPPED_IPV4, 12);
        memcpy(peer.address.bytes + 12, &ipv4->sin_addr, 4);
        peer.port = ntohs(ipv4->sin_port);
    }
    bool is_ipv4 = memcmp(peer.address.bytes, MAPPED_IPV4, 12) == 0;
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, peer.address.bytes + (is_ipv4 ? 12 : 0), peer.text, sizeof peer.text);
    return peer;
}
