#include "admin/clients.h"

#include "admin/deed.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "durable/clients.h"
#include "rules/client_draft.h"
#include "rules/overlap.h"
#include "shapes/client_shape.h"

enum { NEW_ID_BYTES = 24 };

/* ---- answers ---- */

static void answer_client(const struct durable *db, struct deed_answer *answer, const struct client *client,
                          struct slice secret)
{
    struct json_writer json = json_writer(&answer->json);
    const struct client_view view = {.secret = secret, .now_ms = clock_wall_ms(db->clock)};
    client_shape_write(&json, client, &view);
    answer->version = client->version;
}

/* Writes the client as it is now into the answer. */
static enum status answer_found(struct durable *db, struct deed_answer *answer, struct slice id, struct slice secret)
{
    struct client *client = NULL;
    TRY(durable_client_read_blocking(db, id, &client));
    answer_client(db, answer, client, secret);
    client_free(client);
    return STATUS_OK;
}

/* ---- GET clients ---- */

static const char *const list_query[] = {DEED_LIST_QUERY, "approval", NULL};

static enum status judge_list(struct deed *deed, const char **ret_why)
{
    struct slice approval = deed_query(deed, "approval");
    if (slice_is_absent(approval) || slice_eq(approval, SLICE("pending")))
        return STATUS_OK;
    return deed_wrong(deed, ret_why, "approval: pending is what can be asked for; leave it out for all clients");
}

static enum status read_rows(const struct deed *deed, struct durable *db, struct page_request page,
                             struct client_page **ret_rows)
{
    return slice_is_absent(deed_query(deed, "approval"))
               ? durable_client_list_blocking(db, SLICE_ABSENT, page, ret_rows)
               : durable_client_list_pending_blocking(db, page, ret_rows);
}

static enum status do_list_clients(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct deed_list list = deed_list_begin(deed, answer, "clients");
    while (!list.is_over) {
        struct client_page *rows = NULL;
        TRY(read_rows(deed, db, list.page, &rows));
        for (size_t i = 0; i < rows->count; i++) {
            const struct client *client = &rows->clients[i];
            const struct slice texts[] = {client->client_id, client->name, client->owner};
            const struct client_view view = {.secret = SLICE_ABSENT, .is_listed = true};
            if (deed_list_takes(&list, client->id, texts, COUNT_OF(texts)))
                client_shape_write(&list.json, client, &view);
        }
        deed_list_took(&list, rows->count);
        client_page_free(rows);
    }
    deed_list_end(&list);
    return STATUS_OK;
}

static const struct deed_kind list_kind = {
    .noun = "client", .query = list_query, .is_list = true, .judge = judge_list, .work = do_list_clients};

DEED_ENDPOINT(client_deeds_list, list_kind);

/* ---- POST clients ---- */

static enum status judge_secret(struct deed *deed, struct slice secret, const char **ret_why)
{
    if (slice_is_absent(secret) || (secret.len > 0 && secret.len <= SECRET_MAX_BYTES))
        return STATUS_OK;
    return deed_wrong(deed, ret_why, "client_secret must have 1 to %d bytes", SECRET_MAX_BYTES);
}

static enum status judge_key(struct deed *deed, struct slice pem, const char **ret_why)
{
    const char *why = NULL;
    enum status status = slice_is_absent(pem) ? STATUS_OK : rsa_check_public_key(pem, &why);
    if (status != STATUS_BAD_INPUT)
        return status;
    return deed_wrong(deed, ret_why, "rsa_public_key: %s", why);
}

/* In the deed's arena, so that each try of the transaction takes the same. */
static enum status invent_text(struct deed *deed, size_t len, struct slice *text)
{
    char *bytes = arena_bytes(&deed->arena, len);
    if (!bytes)
        return STATUS_NO_MEMORY;
    TRY(random_text(bytes, len));
    *text = slice_of(bytes, len);
    return STATUS_OK;
}

static enum status read_input(struct deed *deed, struct client_input **ret_input, const char **ret_why)
{
    struct client_input *input = deed->input = arena_calloc(&deed->arena, 1, sizeof *input);
    if (!input)
        return STATUS_NO_MEMORY;
    *ret_input = input;
    return client_shape_read(deed->body, &deed->arena, input, ret_why);
}

