#include "cli/http_client.h"

#include "oauth/url.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RESPONSE_MAX_BYTES = 1 << 20, TIMEOUT_S = 10 };

struct connection {
    int fd;
    SSL_CTX *context;
    SSL *tls; /* NULL: plain */
};

static enum status complain(struct arena *arena, const char **ret_why, const char *what, struct slice about,
                            const char *reason)
{
    struct buf text = buf_in(arena);
    buf_addf(&text, "%s %.*s: %s", what, SLICE_ARGS(about), reason);
    *ret_why = buf_string(&text);
    return *ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

/* ---- connecting ---- */

static const char *host_name(const struct oauth_url *url, struct arena *arena)
{
    bool brackets = url->host.ptr[0] == '[';
    return arena_string(arena, brackets ? slice_sub(url->host, 1, url->host.len - 1) : url->host);
}

static int connect_any(const struct addrinfo *addresses)
{
    const struct timeval patience = {.tv_sec = TIMEOUT_S};
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
            return fd;
        int error = errno;
        (void)close(fd);
        errno = error;
    }
    return -1;
}

static enum status start_tls(struct connection *connection, const char *host, struct arena *arena, const char **ret_why)
{
    connection->context = SSL_CTX_new(TLS_client_method());
    if (!connection->context)
        return STATUS_NO_MEMORY;
    SSL_CTX_set_verify(connection->context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_default_verify_paths(connection->context);
    connection->tls = SSL_new(connection->context);
    if (!connection->tls || SSL_set_fd(connection->tls, connection->fd) != 1 ||
        SSL_set_tlsext_host_name(connection->tls, host) != 1 || SSL_set1_host(connection->tls, host) != 1)
        return STATUS_NO_MEMORY;
    if (SSL_connect(connection->tls) == 1)
        return STATUS_OK;
    long verdict = SSL_get_verify_result(connection->tls);
    return complain(arena, ret_why, "TLS with", slice_str(host),
                    verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "the handshake failed");
}

static enum status open_connection(const struct oauth_url *url, struct arena *arena, struct connection *connection,
                                   const char **ret_why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[8];
    const char *host = host_name(url, arena);
    if (!host)
        return STATUS_NO_MEMORY;
    (void)snprintf(port, sizeof port, "%u", (unsigned)oauth_url_port(url));
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error != 0)
        return complain(arena, ret_why, "the name", slice_str(host), gai_strerror(error));
    connection->fd = connect_any(addresses);
    freeaddrinfo(addresses);
    if (connection->fd < 0)
        return complain(arena, ret_why, "connecting to", slice_str(host), strerror(errno));
    return url->https ? start_tls(connection, host, arena, ret_why) : STATUS_OK;
}

static void close_connection(struct connection *connection)
{
    SSL_free(connection->tls);
    SSL_CTX_free(connection->context);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    ERR_clear_error();
}

/* ---- sending and receiving ---- */

