#include "verify/check.h"

#include "base/percent.h"
#include "oauth/base_string.h"

/* An unknown client's signature is verified with this key, so that the time tells nothing. Nobody holds the private
 * key: it was thrown away. */
static const char nobodys_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw0Aa/uKrqzCn7q7QWwuM\n"
                                  "Lz15Drqa+yPQaDf45kGupzxgkqvadhFGXu6LHH9tlY4piDXaByrCBo/CzB0xem2C\n"
                                  "bpFFlA0fpoVBnaUpgc08+jHAy48N5iV0YiIxLXXDGfPXRwYXMqYFCsgz8Qr2/ma+\n"
                                  "UY75tgcxeQH3qv3bPdTDsfAVgaSiIwpAw6DX0xk6wc6wV34Mitc5d3hE9DL3wc9u\n"
                                  "c4oX+nassNN2J+CMsoD+czZDaX1l0svSFJBG47GZcACT3C6ZrLsTSjKKS22PoR8p\n"
                                  "PPYZd/Qg3LHD5nmdEH9JmNWN1FtKIygarax7YSZqkSp8Nekv2IfpJBAgAmr2jt6Q\n"
                                  "nQIDAQAB\n"
                                  "-----END PUBLIC KEY-----\n";

static unsigned required_parameters(enum check_purpose purpose)
{
    switch (purpose) {
    case CHECK_TEMPORARY_CREDENTIAL:
        return MESSAGE_REQUIRED | OAUTH_BIT(OAUTH_CALLBACK); /* RFC 5849 §2.1 */
    case CHECK_TOKEN_CREDENTIAL:
        return MESSAGE_REQUIRED | OAUTH_BIT(OAUTH_TOKEN) | OAUTH_BIT(OAUTH_VERIFIER); /* §2.3 */
    case CHECK_PROTECTED_RESOURCE:
        break;
    }
    return MESSAGE_REQUIRED;
}

static enum status check_transport(struct check *check, bool encrypted)
{
    if (encrypted || check->rules->insecure_transport)
        return STATUS_OK;
    return problem_set(&check->problem, STATUS_INSECURE_TRANSPORT, NULL);
}

static bool is_plaintext(const struct message *message)
{
    return message->signature_method && message->signature_method->kind == SIGNATURE_PLAINTEXT;
}

enum status check_parse(struct check *check)
{
    bool resource = check->purpose == CHECK_PROTECTED_RESOURCE;
    check->problem = (struct problem){0};
    if (!resource) /* RFC 5849 §2.1, §2.3: TLS is a MUST at both endpoints */
        TRY(check_transport(check, check->secure));
    TRY(message_parse(&check->request, check->arena, &check->message, &check->problem));
    if (resource && message_is_unsigned(&check->message))
        return problem_set(&check->problem, STATUS_UNSIGNED, NULL);
    if (resource && is_plaintext(&check->message)) /* §3.4.4: and for PLAINTEXT everywhere */
        TRY(check_transport(check, check->secure && check->message.url.https));
    return message_check(&check->message, required_parameters(check->purpose), check->arena, &check->problem);
}

/* ---- who it is ---- */

static enum status refuse_unapproved(struct check *check)
{
    return problem_set(&check->problem, STATUS_CLIENT_DISABLED,
                       "the client is not approved: until it is, it works for its owner alone");
}

static enum status judge_token(struct check *check, int64_t now_ms)
{
    const struct token *token = check->token;
    if (check_token(check).len == 0) { /* RFC 5849 §3.1: oauth_token is left out or empty where no user is concerned */
        check->legs = 2;
        if (!client_serves(check->client, SLICE("")))
            return refuse_unapproved(check);
        if (check->client->flags & CLIENT_TWO_LEGGED)
            return STATUS_OK;
        return problem_set(&check->problem, STATUS_TOKEN_REJECTED,
                           "there is no oauth_token, and this client may not sign without one");
    }
    check->legs = 3;
    if (!token || token->client != check->client->id)
        return problem_set(&check->problem, STATUS_TOKEN_REJECTED, NULL);
    if (token->revoked_ms != 0 || token->user_disabled)
        return problem_set(&check->problem, STATUS_TOKEN_REVOKED, NULL);
    if (token->expires_ms != 0 && token->expires_ms <= now_ms)
        return problem_set(&check->problem, STATUS_TOKEN_EXPIRED, NULL);
    return client_serves(check->client, token->subject) ? STATUS_OK : refuse_unapproved(check);
}

