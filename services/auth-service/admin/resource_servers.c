#include "admin/resource_servers.h"

#include "admin/deed.h"
#include "rules/overlap.h"
#include "rules/resource_server_draft.h"
#include "shapes/resource_server_shape.h"
#include "shapes/shape.h"

/* ---- GET resource-servers ---- */

static enum status do_list_servers(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct deed_list list = deed_list_begin(deed, answer, "resource_servers");
    while (!list.is_over) {
        struct resource_server_page *rows = NULL;
        TRY(durable_resource_server_list_blocking(db, list.page, &rows));
        for (size_t i = 0; i < rows->count; i++) {
            const struct resource_server *server = &rows->servers[i];
            if (deed_list_takes(&list, server->id, &server->name, 1))
                resource_server_shape_write(&list.json, server, SLICE_ABSENT);
        }
        deed_list_took(&list, rows->count);
        resource_server_page_free(rows);
    }
    deed_list_end(&list);
    return STATUS_OK;
}

static const char *const list_query[] = {DEED_LIST_QUERY, NULL};
static const struct deed_kind list_kind = {
    .noun = "resource server", .query = list_query, .is_list = true, .work = do_list_servers};

DEED_ENDPOINT(resource_server_deeds_list, list_kind);

/* ---- GET resource-servers/{name} ---- */

/* A revoked one has another version than it had before. */
static int64_t version_of_server(const struct resource_server *server)
{
    return 2 * server->id + (server->revoked_ms != 0);
}