static enum status judge_new(struct deed *deed, const char **ret_why)
{
    struct client_input *input = NULL;
    TRY(read_input(deed, &input, ret_why));
    if (slice_is_absent(input->name))
        return deed_wrong(deed, ret_why, "name is required: users see it");
    TRY(judge_secret(deed, input->client_secret, ret_why));
    TRY(judge_key(deed, input->rsa_public_key, ret_why));
    if (slice_is_absent(input->client_id))
        TRY(invent_text(deed, NEW_ID_BYTES, &input->client_id));
    bool needs_secret = slice_is_absent(input->client_secret) && slice_is_absent(input->rsa_public_key);
    return needs_secret ? invent_text(deed, CLIENT_SECRET_BYTES, &input->client_secret) : STATUS_OK;
}

static enum status refuse_draft(struct deed_answer *answer, const struct client_draft *draft)
{
    const char *why = shape_why(buf_slice(&draft->why), &answer->arena);
    return why ? deed_refuse(answer, 400, "%s", why) : STATUS_NO_MEMORY;
}

static enum status store_new_client(const struct deed *deed, struct durable *db, const struct client *client,
                                    struct deed_answer *answer)
{
    int64_t id = 0;
    TRY(durable_client_create_blocking(db, client, &id));
    TRY(deed_audit(deed, db, "client.create", client->client_id));
    TRY(answer_found(db, answer, client->client_id, client->secret_count ? client->secrets[0].text : SLICE_ABSENT));
    deed_place(answer, "clients", client->client_id);
    answer->http_status = 201;
    return STATUS_OK;
}

static enum status do_create_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct client_input *input = deed->input;
    struct client_options options;
    struct client_draft draft = {.options = &options};
    const char *why = NULL;
    if (!client_shape_options(input, &options, &why))
        return deed_refuse(answer, 400, "%s", why);
    options.id = input->client_id;
    bool is_good = client_draft_take(&draft);
    client_draft_credentials(&draft, input->client_secret, input->rsa_public_key);
    is_good = is_good && client_draft_can_sign(&draft);
    enum status status = is_good ? store_new_client(deed, db, &draft.client, answer) : refuse_draft(answer, &draft);
    client_draft_done(&draft);
    return status;
}

static const struct deed_kind create_kind = {.noun = "client",
                                             .row = CHANGE_CLIENT,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .judge = judge_new,
                                             .work = do_create_client};

DEED_ENDPOINT(client_deeds_create, create_kind);

/* ---- GET clients/{id} ---- */

static enum status show_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return answer_found(db, answer, deed->id, SLICE_ABSENT);
}

static const struct deed_kind show_kind = {.noun = "client", .work = show_client};

DEED_ENDPOINT(client_deeds_show, show_kind);

/* ---- PATCH clients/{id} ---- */

static enum status judge_change(struct deed *deed, const char **ret_why)
{
    struct client_input *input = NULL;
    TRY(read_input(deed, &input, ret_why));
    if (json_member(deed->body, "client_id"))
        return deed_wrong(deed, ret_why, "client_id: it stays what it is; leave it out");
    if (json_member(deed->body, "client_secret") || json_member(deed->body, "rsa_public_key"))
        return deed_wrong(deed, ret_why,
                          "client_secret, rsa_public_key: POST …/rotate-secret gives a client others; leave them out");
    return STATUS_OK;
}

static enum status change_found(const struct deed *deed, struct durable *db, struct client_draft *draft,
                                struct deed_answer *answer)
{
    TRY(deed_match(deed, answer, draft->client.version));
    if (!client_draft_take(draft) || !client_draft_can_sign(draft))
        return refuse_draft(answer, draft);
    enum status status = durable_client_update_blocking(db, &draft->client);
    if (status == STATUS_CONFLICT) /* between the two statements */
        return deed_refuse(answer, 412, "it was changed since you have seen it; GET it again");
    TRY(status);
    TRY(deed_audit(deed, db, "client.update", deed->id));
    return answer_found(db, answer, deed->id, SLICE_ABSENT);
}

static enum status change_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct client_options options;
    struct client_draft draft = {.options = &options};
    struct client *found = NULL;
    const char *why = NULL;
    if (!client_shape_options(deed->input, &options, &why))
        return deed_refuse(answer, 400, "%s", why);
    options.id = SLICE_ABSENT;
    TRY(durable_client_read_blocking(db, deed->id, &found));
    draft.client = *found; /* the arena stays found's */
    enum status status = change_found(deed, db, &draft, answer);
    client_draft_done(&draft);
    client_free(found);
    return status;
}

static const struct deed_kind change_kind = {.noun = "client",
                                             .row = CHANGE_CLIENT,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .needs_match = true,
                                             .judge = judge_change,
                                             .work = change_client};

DEED_ENDPOINT(client_deeds_change, change_kind);

/* ---- DELETE clients/{id} ---- */