/* For which user it was granted is judged by the statement that makes the token (durable_token_issue_start). */
static enum status judge_temp(struct check *check)
{
    const struct temp_credential *temp = check->temp;
    if (!temp || temp->state == TEMP_KILLED || !slice_eq(temp->client_id, check->client->client_id))
        return problem_set(&check->problem, STATUS_TOKEN_REJECTED, NULL);
    /* an exchanged temporary credential is refused after the signature, even if its time has passed */
    if (temp->expired && temp->state != TEMP_EXCHANGED)
        return problem_set(&check->problem, STATUS_TOKEN_EXPIRED, NULL);
    return STATUS_OK;
}

static enum status judge_identity(struct check *check, int64_t now_ms)
{
    if (!check->client)
        return problem_set(&check->problem, STATUS_CLIENT_UNKNOWN, NULL);
    if (check->client->flags & CLIENT_DISABLED)
        return problem_set(&check->problem, STATUS_CLIENT_DISABLED, NULL);
    switch (check->purpose) {
    case CHECK_TEMPORARY_CREDENTIAL:
        return STATUS_OK;
    case CHECK_TOKEN_CREDENTIAL:
        return judge_temp(check);
    case CHECK_PROTECTED_RESOURCE:
        return judge_token(check, now_ms);
    }
    return STATUS_OK;
}

/* ---- method and timestamp ---- */

static bool has_live(const struct client_secret *secrets, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        if (client_secret_is_live(&secrets[i], now_ms))
            return true;
    return false;
}

/* Methods are pinned per client, and a client verifies only by what it registered: one with an RSA
 * key alone has no shared secret, so nobody can sign by HMAC over the text of its public key. */
static enum status judge_method(struct check *check, int64_t now_ms)
{
    const struct signature_method *method = check->message.signature_method;
    const struct client *client = check->client;
    unsigned allowed = check->rules->signature_methods;
    unsigned own = 0;
    struct slice unknown = {0};
    if (client->signature_methods.len) { /* a list that cannot be read allows nothing */
        (void)!signature_methods_parse(client->signature_methods, &own, &unknown);
        allowed &= own;
    }
    bool has_key = method && (method->kind == SIGNATURE_RSA ? has_live(client->keys, client->key_count, now_ms)
                                                            : has_live(client->secrets, client->secret_count, now_ms));
    if (method && (method->bit & allowed) && has_key)
        return STATUS_OK;
    return problem_reject(&check->problem, STATUS_METHOD_REJECTED, NULL, SLICE("oauth_signature_method"));
}

/* RFC 5849 §3.3: too old or too far ahead is refused; both edges are inside. */
static enum status judge_timestamp(struct check *check, int64_t now_ms)
{
    int64_t now_s = now_ms / 1000;
    int64_t oldest = now_s - check->rules->skew_s;
    int64_t newest = now_s + check->rules->lead_s;
    TRY(message_timestamp(&check->message, &check->timestamp_s, &check->problem));
    bool sent = !slice_is_absent(check->message.protocol[OAUTH_TIMESTAMP]);
    if (!sent || (check->timestamp_s >= oldest && check->timestamp_s <= newest))
        return STATUS_OK;
    check->problem = (struct problem){
        .status = STATUS_TIMESTAMP_REFUSED,
        .detail = check->timestamp_s < oldest ? "oauth_timestamp is too old: is the client's clock slow?"
                                              : "oauth_timestamp is too far ahead: is the client's clock fast?",
        .acceptable_from_s = oldest,
        .acceptable_to_s = newest,
    };
    return STATUS_TIMESTAMP_REFUSED;
}

/* ---- the signature ---- */

static struct slice token_secret(const struct check *check)
{
    switch (check->purpose) {
    case CHECK_TEMPORARY_CREDENTIAL:
        break;
    case CHECK_TOKEN_CREDENTIAL:
        return check->temp ? check->temp->secret : SLICE("");
    case CHECK_PROTECTED_RESOURCE:
        return check->legs == 3 && check->token ? check->token->secret : SLICE("");
    }
    return SLICE("");
}

static enum status verify_shared(struct check *check, struct signer *signer, struct slice shared_key)
{
    const struct signature_key keys = {.shared_key = shared_key};
    return signature_verify(signer, check->message.signature_method, &keys, check->base_string,
                            check->message.protocol[OAUTH_SIGNATURE]);
}

static enum status verify_secret(struct check *check, struct signer *signer, struct slice secret)
{
    struct buf key = buf_in(check->arena);
    signature_write_shared_key(secret, token_secret(check), &key);
    return key.failed ? STATUS_NO_MEMORY : verify_shared(check, signer, buf_slice(&key));
}

