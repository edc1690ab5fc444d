#include "crypto/ct.h"
#include "crypto/rsa.h"
#include "intake/intake.h"
#include "shapes/client_shape.h"

/* Clients of another provider, with their identifiers and secrets. The members are called as `client get` shows them.
 */

struct line {
    struct client_input client; /* first */
    bool disabled;
    struct slice approval;
};

static const struct json_field fields[] = {
    CLIENT_INPUT_ROWS JSON_FIELD(struct line, disabled, JSON_BOOL, false),
    JSON_FIELD(struct line, approval, JSON_STRING, false),
    JSON_FIELDS_END,
};

/* The options of `client create`. Users see the name; the identifier is better than none. */
static enum status read_client_options(struct intake *intake, const struct client_input *client,
                                       struct client_options *options)
{
    const char *why = NULL;
    if (slice_is_absent(client->client_id))
        return intake_refuse(intake, "client_id is required");
    if (!client_shape_options(client, options, &why))
        return intake_refuse(intake, "%s", why);
    options->id = client->client_id;
    if (options->name.len == 0)
        options->name = client->client_id;
    return STATUS_OK;
}

/* ---- the credentials ---- */

static enum status check_credentials(struct intake *intake, const struct client_input *client)
{
    const char *why = NULL;
    if (slice_is_absent(client->client_secret) && slice_is_absent(client->rsa_public_key))
        return intake_refuse(intake, "client_secret or rsa_public_key is needed");
    if (!slice_is_absent(client->client_secret) &&
        (client->client_secret.len == 0 || client->client_secret.len > SECRET_MAX_BYTES))
        return intake_refuse(intake, "client_secret must have 1 to %d bytes", SECRET_MAX_BYTES);
    if (!slice_is_absent(client->rsa_public_key) && rsa_check_public_key(client->rsa_public_key, &why) != STATUS_OK)
        return intake_refuse(intake, "rsa_public_key: %s", why ? why : status_text(STATUS_NO_MEMORY));
    return STATUS_OK;
}

/* Whether `wanted` is absent or among them. */
static bool holds_secret(const struct client_secret *secrets, size_t count, struct slice wanted)
{
    bool found = slice_is_absent(wanted);
    for (size_t i = 0; i < count; i++)
        found |= ct_equal(secrets[i].text, wanted);
    return found;
}

/* A client that is there already is skipped if these credentials are its own, whatever was edited since. */
static enum status check_is_new(struct intake *intake, const struct client_input *client)
{
    struct client *found = NULL;
    enum status status = durable_client_read_blocking(intake->db, client->client_id, &found);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    TRY(status);
    bool same = holds_secret(found->secrets, found->secret_count, client->client_secret) &&
                holds_secret(found->keys, found->key_count, client->rsa_public_key);
    if (found->damage.len)
        status = intake_refuse(intake, "it exists already; %.*s", SLICE_ARGS(found->damage));
    else
        status = same ? STATUS_CONFLICT
                      : intake_refuse(intake, "client %.*s exists already, with another secret or key",
                                      SLICE_ARGS(client->client_id));
    client_free(found);
    return status;
}

static enum status store_new(struct intake *intake, const struct client *client)
{
    int64_t id = 0;
    TRY(intake_race(intake, durable_client_create_blocking(intake->db, client, &id)));
    return intake_audit(intake, "client.import", client->client_id);
}

/* What an export of another Countersign says of it. */
static enum status take_state(struct intake *intake, const struct line *line, unsigned *flags)
{
    *flags |= line->disabled ? CLIENT_DISABLED : 0U;
    if (slice_is_absent(line->approval) || slice_eq(line->approval, SLICE("approved")))
        return STATUS_OK;
    if (!slice_eq(line->approval, SLICE("pending")) && !slice_eq(line->approval, SLICE("rejected")))
        return intake_refuse(intake, "approval must be approved, pending or rejected");
    *flags |= slice_eq(line->approval, SLICE("pending")) ? CLIENT_PENDING : CLIENT_REJECTED;
    return STATUS_OK;
}

static enum status take_client_line(struct intake *intake, const void *decoded)
{
    const struct line *line = decoded;
    const struct client_input *client = &line->client;
    struct client_options options;
    struct client_draft draft = {.options = &options};
    TRY(read_client_options(intake, client, &options));
    TRY(check_credentials(intake, client));
    enum status status = client_draft_take(&draft) ? check_is_new(intake, client)
                                                   : intake_refuse(intake, "%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    if (status == STATUS_OK)
        status = take_state(intake, line, &draft.client.flags);
    client_draft_credentials(&draft, client->client_secret, client->rsa_public_key);
    if (status == STATUS_OK && !client_draft_can_sign(&draft))
        status = intake_refuse(intake, "%.*s", SLICE_ARGS(buf_slice(&draft.why)));
    if (status == STATUS_OK)
        status = store_new(intake, &draft.client);
    client_draft_done(&draft);
    return status;
}

const struct intake_kind intake_client = {"client", fields, sizeof(struct line), take_client_line};
