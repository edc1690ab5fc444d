/* socket_io: the bytes of one accepted connection, in clear or through TLS. Nothing waits. */
#ifndef COUNTERSIGN_HTTP_SOCKET_IO_H
#define COUNTERSIGN_HTTP_SOCKET_IO_H

#include "base/attributes.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct tls;

struct socket_io {
    int fd;
    struct ssl_st *ssl; /* NULL: in clear */
};

enum io_result {
    IO_DONE,
    IO_WANTS_READ,  /* once the descriptor is readable */
    IO_WANTS_WRITE, /* once it is writable */
    IO_CLOSED,      /* the other side ended its sending */
    IO_FAILED,
    IO_PLAIN_HTTP, /* no handshake came but a request in clear; it cannot be answered */
};

/* Takes the descriptor, which is non-blocking. `tls` may be NULL. False: no memory; the descriptor is closed. */
MUST_USE bool socket_io_open(struct socket_io *io, int fd, struct tls *tls);
void socket_io_close(struct socket_io *io);

/* Goes on with the TLS handshake; in clear it is DONE at once. */
MUST_USE enum io_result socket_io_shake_hands(struct socket_io *io);
/* DONE: *ret_len bytes, at least one. Through TLS there may be more that the descriptor does not show as readable: read
 * until it says otherwise. */
MUST_USE enum io_result socket_io_read(struct socket_io *io, void *bytes, size_t size, size_t *ret_len);
/* Sends `first`, then `second`, as far as it goes; *ret_len bytes of both were taken. A rest is sent again from there.
 */
MUST_USE enum io_result socket_io_write(struct socket_io *io, struct slice first, struct slice second, size_t *ret_len);
/* Ends our sending. What still comes can be read, but only to be dropped: it is not decrypted any more. */
void socket_io_end(struct socket_io *io);

#endif
