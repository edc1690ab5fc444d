/* fill: makes tokens of one client, straight in the database, so that a benchmark has many of them at once.
 * Arguments: the database's URL, OAUTH1_SECRETS_KEYS, how many. The user jane exists. Prints a line for each token, as
 * the load tool reads them. */
#include "crypto/sealed.h"
#include "durable/clients.h"
#include "durable/database.h"
#include "durable/tokens.h"
#include "durable/users.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIENT_ID     "dpf43f3p2l4k3l03XyZ0"
#define CLIENT_SECRET "kd94hf93k423kf44kd94hf93k423kf44"

static void must(enum status status, const char *what)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "fill: %s: %s\n", what, status_text(status));
    exit(1);
}

static int64_t janes_id(struct durable *db)
{
    struct user *user = NULL;
    must(durable_user_find_by_name_blocking(db, SLICE("jane"), &user), "no user jane");
    int64_t id = user->id;
    user_free(user);
    return id;
}

static void make_client(struct durable *db)
{
    int64_t id = 0;
    const struct client_secret secret = {.text = SLICE(CLIENT_SECRET)};
    const struct client client = {
        .client_id = SLICE(CLIENT_ID), .name = SLICE("Bench"), .secrets = &secret, .secret_count = 1};
    must(durable_client_create_blocking(db, &client, &id), "no client");
}

static void make_token(struct durable *db, int64_t user)
{
    char text[TOKEN_TEXT_BYTES];
    char secret[TOKEN_TEXT_BYTES];
    bool existing = false;
    struct token *token = NULL;
    must(durable_generate_token(text, secret), "no token");
    const struct token_issue issue = {.client_id = SLICE(CLIENT_ID),
                                      .user = user,
                                      .scopes = SLICE("photos:read photos:write"),
                                      .oauth_token = slice_of(text, sizeof text),
                                      .secret = slice_of(secret, sizeof secret)};
    must(durable_token_issue_blocking(db, &issue, &existing, &token), "no row");
    token_free(token);
    printf("%s\t%s\t%.*s\t%.*s\n", CLIENT_ID, CLIENT_SECRET, SLICE_ARGS(issue.oauth_token), SLICE_ARGS(issue.secret));
}

int main(int argc, char **argv)
{
    struct clock clock = clock_system(0);
    struct buf why = BUF_INIT;
    struct sql *sql = NULL;
    struct keyring *keys = NULL;
    const char *reason = "";
    if (argc != 4) {
        fputs("usage: fill DATABASE_URL SECRETS_KEYS COUNT\n", stderr);
        return 2;
    }
    must(database_open_blocking(slice_str(argv[1]), &(struct sql_options){.busy_timeout_ms = 5000}, &clock, &why, &sql),
         buf_string(&why));
    must(keyring_parse(slice_str(argv[2]), &keys, &reason), reason);
    struct durable db = {.sql = sql, .keys = keys, .clock = &clock};
    make_client(&db);
    const int64_t user = janes_id(&db);
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--)
        make_token(&db, user);
    sql_close(sql);
    keyring_free(keys);
    buf_done(&why);
    return 0;
}
