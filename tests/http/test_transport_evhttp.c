#include "corpus_bench.h"

#include "support/test.h"

#include <event2/event-config.h>

/* --- what evhttp hides from us: today's behaviour, so that a change is noticed. The strict transport refuses
 * every one of these. --- */
static const struct corpus_row known_hidden[] = {
    {"known_a_nul_cuts_a_value", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 200, ROW_STAYS, NULL, 0},
    {"known_a_fold_is_joined", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"), 200, ROW_STAYS, NULL, 0},
    {"known_a_bare_lf_ends_a_line", SLICE_INIT("GET /a HTTP/1.1\nHost: a\n\n"), 200, ROW_STAYS, NULL, 0},
    {"known_a_chunk_size_may_have_0x",
     SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n"), 200, ROW_STAYS,
     "POST /a  ab", 0},
    {"known_a_chunk_size_may_have_a_plus",
     SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n"), 200, ROW_STAYS,
     "POST /a  ab", 0},
    {"known_a_bare_lf_ends_a_chunk_size",
     SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n"),
#if EVENT__NUMERIC_VERSION < 0x02010d00
     200, ROW_STAYS, "POST /a  ab", 0},
#else /* 2.1.13 refuses it itself */
     413, ROW_CLOSES, NULL, 0},
#endif
    {"known_spaces_end_the_request_line", SLICE_INIT("GET /a HTTP/1.1  \r\n" HOST "\r\n"), 200, ROW_STAYS, NULL, 0},
    {"known_a_path_like_a_bad_authority_is_refused", SLICE_INIT("GET //a:b/c HTTP/1.1\r\n" HOST "\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"known_a_plus_in_the_version", SLICE_INIT("GET /a HTTP/+1.+1\r\n" HOST "\r\n"), 200, ROW_STAYS, NULL, 0},
};

int main(void)
{
    return corpus_run("transport_evhttp", true, known_hidden, COUNT_OF(known_hidden));
}
