#include "support/http_fixture.h"
#include "support/identity.h"
#include "support/test.h"

#include "base/buf.h"
#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* --- certificates, made for each run --- */

static char folder[] = "/tmp/countersign-tls-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static struct identity ca, other_ca, server_identity, other_server, client, stranger;

static int set_up(void **state UNUSED)
{
    if (!mkdtemp(folder))
        return -1;
    ca = identity_make("ca", NULL, NULL);
    other_ca = identity_make("other ca", NULL, NULL);
    server_identity = identity_make("first", "DNS:localhost", NULL);
    other_server = identity_make("second", "DNS:localhost", NULL);
    client = identity_make("client", "IP:192.0.2.1,DNS:gateway.example,URI:spiffe://a/b", &ca);
    stranger = identity_make("client", "DNS:gateway.example", &other_ca);
    identity_write_certificate(&server_identity, path_of("cert.pem"));
    identity_write_key(&server_identity, path_of("key.pem"), NULL);
    identity_write_certificate(&other_server, path_of("other-cert.pem"));
    identity_write_key(&other_server, path_of("other-key.pem"), NULL);
    identity_write_key(&server_identity, path_of("locked-key.pem"), "secret");
    identity_write_certificate(&ca, path_of("ca.pem"));
    FILE *file = fopen(path_of("garbage.pem"), "w");
    fputs("this is no PEM\n", file);
    fclose(file);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    static const char *const files[] = {"cert.pem",    "key.pem", "other-cert.pem", "other-key.pem", "locked-key.pem",
                                        "garbage.pem", "ca.pem",  "live-cert.pem",  "live-key.pem"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(path_of(files[i]));
    struct identity *all[] = {&ca, &other_ca, &server_identity, &other_server, &client, &stranger};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        identity_free(all[i]);
    return rmdir(folder);
}

/* --- files --- */

static const struct {
    const char *certificate, *key, *client_ca;
    const char *variable, *file; /* that are named */
    const char *wrong;           /* part of the sentence */
} bad_files[] = {
    {"none.pem", "key.pem", NULL, "CERT", "none.pem", "cannot be read: No such file or directory"},
    {"garbage.pem", "key.pem", NULL, "CERT", "garbage.pem", "holds no usable certificate in PEM form"},
    {"key.pem", "key.pem", NULL, "CERT", "key.pem", "holds no usable certificate in PEM form"},
    {"cert.pem", "none.pem", NULL, "KEY", "none.pem", "cannot be read: No such file or directory"},
    {"cert.pem", "garbage.pem", NULL, "KEY", "garbage.pem", "holds no private key in PEM form"},
    {"cert.pem", "cert.pem", NULL, "KEY", "cert.pem", "holds no private key in PEM form"},
    {"cert.pem", "other-key.pem", NULL, "KEY", "other-key.pem", "the key does not belong to the certificate"},
    {"cert.pem", "locked-key.pem", NULL, "KEY", "locked-key.pem", "without a passphrase"},
    {"cert.pem", "key.pem", "none.pem", "CA", "none.pem", "cannot be read: No such file or directory"},
    {"cert.pem", "key.pem", "garbage.pem", "CA", "garbage.pem", "holds no CA certificate in PEM form"},
};

static struct tls_files files_of(const char *certificate, const char *key, const char *client_ca)
{
    return (struct tls_files){.certificate = {certificate ? path_of(certificate) : NULL, "CERT"},
                              .key = {key ? path_of(key) : NULL, "KEY"},
                              .client_ca = {client_ca ? path_of(client_ca) : NULL, "CA"}};
}

static void bad_files_are_named_with_what_is_wrong(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
        const struct tls_files files = files_of(bad_files[i].certificate, bad_files[i].key, bad_files[i].client_ca);
        struct buf why = BUF_INIT;
        struct tls *tls = NULL;
        assert_status(tls_new_blocking(&files, &why, &tls), STATUS_BAD_INPUT);
        assert_null(tls);
        char begin[300];
        (void)snprintf(begin, sizeof begin, "%s: %s: ", bad_files[i].variable, path_of(bad_files[i].file));
        if (!slice_starts_with(buf_slice(&why), slice_str(begin)) ||
            slice_find_slice(buf_slice(&why), slice_str(bad_files[i].wrong)) == why.len)
            fail_msg("row %zu: %.*s", i, SLICE_ARGS(buf_slice(&why)));
        assert_int_equal(ERR_peek_error(), 0);
        buf_done(&why);
    }
}

