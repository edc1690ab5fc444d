#include "authorize_bench.h"

#include "protocol/authorize.h"
#include "support/test.h"

int authorize_setup(void **state)
{
    int result = site_bench_setup(state);
    struct site_bench *bench = *state;
    site_bench_session(bench, "janes", bench->jane, "jane");
    site_bench_session(bench, "joes", bench->joe, "joe");
    site_bench_temp(bench, "temp", CALLBACK);
    site_bench_temp(bench, "oob", "oob");
    return result;
}

int authorize_get(struct site_bench *bench, const char *query, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = authorize_show, .query = query, .cookie = cookie});
}

int authorize_post(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = authorize_decide, .body = body, .cookie = cookie});
}

struct slice authorize_location(const struct site_bench *bench)
{
    return site_bench_header(bench, "Location", 0);
}

void assert_temp_state(struct site_bench *bench, const char *token, enum temp_state state)
{
    assert_int_equal(site_bench_find_temp(bench, token)->state, state);
}

void authorize_allow_scopes(struct site_bench *bench, const char *scopes)
{
    const struct client_callback registered = {SLICE(CALLBACK), false};
    const struct client client = {.client_id = SLICE("printer"),
                                  .allowed_scopes = slice_str(scopes),
                                  .callbacks = &registered,
                                  .callback_count = 1};
    assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
}

void authorize_temp(struct site_bench *bench, const char *token, const char *scopes)
{
    const struct temp_new temp = {.token = slice_str(token),
                                  .secret = SLICE("secret"),
                                  .client_id = SLICE("printer"),
                                  .callback = SLICE(CALLBACK),
                                  .scopes = slice_str(scopes)};
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}