static enum status match_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct client *found = NULL;
    TRY(durable_client_read_blocking(db, deed->id, &found));
    enum status status = deed_match(deed, answer, found->version);
    client_free(found);
    return status;
}

static enum status do_delete_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    TRY(match_client(deed, db, answer));
    TRY(durable_client_delete_blocking(db, deed->id));
    return deed_audit(deed, db, "client.delete", deed->id);
}

static const struct deed_kind delete_kind = {
    .noun = "client", .row = CHANGE_CLIENT, .writes = true, .needs_match = true, .work = do_delete_client};

DEED_ENDPOINT(client_deeds_delete, delete_kind);

/* ---- POST clients/{id}/disable, enable ---- */

static enum status do_named(const struct deed *deed, struct durable *db, struct deed_answer *answer, const char *what,
                            enum status (*work)(struct durable *db, struct slice client_id))
{
    TRY(match_client(deed, db, answer));
    TRY(work(db, deed->id));
    TRY(deed_audit(deed, db, what, deed->id));
    return answer_found(db, answer, deed->id, SLICE_ABSENT);
}

/* POST that does VERB_client. */
#define CLIENT_ENDPOINT(verb)                                                           \
    static const struct deed_kind verb##_kind = {                                       \
        .noun = "client", .row = CHANGE_CLIENT, .writes = true, .work = verb##_client}; \
    DEED_ENDPOINT(client_deeds_##verb, verb##_kind)

static enum status disable_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return do_named(deed, db, answer, "client.disable", durable_client_disable_blocking);
}

static enum status enable_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return do_named(deed, db, answer, "client.enable", durable_client_enable_blocking);
}

CLIENT_ENDPOINT(disable);
CLIENT_ENDPOINT(enable);

/* ---- POST clients/{id}/approve, reject ---- */

typedef enum status judge_client_fn(struct durable *db, struct slice client_id, int64_t version);

/* Nobody approves what its owner changed since it was looked at, also not in between. */
static enum status judge_seen(const struct deed *deed, struct durable *db, struct deed_answer *answer,
                              judge_client_fn *judge)
{
    struct client *found = NULL;
    TRY(durable_client_read_blocking(db, deed->id, &found));
    int64_t version = deed_matches_any(deed) ? 0 : found->version;
    enum status status = deed_match(deed, answer, found->version);
    client_free(found);
    TRY(status);
    status = judge(db, deed->id, version);
    if (status == STATUS_FORBIDDEN)
        return deed_refuse(answer, 409, CLIENT_WITHOUT_OWNER);
    return status == STATUS_CONFLICT ? deed_match(deed, answer, 0) : status;
}

static enum status do_judge(const struct deed *deed, struct durable *db, struct deed_answer *answer, const char *what,
                            judge_client_fn *judge)
{
    TRY(judge_seen(deed, db, answer, judge));
    TRY(deed_audit(deed, db, what, deed->id));
    return answer_found(db, answer, deed->id, SLICE_ABSENT);
}

static enum status approve_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return do_judge(deed, db, answer, "client.approve", durable_client_approve_blocking);
}

static enum status reject_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return do_judge(deed, db, answer, "client.reject", durable_client_reject_blocking);
}

CLIENT_ENDPOINT(approve);
CLIENT_ENDPOINT(reject);

/* ---- POST clients/{id}/rotate-secret ---- */

struct rotation {
    struct slice client_secret, rsa_public_key;
    int64_t overlap; /* seconds */
    bool end_former;
};

static const struct json_field rotation_fields[] = {
    JSON_FIELD(struct rotation, client_secret, JSON_STRING, false),
    JSON_FIELD(struct rotation, rsa_public_key, JSON_STRING, false),
    JSON_FIELD(struct rotation, overlap, JSON_INT, false),
    JSON_FIELD(struct rotation, end_former, JSON_BOOL, false),
    JSON_FIELDS_END,
};

static enum status judge_rotation(struct deed *deed, const char **ret_why)
{
    struct rotation *rotation = deed->input = arena_calloc(&deed->arena, 1, sizeof *rotation);
    if (!rotation)
        return STATUS_NO_MEMORY;
    rotation->overlap = OVERLAP_DEFAULT_S;
    TRY(json_decode(deed->body, rotation_fields, JSON_NULL_REFUSED, "", &deed->arena, rotation, NULL, ret_why));
    if (rotation->overlap < 0 || rotation->overlap > OVERLAP_MAX_S)
        return deed_wrong(deed, ret_why, OVERLAP_WRONG);
    if (!slice_is_absent(rotation->client_secret) && !slice_is_absent(rotation->rsa_public_key))
        return deed_wrong(deed, ret_why, "client_secret and rsa_public_key do not go together");
    TRY(judge_secret(deed, rotation->client_secret, ret_why));
    if (!slice_is_absent(rotation->rsa_public_key))
        return judge_key(deed, rotation->rsa_public_key, ret_why);
    return slice_is_absent(rotation->client_secret) ? invent_text(deed, CLIENT_SECRET_BYTES, &rotation->client_secret)
                                                    : STATUS_OK;
}