/* Also where others are missing. */
static void every_file_is_judged_at_once(void **state UNUSED)
{
    const struct tls_files bad = files_of("none.pem", "garbage.pem", "key.pem");
    const struct tls_files alone = files_of(NULL, "none.pem", NULL);
    const struct tls_files none = files_of(NULL, NULL, NULL);
    struct buf why = BUF_INIT;
    assert_status(tls_check_blocking(&bad, &why), STATUS_BAD_INPUT);
    struct slice lines = buf_slice(&why);
    static const char *const variables[] = {"CERT: ", "KEY: ", "CA: "};
    bool more = true;
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        assert_true(slice_starts_with(slice_cut(&lines, '\n', &more), slice_str(variables[i])));
    assert_int_equal(lines.len, 0);
    buf_reset(&why);
    assert_status(tls_check_blocking(&alone, &why), STATUS_BAD_INPUT);
    assert_true(slice_starts_with(buf_slice(&why), SLICE("KEY: ")));
    buf_reset(&why);
    assert_status(tls_check_blocking(&none, &why), STATUS_OK);
    assert_int_equal(why.len, 0);
    buf_done(&why);
}

/* --- connections --- */

static enum step_result say_names(struct flow *flow)
{
    struct request *request = request_of(flow);
    assert_true(request->is_tls);
    struct buf names = buf_in(&request->arena);
    for (size_t i = 0;; i++) {
        struct slice name = request_tls_san(request, i);
        if (slice_is_absent(name))
            break;
        buf_add(&names, name);
        buf_add_byte(&names, ' ');
    }
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", buf_slice(&names));
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result say_much(struct flow *flow)
{
    struct request *request = request_of(flow);
    char *text = arena_bytes(&request->arena, 500000);
    assert_non_null(text);
    memset(text, 'x', 500000);
    request_reply_start(request, 200);
    request_reply_body(request, "text/plain", slice_of(text, 500000));
    request_reply_send(request);
    return STEP_REPLY;
}

static const struct step names_steps[] = {{"names", say_names}, {NULL, NULL}};
static const struct step much_steps[] = {{"much", say_much}, {NULL, NULL}};
static const struct route routes[] = {{.name = "names", .path = "/names", .steps = names_steps},
                                      {.name = "much", .path = "/much", .steps = much_steps}};

static struct http_fixture fixture;
static struct tls *tls;

static atomic_uint plain_http_count; /* connections closed for it, from the loopback address */

static void note_closed(void *context UNUSED, enum http_closing why, const struct peer *peer)
{
    if (why == HTTP_CLOSED_PLAIN_HTTP && strcmp(peer->text, "127.0.0.1") == 0)
        atomic_fetch_add(&plain_http_count, 1);
}

static void start(const char *certificate, const char *key, const char *client_ca)
{
    const struct tls_files files = files_of(certificate, key, client_ca);
    struct buf why = BUF_INIT;
    assert_status(tls_new_blocking(&files, &why, &tls), STATUS_OK);
    struct http_listen listen = {.host = SLICE("127.0.0.1"), .tls = tls};
    struct http_server_config config = {.listen = &listen,
                                        .listen_count = 1,
                                        .routes = routes,
                                        .route_count = COUNT_OF(routes),
                                        .observer = {.closed = note_closed}};
    atomic_store(&plain_http_count, 0);
    http_fixture_start(&fixture, &config, 1);
    buf_done(&why);
}

static void stop(void)
{
    assert_true(http_fixture_stop(&fixture, 5000));
    tls_free(tls);
}

struct connection {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    bool is_open;
};

static struct connection open_connection(const struct identity *identity, int max_version)
{
    struct connection connection = {.fd = raw_connect(fixture.port), .context = SSL_CTX_new(TLS_client_method())};
    struct timeval patience = {.tv_sec = 5};
    setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (max_version) {
        SSL_CTX_set_security_level(connection.context, 0);
        SSL_CTX_set_min_proto_version(connection.context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(connection.context, max_version);
    }
    if (identity) {
        SSL_CTX_use_certificate(connection.context, identity->certificate);
        SSL_CTX_use_PrivateKey(connection.context, identity->key);
    }
    connection.ssl = SSL_new(connection.context);
    SSL_set_alpn_protos(connection.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_set_fd(connection.ssl, connection.fd);
    connection.is_open = SSL_connect(connection.ssl) == 1;
    ERR_clear_error();
    return connection;
}

static void close_connection(struct connection *connection)
{
    SSL_free(connection->ssl);
    SSL_CTX_free(connection->context);
    close(connection->fd);
    ERR_clear_error();
}

/* Sends, and reads until the server closes; the bytes are the caller's. */
static size_t exchange(struct connection *connection, const char *request, char **ret_bytes)
{
    char *bytes = calloc(1, 1000000);
    size_t len = 0;
    int got;
    assert_int_equal(SSL_write(connection->ssl, request, (int)strlen(request)), strlen(request));
    while ((got = SSL_read(connection->ssl, bytes + len, (int)(999999 - len))) > 0)
        len += (size_t)got;
    *ret_bytes = bytes;
    return len;
}

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static bool ends_with(const char *bytes, size_t len, const char *end)
{
    return len >= strlen(end) && strcmp(bytes + len - strlen(end), end) == 0;
}

static void requests_are_answered_over_tls_and_it_says_goodbye(void **state UNUSED)
{
    start("cert.pem", "key.pem", NULL);
    static const int versions[] = {0, TLS1_2_VERSION};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct connection connection = open_connection(NULL, versions[i]);
        assert_true(connection.is_open);
        const unsigned char *protocol;
        unsigned protocol_len;
        SSL_get0_alpn_selected(connection.ssl, &protocol, &protocol_len);
        assert_slice_equal(slice_of(protocol, protocol_len), SLICE("http/1.1"));
        char *bytes;
        size_t len = exchange(&connection, "GET /names HTTP/1.1\r\nHost: a\r\n\r\n" ASK("/much"), &bytes);
        assert_true(len > 500000);
        assert_true(slice_starts_with(slice_of(bytes, len), SLICE("HTTP/1.1 200 OK\r\n")));
        assert_true(ends_with(bytes, len, "xxxx"));
        /* so that nobody can cut a reply short unseen */
        assert_true(SSL_get_shutdown(connection.ssl) & SSL_RECEIVED_SHUTDOWN);
        free(bytes);
        close_connection(&connection);
    }
    stop();
}

static void tls_1_1_is_refused(void **state UNUSED)
{
    start("cert.pem", "key.pem", NULL);
    struct connection connection = open_connection(NULL, TLS1_1_VERSION);
    assert_false(connection.is_open);
    close_connection(&connection);
    stop();
}

static void say_in_clear(struct slice sent)
{
    int fd = raw_connect(fixture.port);
    raw_send(fd, sent);
    char bytes[256] = {0};
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t got = recv(fd, bytes, sizeof bytes - 1, 0);
    assert_null(got > 0 ? strstr(bytes, "HTTP/") : NULL); /* an alert at most */
    close(fd);
}

static void plain_http_is_not_answered_on_a_tls_port_and_is_told(void **state UNUSED)
{
    start("cert.pem", "key.pem", NULL);
    say_in_clear(SLICE(ASK("/names")));
    say_in_clear(SLICE("POST /names HTTP/1.1\r\n\r\n"));
    say_in_clear(SLICE("SSH-2.0-OpenSSH_9.2\r\n")); /* something else, of which nothing is known */
    stop();
    assert_int_equal(atomic_load(&plain_http_count), 2);
}

static void a_client_that_leaves_within_the_handshake_is_forgotten(void **state UNUSED)
{
    start("cert.pem", "key.pem", NULL);
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect(fixture.port);
        raw_send(fd, SLICE("\x16\x03\x01\x02"));
        close(fd);
    }
    for (int i = 0; i < 3000 && http_server_connections(fixture.server, 0) > 0; i++)
        usleep(1000);
    assert_int_equal(http_server_connections(fixture.server, 0), 0);
    stop();
}

static void names_of_a_verified_client_are_known(void **state UNUSED)
{
    start("cert.pem", "key.pem", "ca.pem");
    struct connection connection = open_connection(&client, 0);
    assert_true(connection.is_open);
    char *bytes;
    size_t len = exchange(&connection, ASK("/names"), &bytes);
    assert_true(ends_with(bytes, len, "\r\n\r\nDNS:gateway.example URI:spiffe://a/b "));
    free(bytes);
    close_connection(&connection);
    stop();
}

static void a_client_without_a_certificate_has_no_names(void **state UNUSED)
{
    start("cert.pem", "key.pem", "ca.pem");
    struct connection connection = open_connection(NULL, 0);
    assert_true(connection.is_open);
    char *bytes;
    size_t len = exchange(&connection, ASK("/names"), &bytes);
    assert_true(ends_with(bytes, len, "\r\n\r\n"));
    free(bytes);
    close_connection(&connection);
    stop();
}

static void a_certificate_of_another_ca_is_refused(void **state UNUSED)
{
    start("cert.pem", "key.pem", "ca.pem");
    struct connection connection = open_connection(&stranger, 0);
    if (connection.is_open) { /* TLS 1.3 tells it with the first answer */
        char *bytes;
        assert_int_equal(exchange(&connection, ASK("/names"), &bytes), 0);
        free(bytes);
    }
    close_connection(&connection);
    stop();
}

static void names_are_not_read_where_no_ca_is_set(void **state UNUSED)
{
    start("cert.pem", "key.pem", NULL);
    struct connection connection = open_connection(&client, 0);
    assert_true(connection.is_open);
    char *bytes;
    size_t len = exchange(&connection, ASK("/names"), &bytes);
    assert_true(ends_with(bytes, len, "\r\n\r\n"));
    free(bytes);
    close_connection(&connection);
    stop();
}

static void check_served(const char *name)
{
    struct connection connection = open_connection(NULL, 0);
    assert_true(connection.is_open);
    X509 *certificate = SSL_get1_peer_certificate(connection.ssl);
    char common_name[64];
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common_name, sizeof common_name);
    assert_string_equal(common_name, name);
    X509_free(certificate);
    close_connection(&connection);
}

