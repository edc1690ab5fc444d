#include "verify/signed_request.h"

static struct credential_key key_of(const struct signed_request *it)
{
    if (it->check.purpose == CHECK_PROTECTED_RESOURCE)
        return (struct credential_key){CREDENTIAL_PAIR, check_client_id(&it->check), check_token(&it->check)};
    return (struct credential_key){CREDENTIAL_CLIENT, check_client_id(&it->check), SLICE("")};
}

bool signed_request_find(struct signed_request *it, struct credential_view *credentials, struct flow *flow)
{
    const struct credential_key key = key_of(it);
    return credential_find(credentials, &key, flow, &it->signed_by);
}

void signed_request_load_start(const struct signed_request *it, struct credential_view *credentials,
                               struct ticket ticket)
{
    const struct credential_key key = key_of(it);
    credential_find_start(credentials, &key, ticket);
}

static void lend_pair(struct check *check, const struct credential_pair *pair)
{
    check->client = pair->client_found ? &pair->client : NULL;
    check->token = pair->token_found ? &pair->token : NULL;
}

enum status signed_request_verify(struct signed_request *it, struct flow *flow, size_t index,
                                  const struct ephemeral *ephemeral, struct signer *signer)
{
    struct check *check = &it->check;
    int64_t now_ms = 0;
    TRY(credential_take(&it->signed_by, flow, index));
    if (check->purpose == CHECK_PROTECTED_RESOURCE)
        lend_pair(check, credential_pair_of(&it->signed_by));
    else
        check->client = credential_client_of(&it->signed_by);
    /* those of a client alone are not the keys of a request that a temporary credential signs, too */
    check->shared_keys = check->purpose == CHECK_TOKEN_CREDENTIAL ? NULL : credential_shared_keys(&it->signed_by);
    TRY(ephemeral_now(ephemeral, &now_ms));
    return check_signature(check, signer, now_ms);
}

bool signed_request_has_nonce(const struct signed_request *it)
{
    struct nonce nonce;
    return check_nonce(&it->check, &nonce);
}

void signed_request_spend_start(const struct signed_request *it, struct ephemeral *ephemeral, struct ticket ticket)
{
    struct nonce nonce;
    if (check_nonce(&it->check, &nonce))
        ephemeral_nonce_spend_start(ephemeral, &nonce, ticket);
    else
        ticket_complete(ticket, STATUS_OK, NULL, NULL);
}

enum status signed_request_spent(struct signed_request *it, const struct flow *flow, size_t index)
{
    enum status status = signed_request_has_nonce(it) ? flow_outcome_at(flow, index, NULL) : STATUS_OK;
    return problem_set(&it->check.problem, status, NULL);
}
