#include "cli/http_client.h"

#include "base/buf.h"
#include "oauth/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct connection {
    int fd;
    SSL_CTX *context;
    SSL *tls; /* NULL: plain */
};

/* One request on its way. */
struct exchange {
    const struct client_request *request;
    struct oauth_url url;
    const char *host; /* without an IPv6 address's brackets */
    struct arena *arena;
    struct connection connection;
    struct buf in;
    struct client_response response;
    size_t body_at; /* where in `in` the body begins */
    const char **ret_why;
};

static enum status complain_of_url(struct exchange *it, const char *what, const char *reason)
{
    struct buf text = buf_in(it->arena);
    buf_addf(&text, "%s %.*s: %s", what, SLICE_ARGS(it->request->url), reason);
    *it->ret_why = buf_string(&text);
    return *it->ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

/* ---- connecting ---- */

static int connect_any(const struct addrinfo *addresses)
{
    const struct timeval patience = {.tv_sec = CLIENT_TIMEOUT_S};
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
        errno = error == EINPROGRESS ? ETIMEDOUT : error;
    }
    return -1;
}

static enum status start_tcp(struct exchange *it)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)oauth_url_port(&it->url));
    int error = getaddrinfo(it->host, port, &hints, &addresses);
    if (error != 0)
        return complain_of_url(it, "cannot find", gai_strerror(error));
    it->connection.fd = connect_any(addresses);
    freeaddrinfo(addresses);
    return it->connection.fd >= 0 ? STATUS_OK : complain_of_url(it, "cannot connect to", strerror(errno));
}

/* Whom the certificate must name: the host, or the address where the URL has one. */
static bool expect_host(SSL *tls, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    char *name = (char *)(uintptr_t)host; /* OpenSSL's macro casts the const away, which clang refuses */
    return SSL_set_tlsext_host_name(tls, name) == 1 && SSL_set1_host(tls, host) == 1;
}

static enum status load_authorities(struct exchange *it)
{
    SSL_CTX *context = it->connection.context;
    if (slice_is_absent(it->request->ca_file)) {
        (void)SSL_CTX_set_default_verify_paths(context);
        return STATUS_OK;
    }
    const char *file = arena_string(it->arena, it->request->ca_file);
    if (!file)
        return STATUS_NO_MEMORY;
    return SSL_CTX_load_verify_file(context, file) == 1
               ? STATUS_OK
               : complain_of_url(it, "cannot verify", "the file of authorities cannot be read as PEM certificates");
}

static enum status start_tls(struct exchange *it)
{
    struct connection *connection = &it->connection;
    connection->context = SSL_CTX_new(TLS_client_method());
    if (!connection->context)
        return STATUS_NO_MEMORY;
    SSL_CTX_set_verify(connection->context, SSL_VERIFY_PEER, NULL);
    TRY(load_authorities(it));
    connection->tls = SSL_new(connection->context);
    if (!connection->tls || SSL_set_fd(connection->tls, connection->fd) != 1 || !expect_host(connection->tls, it->host))
        return STATUS_NO_MEMORY;
    if (SSL_connect(connection->tls) == 1)
        return STATUS_OK;
    long verdict = SSL_get_verify_result(connection->tls);
    return complain_of_url(it, "no TLS with",
                           verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                                : "the handshake failed; does that port speak TLS?");
}

static void close_exchange(struct connection *connection)
{
    SSL_free(connection->tls);
    SSL_CTX_free(connection->context);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    ERR_clear_error();
}

/* ---- sending ---- */

static void add_request_header(struct buf *out, const char *name, struct slice value)
{
    if (slice_is_absent(value))
        return;
    buf_addf(out, "%s: ", name);
    buf_add(out, value);
    buf_add_str(out, "\r\n");
}