static enum status verify_rsa(struct check *check, struct signer *signer, struct slice pem)
{
    const struct signature_key keys = {.rsa_public_key = pem};
    return signature_verify(signer, check->message.signature_method, &keys, check->base_string,
                            check->message.protocol[OAUTH_SIGNATURE]);
}

/* Two secrets or keys may be live at once, while a client rotates. */
static enum status verify_any(struct check *check, struct signer *signer, int64_t now_ms)
{
    const struct client *client = check->client;
    bool rsa = check->message.signature_method->kind == SIGNATURE_RSA;
    const struct client_secret *secrets = rsa ? client->keys : client->secrets;
    size_t count = rsa ? client->key_count : client->secret_count;
    for (size_t i = 0; i < count; i++) {
        if (!client_secret_is_live(&secrets[i], now_ms))
            continue;
        enum status status = STATUS_OK;
        if (rsa)
            status = verify_rsa(check, signer, secrets[i].text);
        else if (check->shared_keys)
            status = verify_shared(check, signer, check->shared_keys[i]);
        else
            status = verify_secret(check, signer, secrets[i].text);
        if (status != STATUS_SIGNATURE_INVALID)
            return status;
    }
    return STATUS_SIGNATURE_INVALID;
}

/* Does what verifying would do and forgets the result: docs/design/protocol.md, "The same time for everybody". */
static void verify_in_vain(struct check *check, struct signer *signer)
{
    const struct signature_method *method = check->message.signature_method;
    if (!method || base_string_build(&check->message, check->arena, &check->base_string) != STATUS_OK)
        return;
    if (method->kind == SIGNATURE_RSA)
        (void)!verify_rsa(check, signer, slice_str(nobodys_key));
    else
        (void)!verify_secret(check, signer, SLICE("the secret of a client that does not exist"));
}

enum status check_signature(struct check *check, struct signer *signer, int64_t now_ms)
{
    check->judged_ms = now_ms;
    enum status identity = judge_identity(check, now_ms);
    if (identity != STATUS_OK) {
        verify_in_vain(check, signer);
        return identity;
    }
    TRY(judge_method(check, now_ms));
    TRY(judge_timestamp(check, now_ms));
    bool hash_required = check->client->flags & CLIENT_BODY_HASH_REQUIRED;
    TRY(body_hash_check_form(&check->message, hash_required && check->purpose == CHECK_PROTECTED_RESOURCE,
                             &check->problem));
    TRY(base_string_build(&check->message, check->arena, &check->base_string));
    enum status status = verify_any(check, signer, now_ms);
    if (status != STATUS_OK)
        return problem_set(&check->problem, status, NULL);
    return body_hash_verify(&check->message, &check->body_hash, &check->problem);
}

bool check_nonce(const struct check *check, struct nonce *ret_nonce)
{
    struct slice nonce = check->message.protocol[OAUTH_NONCE];
    if (slice_is_absent(nonce) || slice_is_absent(check->message.protocol[OAUTH_TIMESTAMP]))
        return false;
    *ret_nonce = (struct nonce){check_client_id(check), check_token(check), check->timestamp_s, nonce};
    return true;
}

/* ---- hints ---- */

/* The newest live secret or key; absent: none. */
static struct slice newest_live(const struct client_secret *secrets, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        if (client_secret_is_live(&secrets[i], now_ms))
            return secrets[i].text;
    return SLICE_ABSENT;
}

enum status check_explain(const struct check *check, struct signer *signer, int64_t now_ms,
                          const struct explain_options *given, struct arena *scratch, struct explanation *explanation)
{
    const struct client *client = check->client;
    struct explain_options options = *given;
    struct slice *former = arena_calloc(check->arena, client->secret_count, sizeof *former);
    if (!former)
        return STATUS_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < client->secret_count; i++)
        if (!client_secret_is_live(&client->secrets[i], now_ms))
            former[count++] = client->secrets[i].text;
    options.client_secret = newest_live(client->secrets, client->secret_count, now_ms);
    options.rsa_public_key = newest_live(client->keys, client->key_count, now_ms);
    options.token_secret = token_secret(check);
    options.former_secrets = (struct slice_list){former, count};
    if (check->problem.status == STATUS_BODY_HASH_MISMATCH)
        return explain_body_hash(&check->message, &options, signer, check->arena, explanation);
    return explain_mismatch(&check->message, &options, check->base_string, signer, check->arena, scratch, explanation);
}
