#include "sql/mysql_client.h"

#include "crypto/system_ca.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

enum { PACKET_MAX_BYTES = 16 << 20, ERROR_NO_TLS = 2026, ERROR_NO_MEMORY = 2008, ERROR_PLUGIN_NOT_ALLOWED = 5010 };
enum { ERROR_UNKNOWN_VARIABLE = 1193 }; /* the server's */

/* ---- the library and its threads ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;

static void leave_thread(void *entered UNUSED)
{
    mysql_thread_end();
}

static void begin_library(void)
{
    (void)mysql_library_init(0, NULL, NULL);
    (void)pthread_key_create(&thread_key, leave_thread);
}

void mysql_client_enter(void)
{
    static char entered;
    (void)pthread_once(&once, begin_library);
    if (pthread_getspecific(thread_key))
        return;
    (void)mysql_thread_init();
    (void)pthread_setspecific(thread_key, &entered);
}

/* ---- what differs ---- */

#ifdef MARIADB_BASE_VERSION

/* Without the second flag this library logs in unencrypted where a server says that it has no TLS; for "required" that
 * is looked at afterwards. With it the host's name is verified, so verify-ca is as strict as verify-full here. */
static bool set_tls(MYSQL *handle, const struct mysql_url *url)
{
    mysql_flag encrypted = url->tls != MYSQL_TLS_DISABLED;
    mysql_flag verified = url->tls >= MYSQL_TLS_VERIFY_CA;
    bool set = mysql_optionsv(handle, MYSQL_OPT_SSL_ENFORCE, &encrypted) == 0;
    set = mysql_optionsv(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified) == 0 && set;
    if (url->ca)
        return set && mysql_optionsv(handle, MYSQL_OPT_SSL_CA, url->ca) == 0;
    /* the system's: with none named, a newer client takes any certificate for which the server proves the password */
    return set && (!verified || mysql_optionsv(handle, MYSQL_OPT_SSL_CAPATH, system_ca_directory()) == 0);
}

/* Without this it would load a plugin that hands the password over in the clear, for any server that asks. */
static bool set_authentication(MYSQL *handle)
{
    static const char allowed[] =
        "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec,unix_socket";
    return mysql_optionsv(handle, MARIADB_OPT_RESTRICTED_AUTH, allowed) == 0;
}

static int socket_of(MYSQL *handle)
{
    return (int)mysql_get_socket(handle);
}

#else

static bool set_tls(MYSQL *handle, const struct mysql_url *url)
{
    static const unsigned modes[] = {
        [MYSQL_TLS_DISABLED] = SSL_MODE_DISABLED,
        [MYSQL_TLS_REQUIRED] = SSL_MODE_REQUIRED,
        [MYSQL_TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
        [MYSQL_TLS_VERIFY_FULL] = SSL_MODE_VERIFY_IDENTITY,
    };
    bool set = mysql_options(handle, MYSQL_OPT_SSL_MODE, &modes[url->tls]) == 0;
    return set && (!url->ca || mysql_options(handle, MYSQL_OPT_SSL_CA, url->ca) == 0);
}

/* Where there is no TLS, caching_sha2_password sends the password encrypted for the server's RSA key. */
static bool set_authentication(MYSQL *handle)
{
    mysql_flag off = false;
    mysql_flag on = true;
    return mysql_options(handle, MYSQL_ENABLE_CLEARTEXT_PLUGIN, &off) == 0 &&
           mysql_options(handle, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &on) == 0;
}

static int socket_of(MYSQL *handle)
{
    return handle->net.fd;
}

#endif

/* ---- connecting ---- */

static bool set_options(MYSQL *handle, const struct mysql_url *url, const struct mysql_limits *limits)
{
    unsigned protocol = url->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned long packet = PACKET_MAX_BYTES;
    unsigned no_files = 0;
    return mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol) == 0 &&
           mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &limits->connect_s) == 0 &&
           mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &limits->answer_s) == 0 &&
           mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &limits->answer_s) == 0 &&
           mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet) == 0 &&
           mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no_files) == 0 &&
           mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4") == 0 && set_authentication(handle) &&
           set_tls(handle, url);
}

/* A node of Galera has each write at once, and shows it a moment later. So it waits with reads, updates and inserts
 * until it shows all that was committed at any node. Other servers do not know the variable, or make nothing of it. */
static bool set_sync(MYSQL *handle)
{
    return mysql_query(handle, "SET SESSION wsrep_sync_wait = 7") == 0 || mysql_errno(handle) == ERROR_UNKNOWN_VARIABLE;
}

/* READ COMMITTED: a statement sees what was committed before it, so that what a lock was waited for is seen behind it.
 */
static bool set_session(MYSQL *handle, const struct mysql_limits *limits)
{
    char settings[256];
    (void)snprintf(
        settings, sizeof settings,
        "SET SESSION autocommit = 1, foreign_key_checks = 1, unique_checks = 1, innodb_lock_wait_timeout = %u,"
        " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
        limits->lock_s);
    return mysql_query(handle, settings) == 0 &&
           mysql_query(handle, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED") == 0 &&
           (limits->read_only ? mysql_query(handle, "SET SESSION TRANSACTION READ ONLY") == 0 : set_sync(handle));
}

void mysql_client_describe(unsigned number, const char *text, struct mysql_fault *ret_fault)
{
    /* MariaDB's library takes this one's text out of a buffer that holds other things by then. */
    bool unreliable = number == ERROR_PLUGIN_NOT_ALLOWED;
    *ret_fault = (struct mysql_fault){.number = number};
    (void)snprintf(ret_fault->text, sizeof ret_fault->text, "%s", unreliable ? "the plugin is not allowed" : text);
    for (char *p = ret_fault->text; *p; p++) /* a server's words go to a terminal and to logs */
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            *p = '?';
}

void mysql_client_fault(MYSQL *handle, struct mysql_fault *ret_fault)
{
    mysql_client_describe(mysql_errno(handle), mysql_error(handle), ret_fault);
}

static bool connect_handle(MYSQL *handle, const struct mysql_url *url, const struct mysql_limits *limits,
                           struct mysql_fault *ret_fault)
{
    bool connected = set_options(handle, url, limits) &&
                     mysql_real_connect(handle, url->host, url->user, url->password, url->database,
                                        url->socket ? 0 : url->port, url->socket, CLIENT_FOUND_ROWS) != NULL;
    if (connected && url->tls != MYSQL_TLS_DISABLED && !mysql_get_ssl_cipher(handle)) {
        *ret_fault = (struct mysql_fault){ERROR_NO_TLS, "the connection is not encrypted"};
        return false;
    }
    if (connected && set_session(handle, limits))
        return true;
    mysql_client_fault(handle, ret_fault);
    return false;
}

MYSQL *mysql_client_connect_blocking(const struct mysql_url *url, const struct mysql_limits *limits,
                                     struct mysql_fault *ret_fault)
{
    mysql_client_enter();
    MYSQL *handle = mysql_init(NULL);
    if (!handle) {
        *ret_fault = (struct mysql_fault){ERROR_NO_MEMORY, "out of memory"};
        return NULL;
    }
    if (connect_handle(handle, url, limits, ret_fault))
        return handle;
    mysql_close(handle);
    return NULL;
}

bool mysql_client_is_gone(MYSQL *handle)
{
    struct pollfd entry = {.fd = socket_of(handle), .events = POLLIN};
    return poll(&entry, 1, 0) != 0;
}