/* Of the rows of this name the newest; there are few servers. */
static enum status find_newest(struct durable *db, struct slice name, struct deed_answer *answer)
{
    struct page_request page = {0};
    struct buf text = buf_in(&answer->arena);
    for (bool more = true; more;) {
        struct resource_server_page *rows = NULL;
        TRY(durable_resource_server_list_blocking(db, page, &rows));
        for (size_t i = 0; i < rows->count; i++) {
            const struct resource_server *server = &rows->servers[i];
            page.after_id = server->id;
            if (!slice_eq(server->name, name))
                continue;
            struct json_writer json = json_writer(&text);
            buf_reset(&text);
            resource_server_shape_write(&json, server, SLICE_ABSENT);
            answer->version = version_of_server(server);
        }
        more = rows->count == PAGE_MAX_ROWS;
        resource_server_page_free(rows);
    }
    answer->json = text;
    return answer->version ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status show_server(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    return find_newest(db, deed->id, answer);
}

static const struct deed_kind show_kind = {.noun = "resource server", .work = show_server};

DEED_ENDPOINT(resource_server_deeds_show, show_kind);

/* ---- POST resource-servers ---- */

struct server_input {
    struct slice name;
    struct json_strings origins, tls_sans;
    bool allow_explain;
    struct resource_server_draft draft; /* its bufs are the deed's arena's */
};

static const struct json_field server_fields[] = {
    JSON_FIELD(struct server_input, name, JSON_STRING, true),
    JSON_FIELD(struct server_input, origins, JSON_STRINGS, false),
    JSON_FIELD(struct server_input, tls_sans, JSON_STRINGS, false),
    JSON_FIELD(struct server_input, allow_explain, JSON_BOOL, false),
    JSON_FIELDS_END,
};

static enum status judge_server(struct deed *deed, const char **ret_why)
{
    struct server_input *input = deed->input = arena_calloc(&deed->arena, 1, sizeof *input);
    if (!input)
        return STATUS_NO_MEMORY;
    input->draft.origins = input->draft.sans = input->draft.why = buf_in(&deed->arena);
    TRY(json_decode(deed->body, server_fields, JSON_NULL_REFUSED, "", &deed->arena, input, NULL, ret_why));
    const struct resource_server_parts parts = {
        .name = input->name,
        .origins = input->origins.items,
        .origin_count = input->origins.count,
        .tls_sans = input->tls_sans.items,
        .tls_san_count = input->tls_sans.count,
        .allow_explain = input->allow_explain,
    };
    if (resource_server_draft_take(&input->draft, &parts))
        return resource_server_draft_key(&input->draft);
    *ret_why = shape_why(buf_slice(&input->draft.why), &deed->arena);
    return *ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

/* Says whose name it is. What is seen may be the row of `server` itself, and nobody's where the rival was revoked
 * meanwhile: then it was a matter of this moment. */
static enum status refuse_taken(struct durable *db, const struct resource_server *server, struct deed_answer *answer)
{
    struct resource_server *rival = NULL;
    enum status status = durable_resource_server_find_rival_blocking(db, server, &rival);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (!rival || slice_eq(rival->key_digest, server->key_digest))
        status = deed_refuse(answer, 409,
                             "name, tls_sans: another resource server has or had one of these names just now; "
                             "GET resource-servers shows which are live, then send it again or choose others");
    else if (slice_eq(rival->name, server->name))
        status = deed_refuse(answer, 409,
                             "name: there is a live resource server %.*s; POST …/rotate-key gives it a new key; choose "
                             "another name, or DELETE it first",
                             SLICE_ARGS(rival->name));
    else
        status = deed_refuse(answer, 409, "tls_sans: resource server %.*s is live and has the certificate's names %.*s",
                             SLICE_ARGS(rival->name), SLICE_ARGS(rival->tls_sans));
    resource_server_free(rival);
    return status;
}

static enum status do_create_server(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct server_input *input = deed->input;
    struct resource_server server = input->draft.server;
    struct json_writer json = json_writer(&answer->json);
    int64_t id = 0;
    enum status status = durable_resource_server_create_blocking(db, &server, &id);
    if (status == STATUS_CONFLICT)
        return refuse_taken(db, &server, answer);
    TRY(status);
    TRY(deed_audit(deed, db, "resource-server.create", server.name));
    server.id = id;
    server.created_ms = clock_wall_ms(db->clock);
    resource_server_shape_write(&json, &server, slice_of(input->draft.key, sizeof input->draft.key));
    answer->version = version_of_server(&server);
    deed_place(answer, "resource-servers", server.name);
    answer->http_status = 201;
    return STATUS_OK;
}

static const struct deed_kind create_kind = {.noun = "resource server",
                                             .row = CHANGE_RESOURCE_SERVER,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .judge = judge_server,
                                             .work = do_create_server};

DEED_ENDPOINT(resource_server_deeds_create, create_kind);

/* ---- POST resource-servers/{name}/rotate-key ---- */

struct rotation {
    int64_t overlap; /* seconds */
    bool end_former;
    struct resource_server_draft draft; /* of the new key alone */
};

static const struct json_field rotation_fields[] = {
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
    return resource_server_draft_key(&rotation->draft);
}

/* As it is held until the commit. */
static enum status judge_server_rotation(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct rotation *rotation = deed->input;
    const struct overlap overlap = {rotation->overlap, rotation->end_former};
    struct buf why = buf_in(&answer->arena);
    int64_t until_ms = 0;
    TRY(durable_resource_server_former_until_blocking(db, deed->id, &until_ms));
    if (!overlap_refuses(&overlap, until_ms, "key", &why))
        return STATUS_OK;
    return deed_refuse(answer, 409, "%.*s", SLICE_ARGS(buf_slice(&why)));
}

static enum status do_rotate_server(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    const struct rotation *rotation = deed->input;
    const struct resource_server_draft *draft = &rotation->draft;
    int64_t overlap_ms = rotation->overlap * 1000;
    TRY(find_newest(db, deed->id, answer));
    TRY(deed_match(deed, answer, answer->version));
    TRY(judge_server_rotation(deed, db, answer));
    TRY(durable_resource_server_rotate_blocking(db, deed->id, draft->server.key_digest, overlap_ms));
    TRY(deed_audit(deed, db, "resource-server.rotate-key", deed->id));
    TRY(find_newest(db, deed->id, answer));
    answer->json = buf_in(&answer->arena);
    struct json_writer json = json_writer(&answer->json);
    resource_server_shape_write_rotated(&json, deed->id, slice_of(draft->key, sizeof draft->key),
                                        overlap_ms ? clock_wall_ms(db->clock) + overlap_ms : 0);
    return STATUS_OK;
}

static const struct deed_kind rotate_kind = {.noun = "resource server",
                                             .row = CHANGE_RESOURCE_SERVER,
                                             .body = DEED_TAKES_OBJECT,
                                             .writes = true,
                                             .judge = judge_rotation,
                                             .work = do_rotate_server};

DEED_ENDPOINT(resource_server_deeds_rotate, rotate_kind);

/* ---- DELETE resource-servers/{name} ---- */

static enum status do_revoke_server(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    int64_t count = 0;
    TRY(find_newest(db, deed->id, answer));
    TRY(deed_match(deed, answer, answer->version));
    answer->json = buf_in(&answer->arena);
    answer->version = 0;
    TRY(durable_resource_server_revoke_blocking(db, deed->id, &count));
    struct json_writer json = json_writer(&answer->json);
    json_begin_object(&json);
    json_member_int(&json, "revoked", count);
    json_end_object(&json);
    return deed_audit(deed, db, "resource-server.revoke", deed->id);
}

static const struct deed_kind revoke_kind = {.noun = "resource server",
                                             .row = CHANGE_RESOURCE_SERVER,
                                             .writes = true,
                                             .needs_match = true,
                                             .work = do_revoke_server};

DEED_ENDPOINT(resource_server_deeds_revoke, revoke_kind);
