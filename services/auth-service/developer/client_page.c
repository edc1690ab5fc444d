#include "developer/client_page.h"

#include "crypto/digest.h"
#include "look/when.h"
#include "oauth/scope.h"
#include "oauth/signature_method.h"
#include "site/client_logo.h"
#include "site/frame.h"
#include "site/site.h"

static bool has_word(struct slice words, struct slice word)
{
    return words.len > 0 && scope_covers(words, word);
}

static struct slice name_of(const struct client *client)
{
    return client->name.len ? client->name : client->client_id;
}

static const struct own_client *shown_to(const struct request *request)
{
    return request->state;
}

/* ---- the parts of the form ---- */

/* Every method that is on, and whether it is ticked. */
static enum status list_methods(struct request *request, const struct client_form *form, struct page_value *ret_list)
{
    struct page_scope *rows = arena_calloc(&request->arena, SIGNATURE_METHOD_COUNT, sizeof *rows);
    struct page_value(*values)[2] = arena_calloc(&request->arena, SIGNATURE_METHOD_COUNT, sizeof *values);
    size_t count = 0;
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < SIGNATURE_METHOD_COUNT; i++) {
        const struct signature_method *method = &signature_methods[i];
        if (!(method->bit & app_of(request)->rules.signature_methods))
            continue;
        values[count][0] = PAGE_TEXT("method", method->name);
        values[count][1] = PAGE_FLAG("ticked", has_word(form->methods, method->name));
        rows[count] = (struct page_scope){values[count], 2};
        count++;
    }
    *ret_list = PAGE_LIST("methods", rows, count);
    return STATUS_OK;
}

enum { SCOPE_VALUES = 4 };

/* Every scope that one may ask for, in words that live as long as the view. */
static enum status list_scopes(struct arena *arena, const struct frame_view *view, const struct client_form *form,
                               struct page_value *ret_list)
{
    const struct scope_texts *known = &view->look->scopes;
    struct page_scope *rows = arena_calloc(arena, known->count + 1, sizeof *rows);
    struct page_value(*values)[SCOPE_VALUES] = arena_calloc(arena, known->count + 1, sizeof *values);
    size_t count = 0;
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < known->count; i++) {
        const struct scope_text *scope = &known->scopes[i];
        if (!scope->self_service)
            continue;
        values[count][0] = PAGE_TEXT("scope", scope->name);
        values[count][1] = PAGE_TEXT("text", scope_words_in(scope, view->language->tag).text);
        values[count][2] = PAGE_FLAG("dangerous", scope->dangerous);
        values[count][3] = PAGE_FLAG("ticked", has_word(form->scopes, scope->name));
        rows[count] = (struct page_scope){values[count], SCOPE_VALUES};
        count++;
    }
    *ret_list = PAGE_LIST("scopes", rows, count);
    return STATUS_OK;
}

/* ---- the credentials of a client ---- */

enum { KEY_VALUES = 3, FINGERPRINT_BYTES = 8 };

/* Tells keys apart: the first bytes of its text's SHA-256. */
static struct slice fingerprint_of(struct arena *arena, struct slice pem)
{
    unsigned char digest[DIGEST_MAX_BYTES];
    struct buf text = buf_in(arena);
    if (digest_bytes(DIGEST_SHA256, pem, digest) != STATUS_OK)
        return SLICE("?");
    for (size_t i = 0; i < FINGERPRINT_BYTES; i++)
        buf_addf(&text, i ? ":%02x" : "%02x", digest[i]);
    return buf_slice(&text);
}

static enum status list_keys(struct arena *arena, const struct client *client, int64_t now_ms,
                             struct page_value *ret_list)
{
    size_t all = client ? client->key_count : 0;
    struct page_scope *rows = arena_calloc(arena, all + 1, sizeof *rows);
    struct page_value(*values)[KEY_VALUES] = arena_calloc(arena, all + 1, sizeof *values);
    size_t count = 0;
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < all; i++) {
        struct buf id = buf_in(arena);
        if (!client_secret_is_live(&client->keys[i], now_ms))
            continue;
        buf_add_i64(&id, client->keys[i].id);
        values[count][0] = PAGE_TEXT("key_id", buf_slice(&id));
        values[count][1] = PAGE_TEXT("fingerprint", fingerprint_of(arena, client->keys[i].text));
        values[count][2] = PAGE_TEXT("until", when_minute(arena, client->keys[i].expires_ms));
        rows[count] = (struct page_scope){values[count], KEY_VALUES};
        count++;
    }
    *ret_list = PAGE_LIST("keys", rows, count);
    return STATUS_OK;
}