/* A client that signs with RSA alone gets no secret by mistake. */
static enum status judge_client_rotation(const struct deed *deed, const struct client *client, int64_t now_ms,
                                         struct deed_answer *answer)
{
    const struct rotation *rotation = deed->input;
    const struct overlap overlap = {rotation->overlap, rotation->end_former};
    bool is_key = !slice_is_absent(rotation->rsa_public_key);
    struct buf why = buf_in(&answer->arena);
    TRY(deed_match(deed, answer, client->version));
    if (!is_key && !client_has_secret(client) && client->key_count > 0)
        return deed_refuse(answer, 400, "rsa_public_key: the client signs with an RSA key; send the new one");
    if (overlap_refuses_client(&overlap, client, is_key, now_ms, &why))
        return deed_refuse(answer, 409, "%.*s", SLICE_ARGS(buf_slice(&why)));
    return STATUS_OK;
}

static enum status rotate_credential(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct rotation *rotation = deed->input;
    int64_t overlap_ms = rotation->overlap * 1000;
    struct client *found = NULL;
    TRY(durable_client_read_blocking(db, deed->id, &found));
    enum status status = judge_client_rotation(deed, found, clock_wall_ms(db->clock), answer);
    client_free(found);
    TRY(status);
    return slice_is_absent(rotation->client_secret)
               ? durable_client_rotate_key_blocking(db, deed->id, rotation->rsa_public_key, overlap_ms)
               : durable_client_rotate_secret_blocking(db, deed->id, rotation->client_secret, overlap_ms);
}

static enum status rotate_client(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct rotation *rotation = deed->input;
    struct client *client = NULL;
    TRY(rotate_credential(deed, db, answer));
    TRY(deed_audit(deed, db, slice_is_absent(rotation->client_secret) ? "client.rotate-key" : "client.rotate-secret",
                   deed->id));
    TRY(durable_client_read_blocking(db, deed->id, &client));
    struct json_writer json = json_writer(&answer->json);
    client_shape_write_rotated(&json, client, rotation->client_secret, clock_wall_ms(db->clock));
    answer->version = client->version;
    client_free(client);
    return STATUS_OK;
}

static const struct deed_kind rotate_kind = {.noun = "client",
                                             .row = CHANGE_CLIENT,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .judge = judge_rotation,
                                             .work = rotate_client};

DEED_ENDPOINT(client_deeds_rotate, rotate_kind);

/* ---- GET clients/{id}/secrets, keys ---- */

static void list_credentials(struct json_writer *json, const struct client_secret *items, size_t count, bool is_public)
{
    for (size_t i = 0; i < count; i++) {
        json_begin_object(json);
        if (is_public)
            json_member_string(json, "rsa_public_key", items[i].text);
        shape_write_time(json, "created_at", items[i].created_ms);
        shape_write_time(json, "expires_at", items[i].expires_ms);
        json_end_object(json);
    }
}

static enum status show_credentials(const struct deed *deed, struct durable *db, struct deed_answer *answer, bool keys)
{
    struct client *client = NULL;
    struct json_writer json = json_writer(&answer->json);
    TRY(durable_client_read_blocking(db, deed->id, &client));
    json_begin_object(&json);
    json_member_array(&json, keys ? "keys" : "secrets");
    list_credentials(&json, keys ? client->keys : client->secrets, keys ? client->key_count : client->secret_count,
                     keys);
    json_end_array(&json);
    json_end_object(&json);
    answer->version = client->version;
    client_free(client);
    return STATUS_OK;
}

/* When each was made and until when it is good; never the secret. */
static enum status show_secrets(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return show_credentials(deed, db, answer, false);
}

static const struct deed_kind secrets_kind = {.noun = "client", .work = show_secrets};

DEED_ENDPOINT(client_deeds_secrets, secrets_kind);

static enum status show_keys(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return show_credentials(deed, db, answer, true);
}

static const struct deed_kind keys_kind = {.noun = "client", .work = show_keys};

DEED_ENDPOINT(client_deeds_keys, keys_kind);
