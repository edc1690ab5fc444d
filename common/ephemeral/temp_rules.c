#include "ephemeral/temp_rules.h"

#include "crypto/ct.h"

enum status temp_credential_check_live(const struct temp_credential *temp)
{
    switch (temp->state) {
    case TEMP_KILLED:
        return STATUS_TOKEN_REJECTED;
    case TEMP_EXCHANGED:
        return STATUS_TOKEN_USED;
    case TEMP_DENIED:
        return temp->expired ? STATUS_TOKEN_EXPIRED : STATUS_PERMISSION_DENIED;
    case TEMP_PENDING:
    case TEMP_GRANTED:
        break;
    }
    return temp->expired ? STATUS_TOKEN_EXPIRED : STATUS_OK;
}

enum status temp_rule_look(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed)
{
    (void)temp, (void)with, (void)ret_changed;
    return STATUS_OK;
}

enum status temp_rule_grant(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed)
{
    TRY(temp_credential_check_live(temp));
    if (temp->user != 0 && temp->user != with->grant.user)
        return STATUS_FORBIDDEN;
    temp->state = TEMP_GRANTED;
    temp->user = with->grant.user;
    temp->user_generation = with->grant.user_generation;
    temp->username = with->grant.username;
    temp->scopes = with->grant.scopes;
    temp->verifier = with->grant.verifier;
    *ret_changed = true;
    return STATUS_OK;
}

enum status temp_rule_deny(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed)
{
    if (temp->user != 0 && temp->user != with->user)
        return STATUS_FORBIDDEN;
    if (temp->state == TEMP_DENIED && !temp->expired)
        return STATUS_OK;
    TRY(temp_credential_check_live(temp));
    temp->state = TEMP_DENIED;
    temp->user = with->user;
    *ret_changed = true;
    return STATUS_OK;
}

enum status temp_rule_try(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed)
{
    TRY(temp_credential_check_live(temp));
    if (temp->state == TEMP_PENDING)
        return STATUS_PERMISSION_UNKNOWN;
    if (ct_equal(temp->verifier, with->verifier))
        return STATUS_OK;
    if (++temp->wrong >= TEMP_MAX_WRONG)
        temp->state = TEMP_KILLED;
    *ret_changed = true;
    return STATUS_VERIFIER_INVALID;
}

enum status temp_rule_exchange(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed)
{
    (void)with;
    switch (temp->state) {
    case TEMP_PENDING:
        return STATUS_PERMISSION_UNKNOWN;
    case TEMP_DENIED:
        return STATUS_PERMISSION_DENIED;
    case TEMP_EXCHANGED:
        return STATUS_OK;
    case TEMP_KILLED: /* while a right verifier's token was written: that exchange holds */
    case TEMP_GRANTED:
        break;
    }
    temp->state = TEMP_EXCHANGED;
    *ret_changed = true;
    return STATUS_OK;
}