static bool send_all(struct connection *connection, struct slice bytes)
{
    while (bytes.len) {
        ssize_t sent = connection->tls ? SSL_write(connection->tls, bytes.ptr, (int)bytes.len)
                                       : send(connection->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = slice_sub(bytes, (size_t)sent, bytes.len);
    }
    return true;
}

static void add_header(struct buf *out, const char *name, struct slice value)
{
    if (slice_is_absent(value))
        return;
    buf_addf(out, "%s: ", name);
    buf_add(out, value);
    buf_add_str(out, "\r\n");
}

static struct slice write_request(const struct client_request *request, const struct oauth_url *url,
                                  struct arena *arena)
{
    struct buf out = buf_in(arena);
    buf_add(&out, request->method);
    buf_add_byte(&out, ' ');
    buf_add(&out, url->path);
    if (url->query.len) {
        buf_add_byte(&out, '?');
        buf_add(&out, url->query);
    }
    buf_add_str(&out, " HTTP/1.1\r\nHost: ");
    buf_add(&out, url->host);
    if (url->port)
        buf_addf(&out, ":%u", (unsigned)url->port);
    buf_add_str(&out, "\r\nConnection: close\r\n");
    add_header(&out, "Authorization", request->authorization);
    add_header(&out, "Content-Type", request->content_type);
    add_header(&out, "Cookie", request->cookie);
    if (!slice_is_absent(request->body) || slice_eq(request->method, SLICE("POST")))
        buf_addf(&out, "Content-Length: %zu\r\n", request->body.len);
    buf_add_str(&out, "\r\n");
    buf_add(&out, request->body);
    return out.failed ? SLICE_ABSENT : buf_slice(&out);
}

/* Until the other side closes, as we asked it to. */
static bool receive_all(struct connection *connection, struct buf *out)
{
    for (;;) {
        if (out->len > RESPONSE_MAX_BYTES || !buf_reserve(out, 4096))
            return false;
        ssize_t got = connection->tls ? SSL_read(connection->tls, out->ptr + out->len, 4096)
                                      : recv(connection->fd, out->ptr + out->len, 4096, 0);
        if (got <= 0)
            return out->len > 0;
        out->len += (size_t)got;
    }
}

/* ---- reading the answer ---- */

struct slice client_response_header(const struct client_response *response, const char *name, size_t index)
{
    struct slice rest = response->head;
    for (bool more = rest.len > 0; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        struct slice value = line;
        bool has_value = false;
        struct slice found = slice_cut(&value, ':', &has_value);
        if (!has_value || !slice_eq_nocase(found, slice_str(name)) || index-- > 0)
            continue;
        if (value.len && value.ptr[value.len - 1] == '\r')
            value.len--;
        return slice_trim(value);
    }
    return SLICE_ABSENT;
}

/* RFC 9112 §7.1, without trailers and extensions that matter. */
static struct slice join_chunks(struct slice body, struct arena *arena)
{
    struct buf out = buf_in(arena);
    for (bool more = true; more;) {
        struct slice size_line = slice_cut(&body, '\n', &more);
        char digits[17] = "";
        memcpy(digits, size_line.ptr ? size_line.ptr : "", size_line.len < 16 ? size_line.len : 16);
        unsigned long size = strtoul(digits, NULL, 16);
        if (size == 0 || size > body.len)
            break;
        buf_add(&out, slice_sub(body, 0, size));
        body = slice_sub(body, size + 2, body.len);
    }
    return buf_slice(&out);
}

static enum status read_response(struct slice text, struct arena *arena, struct client_response *ret_response)
{
    struct client_response response = {0};
    size_t head_end = slice_find_slice(text, SLICE("\r\n\r\n"));
    size_t line_end = slice_find(text, '\n');
    uint64_t http_status = 0;
    if (head_end == text.len || !slice_starts_with(text, SLICE("HTTP/1.")) ||
        !slice_to_u64(slice_sub(text, 9, 12), 599, &http_status))
        return STATUS_BAD_INPUT;
    response.http_status = (int)http_status;
    response.head = slice_sub(text, line_end + 1, head_end + 2);
    response.body = slice_sub(text, head_end + 4, text.len);
    if (slice_eq_nocase(client_response_header(&response, "Transfer-Encoding", 0), SLICE("chunked")))
        response.body = join_chunks(response.body, arena);
    *ret_response = response;
    return STATUS_OK;
}

static enum status exchange(struct connection *connection, struct slice out, struct arena *arena, struct slice url,
                            struct client_response *ret_response, const char **ret_why)
{
    struct buf in = buf_in(arena);
    if (!send_all(connection, out) || !receive_all(connection, &in))
        return complain(arena, ret_why, "no answer from", url, "the connection broke or took too long");
    if (read_response(buf_slice(&in), arena, ret_response) != STATUS_OK)
        return complain(arena, ret_why, "the answer from", url, "it is not HTTP/1.1");
    return STATUS_OK;
}

enum status http_client_send(const struct client_request *request, struct arena *arena,
                             struct client_response *ret_response, const char **ret_why)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    struct connection connection = {.fd = -1};
    if (oauth_url_parse(request->url, &url, &problem) != STATUS_OK)
        return complain(arena, ret_why, "the URL", request->url, problem_text(&problem));
    struct slice out = write_request(request, &url, arena);
    if (slice_is_absent(out))
        return STATUS_NO_MEMORY;
    enum status status = open_connection(&url, arena, &connection, ret_why);
    if (status == STATUS_OK)
        status = exchange(&connection, out, arena, request->url, ret_response, ret_why);
    close_connection(&connection);
    return status;
}