static struct slice former_secret_until(struct arena *arena, const struct client *client, int64_t now_ms)
{
    return client ? when_minute(arena, client_secret_former_until_ms(client->secrets, client->secret_count, now_ms))
                  : SLICE("");
}

/* Or one that was lost, and can be replaced. */
static bool has_live_secret(const struct client *client, int64_t now_ms)
{
    for (size_t i = 0; client && i < client->secret_count; i++)
        if (client_secret_is_live(&client->secrets[i], now_ms))
            return true;
    return client && client->damage.len > 0;
}

/* ---- the form ---- */

static bool has_flags(const struct client *client, unsigned flags)
{
    return client && (client->flags & flags) == flags;
}

static struct slice describe_fault(struct request *request, const struct client_form *form)
{
    const struct page_value value = PAGE_TEXT("value", form->fault_value);
    const struct page_scope scope = {&value, 1};
    return form->fault ? site_text_with(request, form->fault, &scope) : SLICE("");
}

/* "https://auth.example.com/oauth/token". */
static struct slice write_endpoint(struct request *request, struct slice path)
{
    struct buf address = buf_in(&request->arena);
    buf_add(&address, app_of(request)->config->public_url.text);
    buf_add(&address, path);
    return address.failed ? SLICE_ABSENT : buf_slice(&address);
}

