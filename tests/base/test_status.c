#include "base/status.h"

#include "support/test.h"

#include <string.h>

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int i = STATUS_OK; i <= STATUS_INTERNAL; i++) {
        enum status status = (enum status)i;
        assert_true(strlen(status_name(status)) > 0);
        assert_true(strlen(status_text(status)) > 0);
        assert_non_null(status_problem(status));
        assert_true(status == STATUS_OK ? status_http(status) == 200 : status_http(status) >= 400);
        assert_int_equal(status_error(status)[0] == '\0', status == STATUS_OK);
        assert_int_equal(status_is_infrastructure(status), status_http(status) >= 500);
        /* what goes between quotes in a header holds nothing that would end them */
        assert_null(strpbrk(status_problem(status), "\"\\ "));
        assert_null(strpbrk(status_text(status), "\"\\\n"));
    }
}

/* docs/design/protocol.md, "Refusals". */
static void speaks_both_vocabularies(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int http;
        const char *error, *problem;
    } rows[] = {
        {STATUS_INSECURE_TRANSPORT, 400, "insecure_transport", "transport_insecure"},
        {STATUS_DUPLICATED_PARAMETER, 400, "duplicated_oauth_protocol_parameter", "parameter_rejected"},
        {STATUS_PARAMETER_ABSENT, 400, "missing_required_parameter", "parameter_absent"},
        {STATUS_MALFORMED, 400, "invalid_request", "parameter_rejected"},
        {STATUS_VERSION_REJECTED, 400, "invalid_request", "version_rejected"},
        {STATUS_CALLBACK_REJECTED, 400, "invalid_request", "parameter_rejected"},
        {STATUS_CLIENT_UNKNOWN, 401, "invalid_client", "consumer_key_unknown"},
        {STATUS_CLIENT_DISABLED, 401, "invalid_client", "consumer_key_rejected"},
        {STATUS_METHOD_REJECTED, 400, "unsupported_signature_method", "signature_method_rejected"},
        {STATUS_TIMESTAMP_MALFORMED, 400, "invalid_request", "parameter_rejected"},
        {STATUS_TIMESTAMP_REFUSED, 401, "invalid_request", "timestamp_refused"},
        {STATUS_NONCE_USED, 401, "invalid_nonce", "nonce_used"},
        {STATUS_SIGNATURE_INVALID, 401, "invalid_signature", "signature_invalid"},
        {STATUS_TOKEN_REJECTED, 401, "invalid_token", "token_rejected"},
        {STATUS_TOKEN_EXPIRED, 401, "invalid_token", "token_expired"},
        {STATUS_TOKEN_USED, 401, "invalid_token", "token_used"},
        {STATUS_PERMISSION_UNKNOWN, 401, "invalid_request", "permission_unknown"},
        {STATUS_VERIFIER_INVALID, 401, "invalid_request", "verifier_invalid"},
        {STATUS_PERMISSION_DENIED, 401, "invalid_token", "permission_denied"},
        {STATUS_SCOPE_REJECTED, 400, "invalid_scope", "parameter_rejected"},
        {STATUS_BODY_HASH_MISMATCH, 401, "invalid_signature", "signature_invalid"},
        {STATUS_BODY_HASH_ABSENT, 400, "invalid_request", "parameter_absent"},
        {STATUS_BODY_HASH_FORBIDDEN, 400, "invalid_request", "parameter_rejected"},
        {STATUS_SLOW_DOWN, 429, "slow_down", "consumer_key_refused"},
        {STATUS_STORE_DOWN, 503, "temporarily_unavailable", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(status_http(rows[i].status), rows[i].http);
        assert_string_equal(status_error(rows[i].status), rows[i].error);
        assert_string_equal(status_problem(rows[i].status), rows[i].problem);
    }
}

static enum status third(int *calls)
{
    TRY(STATUS_OK);
    (*calls)++;
    TRY(STATUS_NOT_FOUND);
    (*calls)++;
    return STATUS_OK;
}

static void try_returns_at_the_first_failure(void **state)
{
    (void)state;
    int calls = 0;
    assert_status(third(&calls), STATUS_NOT_FOUND);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(speaks_both_vocabularies),
        cmocka_unit_test(try_returns_at_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
