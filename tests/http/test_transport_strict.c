#include "corpus_bench.h"

#include "support/test.h"

#define CHUNKED "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

/* What evhttp hides, and what is ours alone. */
static const struct corpus_row strict[] = {
    {"refuses_a_nul_in_a_value", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_nul_in_a_name", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X\0y: a\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_fold", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_fold_with_a_tab", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_lf_alone", SLICE_INIT("GET /a HTTP/1.1\nHost: a\n\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_behind_a_header", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "X: a\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_as_the_empty_line", SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_cr_alone_as_a_line_end", SLICE_INIT("GET /a HTTP/1.1\r" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_two_crs", SLICE_INIT("GET /a HTTP/1.1\r\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_spaces_behind_the_version", SLICE_INIT("GET /a HTTP/1.1  \r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_two_spaces_in_the_request_line", SLICE_INIT("GET  /a HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL,
     0},
    {"refuses_a_tab_in_the_request_line", SLICE_INIT("GET\t/a HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_space_in_front", SLICE_INIT(" GET /a HTTP/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_http_0_9", SLICE_INIT("GET /a\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_plus_in_the_version", SLICE_INIT("GET /a HTTP/+1.+1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_version_of_more_digits", SLICE_INIT("GET /a HTTP/1.10\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_version_in_lower_case", SLICE_INIT("GET /a http/1.1\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_another_protocol", SLICE_INIT("GET /a ICAP/1.0\r\n" HOST "\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_the_preface_of_http_2", SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, ROW_CLOSES, NULL, 0},
    {"takes_a_path_like_a_bad_authority", SLICE_INIT("GET //a:b/c HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS,
     "GET //a:b/c  ", 0},
    {"takes_an_empty_line_in_front", SLICE_INIT("\r\nGET /a HTTP/1.1\r\n" HOST "\r\n"), 200, ROW_STAYS, "GET /a  ", 0},
    {"closes_for_one_option_of_several",
     SLICE_INIT("GET /a HTTP/1.1\r\n" HOST "Connection: te\r\nConnection: keep-alive , CLOSE\r\n\r\n"), 200, ROW_CLOSES,
     "GET /a  ", 0},
    {"closes_http_1_0_with_another_option", SLICE_INIT("GET /a HTTP/1.0\r\nConnection: keep\r\n\r\n"), 200, ROW_CLOSES,
     "GET /a  ", 0},

    {"refuses_0x_in_a_chunk_size", SLICE_INIT(CHUNKED "0x2\r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_plus_in_a_chunk_size", SLICE_INIT(CHUNKED "+2\r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_space_in_front_of_a_chunk_size", SLICE_INIT(CHUNKED " 2\r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_space_behind_a_chunk_size", SLICE_INIT(CHUNKED "2 \r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_an_empty_chunk_size", SLICE_INIT(CHUNKED "\r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_behind_a_chunk_size", SLICE_INIT(CHUNKED "2\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_cr_alone_behind_a_chunk_size", SLICE_INIT(CHUNKED "2\rab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_behind_a_chunk", SLICE_INIT(CHUNKED "2\r\nab\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_chunk_longer_than_its_size", SLICE_INIT(CHUNKED "2\r\nabc\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_chunk_size_of_too_many_digits", SLICE_INIT(CHUNKED "00000000000000002\r\nab\r\n0\r\n\r\n"), 400,
     ROW_CLOSES, NULL, 0},
    {"refuses_a_chunk_size_that_wraps", SLICE_INIT(CHUNKED "fffffffffffffff\r\nab\r\n0\r\n\r\n"), 413, ROW_CLOSES, NULL,
     0},
    {"refuses_a_control_character_in_an_extension", SLICE_INIT(CHUNKED "2;a\x01\r\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES,
     NULL, 0},
    {"refuses_lf_alone_behind_an_extension", SLICE_INIT(CHUNKED "2;a\nab\r\n0\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_fold_in_the_trailers", SLICE_INIT(CHUNKED "0\r\nX: a\r\n b\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_in_the_trailers", SLICE_INIT(CHUNKED "0\r\nX: a\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_trailer_without_a_colon", SLICE_INIT(CHUNKED "0\r\nX\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_a_trailer_without_a_name", SLICE_INIT(CHUNKED "0\r\n: a\r\n\r\n"), 400, ROW_CLOSES, NULL, 0},
    {"refuses_lf_alone_at_the_end", SLICE_INIT(CHUNKED "0\r\n\n"), 400, ROW_CLOSES, NULL, 0},
    {"takes_an_extension_and_trailers", SLICE_INIT(CHUNKED "2;a=\"b\"\r\nab\r\n0;end\r\nX: a\r\nY:\r\n\r\n"), 200,
     ROW_STAYS, "POST /a  ab", 0},
    {"takes_a_chunk_size_in_either_case", SLICE_INIT(CHUNKED "0A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n"), 200,
     ROW_STAYS, "POST /a  01234567890123456789", 0},
    {"takes_chunked_in_any_case",
     SLICE_INIT("POST /a HTTP/1.1\r\n" HOST "transfer-ENCODING: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), 200, ROW_STAYS,
     "POST /a  a", 0},
};

int main(void)
{
    return corpus_run("transport_strict", false, strict, COUNT_OF(strict));
}