static void write_request(const struct exchange *it, struct buf *out)
{
    const struct client_request *request = it->request;
    buf_add(out, request->method);
    buf_add_byte(out, ' ');
    buf_add(out, it->url.path);
    if (it->url.query.len) {
        buf_add_byte(out, '?');
        buf_add(out, it->url.query);
    }
    buf_add_str(out, " HTTP/1.1\r\nHost: ");
    buf_add(out, it->url.host);
    if (it->url.port)
        buf_addf(out, ":%u", (unsigned)it->url.port);
    buf_add_str(out, "\r\nConnection: close\r\n");
    add_request_header(out, "Authorization", request->authorization);
    add_request_header(out, "Content-Type", request->content_type);
    add_request_header(out, "Cookie", request->cookie);
    add_request_header(out, "If-Match", request->if_match);
    if (!slice_is_absent(request->body) || slice_eq(request->method, SLICE("POST")))
        buf_addf(out, "Content-Length: %zu\r\n", request->body.len);
    buf_add_str(out, "\r\n");
    buf_add(out, request->body);
}

static enum status send_request(struct exchange *it)
{
    struct buf out = buf_in(it->arena);
    write_request(it, &out);
    if (out.failed)
        return STATUS_NO_MEMORY;
    for (struct slice rest = buf_slice(&out); rest.len;) {
        int step = rest.len < 1 << 16 ? (int)rest.len : 1 << 16;
        ssize_t sent = it->connection.tls ? SSL_write(it->connection.tls, rest.ptr, step)
                                          : send(it->connection.fd, rest.ptr, (size_t)step, MSG_NOSIGNAL);
        if (sent < 0 && !it->connection.tls && errno == EINTR)
            continue;
        if (sent <= 0)
            return complain_of_url(it, "cannot send to", "the connection broke or took too long");
        rest = slice_sub(rest, (size_t)sent, rest.len);
    }
    return STATUS_OK;
}

/* ---- receiving ---- */

/* Adds what comes next; false where nothing comes any more. *ret_status says whether that is the proper end. */
static bool receive_some(struct exchange *it, enum status *ret_status)
{
    enum { STEP = 4096 };
    ssize_t got = 0;
    *ret_status = STATUS_NO_MEMORY;
    if (!buf_reserve(&it->in, STEP))
        return false;
    *ret_status = STATUS_OK;
    do {
        got = it->connection.tls ? SSL_read(it->connection.tls, it->in.ptr + it->in.len, STEP)
                                 : recv(it->connection.fd, it->in.ptr + it->in.len, STEP, 0);
    } while (got < 0 && !it->connection.tls && errno == EINTR);
    bool ended = it->connection.tls ? got <= 0 && SSL_get_error(it->connection.tls, (int)got) == SSL_ERROR_ZERO_RETURN
                                    : got == 0;
    if (got <= 0 && !ended)
        *ret_status = complain_of_url(it, "no answer from", "the connection broke or took too long");
    it->in.len += got > 0 ? (size_t)got : 0;
    if (it->in.len > CLIENT_RESPONSE_MAX_BYTES)
        *ret_status = complain_of_url(it, "cannot read the answer of", "it is too large");
    return got > 0 && *ret_status == STATUS_OK;
}

/* The same where the answer must go on. */
static enum status receive_more(struct exchange *it)
{
    enum status status = STATUS_OK;
    if (receive_some(it, &status))
        return STATUS_OK;
    return status != STATUS_OK ? status : complain_of_url(it, "cannot read the answer of", "it ends too early");
}