static void a_reload_serves_the_new_files_and_a_failed_one_the_old(void **state UNUSED)
{
    identity_write_certificate(&server_identity, path_of("live-cert.pem"));
    identity_write_key(&server_identity, path_of("live-key.pem"), NULL);
    start("live-cert.pem", "live-key.pem", NULL);
    check_served("first");

    struct buf why = BUF_INIT;
    identity_write_certificate(&other_server, path_of("live-cert.pem")); /* the key is still the old one */
    assert_status(tls_reload_blocking(tls, &why), STATUS_BAD_INPUT);
    assert_true(slice_find_slice(buf_slice(&why), SLICE("does not belong")) < why.len);
    check_served("first");

    identity_write_key(&other_server, path_of("live-key.pem"), NULL);
    struct connection open_before = open_connection(NULL, 0);
    assert_status(tls_reload_blocking(tls, &why), STATUS_OK);
    check_served("second");
    char *bytes;
    assert_true(exchange(&open_before, ASK("/names"), &bytes) > 0);
    free(bytes);
    close_connection(&open_before);
    buf_done(&why);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_named_with_what_is_wrong),
        cmocka_unit_test(every_file_is_judged_at_once),
        cmocka_unit_test(requests_are_answered_over_tls_and_it_says_goodbye),
        cmocka_unit_test(tls_1_1_is_refused),
        cmocka_unit_test(plain_http_is_not_answered_on_a_tls_port_and_is_told),
        cmocka_unit_test(a_client_that_leaves_within_the_handshake_is_forgotten),
        cmocka_unit_test(names_of_a_verified_client_are_known),
        cmocka_unit_test(a_client_without_a_certificate_has_no_names),
        cmocka_unit_test(a_certificate_of_another_ca_is_refused),
        cmocka_unit_test(names_are_not_read_where_no_ca_is_set),
        cmocka_unit_test(a_reload_serves_the_new_files_and_a_failed_one_the_old),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
