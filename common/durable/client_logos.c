#include "crypto/random.h"
#include "durable/clients.h"
#include "durable/parts.h"

void client_logo_free(void *logo)
{
    result_free(logo);
}

/* ---- reading ---- */

static enum status read_logo(void *context, const struct sql_value *columns, size_t count)
{
    struct client_logo *logo = context;
    struct row_reader row = row_reader(&logo->arena, columns, count);
    logo->png = row_text(&row, 0);
    return row_status(&row);
}

enum status durable_logo_find_blocking(struct durable *db, int64_t number, struct client_logo **ret_logo)
{
    struct sql_value param = sql_int(number);
    struct client_logo *logo = result_new(sizeof *logo);
    if (!logo)
        return STATUS_NO_MEMORY;
    enum status status =
        sql_execute_blocking(db->sql, "SELECT png FROM client_logos WHERE number = ?", &param, 1, read_logo, logo);
    if (status == STATUS_OK && logo->png.len == 0)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        client_logo_free(logo);
        return status;
    }
    *ret_logo = logo;
    return STATUS_OK;
}

/* ---- writing ---- */

struct logo_setting {
    struct durable *db;
    const struct client *client;
    struct slice png;
};

static enum status draw_number(int64_t *ret_number)
{
    uint64_t drawn = 0;
    TRY(random_bytes(&drawn, sizeof drawn));
    *ret_number = (int64_t)(drawn >> 1) | 1; /* 62 bit: nobody guesses one, and none is 0 */
    return STATUS_OK;
}

static enum status set_logo(struct sql *sql, void *context)
{
    const struct logo_setting *setting = context;
    struct durable *db = setting->db;
    int64_t number = 0;
    (void)sql;
    TRY(durable_client_update_blocking(db, setting->client)); /* it tells of the change, too */
    struct sql_value client = sql_int(setting->client->id);
    TRY(sql_execute_blocking(db->sql, "DELETE FROM client_logos WHERE client = ?", &client, 1, NULL, NULL));
    if (setting->png.len) {
        TRY(draw_number(&number));
        struct sql_value logo[] = {sql_int(number), client, sql_blob(setting->png)};
        TRY(RUN(db, "INSERT INTO client_logos (number, client, png) VALUES (?, ?, ?)", logo));
    }
    struct sql_value params[] = {sql_int(number), client};
    return RUN(db, "UPDATE clients SET logo_number = ? WHERE id = ?", params);
}

enum status durable_client_set_logo_blocking(struct durable *db, const struct client *client, struct slice png)
{
    struct logo_setting setting = {db, client, png};
    return durable_transaction_blocking(db, set_logo, &setting);
}
