#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 3 };

struct tls {
    pthread_mutex_t lock;
    SSL_CTX *context; /* under the lock */
    struct tls_files files;
    char *paths[FILES]; /* what the files' names point to */
};

/* A key with a passphrase is an error, never a question on the terminal. */
static int refuse_passphrase(char *out UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
    return -1;
}

/* Picks HTTP/1.1 where the client offers it; others may go on without ALPN. */
static int select_protocol(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *context UNUSED)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *selected;
    if (SSL_select_next_proto(&selected, out_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* "VARIABLE: FILE: what (OpenSSL's reason)" */
static enum status refuse_tls_file(const struct tls_file *file, const char *what, struct buf *why)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    buf_addf(why, "%s: %s: %s", file->variable, file->path, what);
    if (reason)
        buf_addf(why, " (%s)", reason);
    buf_add_byte(why, '\n');
    ERR_clear_error();
    return STATUS_BAD_INPUT;
}

static enum status check_readable(const struct tls_file *file, struct buf *why)
{
    FILE *stream = fopen(file->path, "re");
    if (!stream) {
        buf_addf(why, "%s: %s: cannot be read: %s\n", file->variable, file->path, strerror(errno));
        return STATUS_BAD_INPUT;
    }
    fclose(stream);
    return STATUS_OK;
}

static enum status load_certificate(SSL_CTX *context, const struct tls_file *file, struct buf *why)
{
    TRY(check_readable(file, why));
    if (SSL_CTX_use_certificate_chain_file(context, file->path) != 1)
        return refuse_tls_file(file, "holds no usable certificate in PEM form", why);
    return STATUS_OK;
}

static enum status load_key(SSL_CTX *context, const struct tls_file *file, struct buf *why)
{
    TRY(check_readable(file, why));
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(context, file->path, SSL_FILETYPE_PEM) == 1)
        return STATUS_OK;
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH)
        return refuse_tls_file(file, "the key does not belong to the certificate", why);
    return refuse_tls_file(file, "holds no private key in PEM form without a passphrase", why);
}

static enum status load_client_ca(SSL_CTX *context, const struct tls_file *file, struct buf *why)
{
    TRY(check_readable(file, why));
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file->path);
    if (!names || SSL_CTX_load_verify_file(context, file->path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse_tls_file(file, "holds no CA certificate in PEM form", why);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return STATUS_OK;
}

/* All of them, so that one problem does not hide the next. The certificate comes before the key, which is held against
 * it. */
static enum status load_files(SSL_CTX *context, const struct tls_files *files, struct buf *why)
{
    const struct {
        enum status (*load)(SSL_CTX *context, const struct tls_file *file, struct buf *why);
        const struct tls_file *file;
    } rows[] = {{load_certificate, &files->certificate}, {load_key, &files->key}, {load_client_ca, &files->client_ca}};
    enum status all = STATUS_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum status status = rows[i].file->path ? rows[i].load(context, rows[i].file, why) : STATUS_OK;
        all = status == STATUS_OK ? all : status;
    }
    return all;
}

static bool set_rules(SSL_CTX *context)
{
    static const unsigned char session_context[] = "countersign";
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1) == 1;
}

static enum status load_context(const struct tls_files *files, struct buf *why, SSL_CTX **ret_context)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return STATUS_NO_MEMORY;
    enum status status = set_rules(context) ? load_files(context, files, why) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *ret_context = context;
    return STATUS_OK;
}

enum status tls_check_blocking(const struct tls_files *files, struct buf *why)
{
    SSL_CTX *context;
    TRY(load_context(files, why, &context));
    SSL_CTX_free(context);
    return STATUS_OK;
}

static bool copy_files(struct tls *tls, const struct tls_files *files)
{
    tls->files = *files;
    struct tls_file *const copies[FILES] = {&tls->files.certificate, &tls->files.key, &tls->files.client_ca};
    for (size_t i = 0; i < FILES; i++) {
        if (!copies[i]->path)
            continue;
        copies[i]->path = tls->paths[i] = strdup(copies[i]->path);
        if (!tls->paths[i])
            return false;
    }
    return true;
}

enum status tls_new_blocking(const struct tls_files *files, struct buf *why, struct tls **ret_tls)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&tls->lock, NULL);
    enum status status = copy_files(tls, files) ? load_context(&tls->files, why, &tls->context) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        tls_free(tls);
        return status;
    }
    *ret_tls = tls;
    return STATUS_OK;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    for (size_t i = 0; i < FILES; i++)
        free(tls->paths[i]);
    free(tls);
}

enum status tls_reload_blocking(struct tls *tls, struct buf *why)
{
    SSL_CTX *context;
    TRY(load_context(&tls->files, why, &context));
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); /* connections hold their own reference */
    return STATUS_OK;
}

SSL_CTX *tls_take_context(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *context = tls->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&tls->lock);
    return context;
}

/* ---- the client's certificate ---- */

/* With its type: a URI of the same letters is not the DNS name. */
static struct slice copy_name(struct arena *arena, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_URI)
        return SLICE_ABSENT;
    struct slice bytes = slice_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    if (slice_find(bytes, '\0') < bytes.len)
        return SLICE_ABSENT; /* cut by some readers: nobody's name */
    struct buf typed = buf_in(arena);
    buf_add_str(&typed, type == GEN_DNS ? "DNS:" : "URI:");
    buf_add(&typed, bytes);
    return typed.failed ? SLICE_ABSENT : buf_slice(&typed);
}

static struct slice find_name(struct arena *arena, const GENERAL_NAMES *names, size_t index)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        struct slice name = copy_name(arena, sk_GENERAL_NAME_value(names, i));
        if (!slice_is_absent(name) && index-- == 0)
            return name;
    }
    return SLICE_ABSENT;
}

struct slice tls_peer_san(SSL *ssl, struct arena *arena, size_t index)
{
    if (SSL_get_verify_result(ssl) != X509_V_OK || !(SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER))
        return SLICE_ABSENT;
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    GENERAL_NAMES *names = certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    struct slice name = names ? find_name(arena, names, index) : SLICE_ABSENT;
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    ERR_clear_error();
    return name;
}