struct slice client_response_header(const struct client_response *response, const char *name, size_t index)
{
    struct slice rest = response->head;
    for (bool more = rest.len > 0; more;) {
        struct slice value = slice_cut(&rest, '\n', &more);
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

static enum status read_head(struct exchange *it)
{
    uint64_t http_status = 0;
    size_t end = 0;
    while ((end = slice_find_slice(buf_slice(&it->in), SLICE("\r\n\r\n"))) == it->in.len)
        TRY(receive_more(it));
    struct slice head = arena_copy(it->arena, slice_sub(buf_slice(&it->in), 0, end + 2));
    if (slice_is_absent(head))
        return STATUS_NO_MEMORY;
    if (!slice_starts_with(head, SLICE("HTTP/1.")) || !slice_to_u64(slice_sub(head, 9, 12), 599, &http_status))
        return complain_of_url(it, "cannot read the answer of", "it is not HTTP/1.1");
    it->response.http_status = (int)http_status;
    it->response.head = slice_sub(head, slice_find(head, '\n') + 1, head.len);
    it->body_at = end + 4;
    return STATUS_OK;
}

static struct slice body_so_far(const struct exchange *it)
{
    return slice_sub(buf_slice(&it->in), it->body_at, it->in.len);
}

static enum status read_counted(struct exchange *it, struct slice length)
{
    uint64_t size = 0;
    if (!slice_to_u64(length, CLIENT_RESPONSE_MAX_BYTES, &size))
        return complain_of_url(it, "cannot read the answer of", "its Content-Length is none, or too large");
    while (body_so_far(it).len < size)
        TRY(receive_more(it));
    it->response.body = slice_sub(body_so_far(it), 0, size);
    return STATUS_OK;
}

/* The size at the front of a chunk: hexadecimal, an extension is skipped (RFC 9112 §7.1.1). */
static bool read_chunk_size(struct slice line, size_t *ret_size)
{
    size_t size = 0;
    size_t at = 0;
    for (; at < line.len && at < 6; at++) {
        char c = line.ptr[at];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            break;
        size = size * 16 + (size_t)digit;
    }
    bool ends = at == line.len || line.ptr[at] == '\r' || line.ptr[at] == ';' || line.ptr[at] == ' ';
    *ret_size = size;
    return at > 0 && ends;
}

/* RFC 9112 §7.1; trailers are left unread with the connection. */
static enum status read_chunked(struct exchange *it)
{
    struct buf body = buf_in(it->arena);
    for (size_t at = it->body_at, size = 1; size > 0;) {
        struct slice rest = slice_sub(buf_slice(&it->in), at, it->in.len);
        size_t line_end = slice_find(rest, '\n');
        if (line_end < rest.len && !read_chunk_size(slice_sub(rest, 0, line_end), &size))
            return complain_of_url(it, "cannot read the answer of", "its chunks are broken");
        if (line_end == rest.len || rest.len < line_end + 1 + size + 2) {
            TRY(receive_more(it));
            continue;
        }
        buf_add(&body, slice_sub(rest, line_end + 1, line_end + 1 + size));
        at += line_end + 1 + size + 2;
    }
    it->response.body = buf_slice(&body);
    return body.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_until_closed(struct exchange *it)
{
    enum status status = STATUS_OK;
    while (receive_some(it, &status))
        ;
    it->response.body = body_so_far(it);
    return status;
}

static enum status read_body(struct exchange *it)
{
    struct slice length = client_response_header(&it->response, "Content-Length", 0);
    if (it->response.http_status == 204 || it->response.http_status == 304)
        return STATUS_OK;
    if (slice_eq_nocase(client_response_header(&it->response, "Transfer-Encoding", 0), SLICE("chunked")))
        return read_chunked(it);
    return slice_is_absent(length) ? read_until_closed(it) : read_counted(it, length);
}

static enum status run_exchange(struct exchange *it)
{
    bool brackets = it->url.host.ptr[0] == '[';
    it->host = arena_string(it->arena, brackets ? slice_sub(it->url.host, 1, it->url.host.len - 1) : it->url.host);
    if (!it->host)
        return STATUS_NO_MEMORY;
    TRY(start_tcp(it));
    if (it->url.https)
        TRY(start_tls(it));
    TRY(send_request(it));
    TRY(read_head(it));
    return read_body(it);
}

enum status http_client_send_blocking(const struct client_request *request, struct arena *arena,
                                      struct client_response *ret_response, const char **ret_why)
{
    struct problem problem = {0};
    struct exchange it = {
        .request = request, .arena = arena, .connection = {.fd = -1}, .in = buf_in(arena), .ret_why = ret_why};
    if (oauth_url_parse(request->url, &it.url, &problem) != STATUS_OK)
        return complain_of_url(&it, "cannot use", problem_text(&problem));
    enum status status = run_exchange(&it);
    close_exchange(&it.connection);
    if (status == STATUS_OK)
        *ret_response = it.response;
    return status;
}
