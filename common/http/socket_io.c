#include "http/socket_io.h"

#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

bool socket_io_open(struct socket_io *io, int fd, struct tls *tls)
{
    *io = (struct socket_io){.fd = fd};
    if (!tls)
        return true;
    SSL_CTX *context = tls_take_context(tls);
    io->ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (io->ssl && SSL_set_fd(io->ssl, fd) == 1) {
        SSL_set_accept_state(io->ssl);
        SSL_set_mode(io->ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        return true;
    }
    socket_io_close(io);
    return false;
}

void socket_io_close(struct socket_io *io)
{
    SSL_free(io->ssl);
    io->ssl = NULL;
    (void)close(io->fd);
    io->fd = -1;
}

static enum io_result tls_result(const struct socket_io *io, int returned)
{
    int error = SSL_get_error(io->ssl, returned);
    bool is_plain_http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_WANT_READ:
        return IO_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return IO_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return IO_CLOSED;
    default:
        return is_plain_http ? IO_PLAIN_HTTP : IO_FAILED;
    }
}

/* EINTR: as if it were not ready; the loop asks again. */
static enum io_result plain_result(enum io_result wants)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? wants : IO_FAILED;
}

enum io_result socket_io_shake_hands(struct socket_io *io)
{
    if (!io->ssl)
        return IO_DONE;
    ERR_clear_error();
    int returned = SSL_do_handshake(io->ssl);
    return returned == 1 ? IO_DONE : tls_result(io, returned);
}

enum io_result socket_io_read(struct socket_io *io, void *bytes, size_t size, size_t *ret_len)
{
    *ret_len = 0;
    if (io->ssl) {
        ERR_clear_error();
        int returned = SSL_read_ex(io->ssl, bytes, size, ret_len);
        return returned == 1 ? IO_DONE : tls_result(io, returned);
    }
    ssize_t got = recv(io->fd, bytes, size, 0);
    if (got < 0)
        return plain_result(IO_WANTS_READ);
    *ret_len = (size_t)got;
    return got ? IO_DONE : IO_CLOSED;
}

static enum io_result write_tls(struct socket_io *io, struct slice bytes, size_t *written)
{
    while (bytes.len) {
        size_t len = 0;
        ERR_clear_error();
        int returned = SSL_write_ex(io->ssl, bytes.ptr, bytes.len, &len);
        if (returned != 1)
            return tls_result(io, returned);
        *written += len;
        bytes = slice_sub(bytes, len, bytes.len);
    }
    return IO_DONE;
}

static enum io_result write_plain(struct socket_io *io, struct slice first, struct slice second, size_t *written)
{
    while (first.len + second.len) {
        struct iovec parts[] = {{(void *)(uintptr_t)first.ptr, first.len}, {(void *)(uintptr_t)second.ptr, second.len}};
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = COUNT_OF(parts)};
        ssize_t sent = sendmsg(io->fd, &message, MSG_NOSIGNAL);
        if (sent < 0)
            return plain_result(IO_WANTS_WRITE);
        *written += (size_t)sent;
        size_t of_second = (size_t)sent > first.len ? (size_t)sent - first.len : 0;
        first = slice_sub(first, (size_t)sent, first.len);
        second = slice_sub(second, of_second, second.len);
    }
    return IO_DONE;
}

enum io_result socket_io_write(struct socket_io *io, struct slice first, struct slice second, size_t *ret_len)
{
    *ret_len = 0;
    if (!io->ssl)
        return write_plain(io, first, second, ret_len);
    enum io_result result = write_tls(io, first, ret_len);
    return result == IO_DONE ? write_tls(io, second, ret_len) : result;
}

void socket_io_end(struct socket_io *io)
{
    if (io->ssl && SSL_is_init_finished(io->ssl)) {
        (void)SSL_shutdown(io->ssl);
        ERR_clear_error();
    }
    SSL_free(io->ssl);
    io->ssl = NULL;
    (void)shutdown(io->fd, SHUT_WR);
}
