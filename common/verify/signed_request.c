#include "verify/signed_request.h"

static struct credential_key key_of(const struct signed_request *it)
{
    return (struct credential_key){CREDENTIAL_CLIENT, check_client_id(&it->check), SLICE("")};
}

bool signed_request_find(struct signed_request *it, struct credential_view *credentials, struct flow *flow)
{
    const struct credential_key key = key_of(it);
    return credential_find(credentials, &key, flow, &it->client);
}

void signed_request_load_start(const struct signed_request *it, struct credential_view *credentials,
                               struct ticket ticket)
{
    const struct credential_key key = key_of(it);
    credential_find_start(credentials, &key, ticket);
}

enum status signed_request_verify(struct signed_request *it, struct flow *flow, size_t index,
                                  const struct ephemeral *ephemeral, struct signer *signer)
{
    int64_t now_ms = 0;
    TRY(credential_take(&it->client, flow, index));
    it->check.client = credential_client_of(&it->client);
    it->check.shared_keys = it->check.purpose == CHECK_TOKEN_CREDENTIAL ? NULL : credential_shared_keys(&it->client);
    TRY(ephemeral_now(ephemeral, &now_ms));
    return check_signature(&it->check, signer, now_ms);
}

bool signed_request_spend(const struct signed_request *it, struct flow *flow, struct ephemeral *ephemeral,
                          unsigned timeout_ms)
{
    struct nonce nonce;
    if (!check_nonce(&it->check, &nonce))
        return false;
    ephemeral_nonce_spend_start(ephemeral, &nonce, flow_wait(flow, timeout_ms));
    return true;
}

enum status signed_request_spent(struct signed_request *it, const struct flow *flow)
{
    struct nonce nonce;
    enum status status = check_nonce(&it->check, &nonce) ? flow_outcome(flow, NULL) : STATUS_OK;
    return status == STATUS_OK ? STATUS_OK : problem_set(&it->check.problem, status, NULL);
}