static enum status show_form_in(struct request *request, const struct frame_view *view, const struct client *client,
                                const struct client_form *form, int64_t now_ms)
{
    struct arena *arena = &request->arena;
    struct page_value methods = {0};
    struct page_value scopes = {0};
    struct page_value keys = {0};
    struct slice back = slice_str(site_path(request, OWN_CLIENTS_PATH));
    struct slice action = client ? own_client_address(request, client->client_id)
                                 : slice_str(site_path(request, OWN_CLIENTS_PATH "/new"));
    struct slice error = describe_fault(request, form);
    const struct config *config = app_of(request)->config;
    struct slice initiate = write_endpoint(request, config->initiate_path);
    struct slice authorize = write_endpoint(request, config->authorize_path);
    struct slice token = write_endpoint(request, config->token_path);
    TRY(list_methods(request, form, &methods));
    TRY(list_scopes(arena, view, form, &scopes));
    TRY(list_keys(arena, client, now_ms, &keys));
    if (slice_is_absent(back) || slice_is_absent(action) || slice_is_absent(error) || slice_is_absent(initiate) ||
        slice_is_absent(authorize) || slice_is_absent(token))
        return STATUS_NO_MEMORY;
    const struct page_value values[] = {
        PAGE_TEXT("error", error),
        PAGE_FLAG("saved", shown_to(request)->is_saved),
        PAGE_TEXT("action", action),
        PAGE_TEXT("back", back),
        PAGE_TEXT("csrf_token", shown_to(request)->visitor.session->csrf),
        PAGE_TEXT("client_id", client ? client->client_id : SLICE("")),
        PAGE_TEXT("initiate", initiate),
        PAGE_TEXT("authorize", authorize),
        PAGE_TEXT("token", token),
        PAGE_TEXT("application", client ? name_of(client) : SLICE("")), /* as it is called until it is saved */
        PAGE_TEXT("client_name", form->name),
        PAGE_TEXT("logo", client ? client_logo_address(request, client) : SLICE("")),
        PAGE_TEXT("website", form->website),
        PAGE_TEXT("description", form->description),
        PAGE_TEXT("callbacks", form->callbacks),
        methods,
        scopes,
        PAGE_FLAG("has_scopes", scopes.row_count > 0),
        PAGE_FLAG("pending", has_flags(client, CLIENT_PENDING)),
        PAGE_FLAG("rejected", has_flags(client, CLIENT_REJECTED)),
        PAGE_FLAG("verified", has_flags(client, CLIENT_VERIFIED)),
        PAGE_FLAG("disabled", has_flags(client, CLIENT_DISABLED)),
        PAGE_FLAG("switched_off", has_flags(client, CLIENT_DISABLED | CLIENT_SWITCHED_OFF)),
        PAGE_FLAG("waits", app_of(request)->config->registration == REGISTRATION_APPROVAL),
        PAGE_FLAG("has_secret", has_live_secret(client, now_ms)),
        PAGE_TEXT("former_until", former_secret_until(arena, client, now_ms)),
        keys,
        PAGE_FLAG("has_keys", keys.row_count > 0),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    (void)site_page(request, form->fault ? 400 : 200, client ? "client.title" : "client.new_title", "client.html",
                    &scope, SLICE_ABSENT);
    return STATUS_OK;
}

enum step_result client_page_form(struct request *request, const struct client *client, const struct client_form *form)
{
    int64_t now_ms = 0;
    enum status status = ephemeral_now(app_loop_of(request)->ephemeral, &now_ms);
    struct frame_view view = frame_begin(request); /* the words of scopes are its */
    if (status == STATUS_OK)
        status = show_form_in(request, &view, client, form, now_ms);
    frame_end(request, &view);
    return status == STATUS_OK ? STEP_REPLY : site_refuse(request, status, NULL);
}

/* ---- the list ---- */

enum { CLIENT_VALUES = 6 };

static enum status list_own(struct request *request, const struct client_page *clients, struct page_value *ret_list)
{
    struct page_scope *rows = arena_calloc(&request->arena, clients->count + 1, sizeof *rows);
    struct page_value(*values)[CLIENT_VALUES] = arena_calloc(&request->arena, clients->count + 1, sizeof *values);
    if (!rows || !values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < clients->count; i++) {
        const struct client *client = &clients->clients[i];
        struct slice address = own_client_address(request, client->client_id);
        if (slice_is_absent(address))
            return STATUS_NO_MEMORY;
        const struct page_value row[CLIENT_VALUES] = {
            PAGE_TEXT("address", address),
            PAGE_TEXT("client_name", name_of(client)),
            PAGE_TEXT("client_id", client->client_id),
            PAGE_FLAG("pending", has_flags(client, CLIENT_PENDING)),
            PAGE_FLAG("rejected", has_flags(client, CLIENT_REJECTED)),
            PAGE_FLAG("disabled", has_flags(client, CLIENT_DISABLED)),
        };
        memcpy(values[i], row, sizeof row);
        rows[i] = (struct page_scope){values[i], CLIENT_VALUES};
    }
    *ret_list = PAGE_LIST("clients", rows, clients->count);
    return STATUS_OK;
}

enum step_result client_page_list(struct request *request, const struct client_page *clients)
{
    struct page_value list = {0};
    const char *fresh = site_path(request, OWN_CLIENTS_PATH "/new");
    const char *address = site_path(request, "/developer/try");
    enum status status = fresh && address ? list_own(request, clients, &list) : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    const struct page_value values[] = {
        list,
        PAGE_TEXT("try_address", slice_str(address)),
        PAGE_FLAG("has_clients", clients->count > 0),
        PAGE_TEXT("fresh", slice_str(clients->count < CLIENTS_OF_OWNER_MAX ? fresh : "")),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "client.list_title", "clients.html", &scope, SLICE_ABSENT);
}

/* ---- this once ---- */

static struct slice or_empty(struct slice text)
{
    return slice_is_absent(text) ? SLICE("") : text;
}

enum step_result client_page_secret(struct request *request, const struct client_credentials *credentials)
{
    struct slice address = own_client_address(request, credentials->client_id);
    if (slice_is_absent(address))
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    const struct page_value values[] = {
        PAGE_TEXT("client_id", credentials->client_id),
        PAGE_TEXT("client_secret", or_empty(credentials->client_secret)),
        PAGE_TEXT("oauth_token", or_empty(credentials->oauth_token)),
        PAGE_TEXT("oauth_token_secret", or_empty(credentials->oauth_token_secret)),
        PAGE_TEXT("address", address),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "client.secret_title", "client_secret.html", &scope, SLICE_ABSENT);
}
