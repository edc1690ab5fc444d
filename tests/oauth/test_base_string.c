#include "oauth/base_string.h"

#include "support/oauth.h"

#define FORM "application/x-www-form-urlencoded"

static struct message parsed(const struct described_request *request)
{
    struct message message = {0};
    struct problem problem = {0};
    assert_status(message_parse(request, oauth_arena(), &message, &problem), STATUS_OK);
    return message;
}

/* Whole base strings (RFC 5849 §3.4.1), the published ones first. */
static const struct row {
    const char *name;
    const char *method, *url, *authorization, *content_type, *body;
    const char *base_string;
} rows[] = {
    {"rfc5849_section_3_4_1_1", "POST", "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
     "OAuth realm=\"Example\", oauth_consumer_key=\"9djdj82h48djs9d2\", oauth_token=\"kkk9d7dh3k39sjv7\", "
     "oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131201\", oauth_nonce=\"7d8f3e4a\", "
     "oauth_signature=\"bYT5CMsGcbgUdFHObYMEfcx6bsw%3D\"",
     FORM, "c2&a3=2+q",
     "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26"
     "c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
     "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"},
    {"oauth_core_1_0_appendix_a_5_1", "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original",
     "OAuth realm=\"http://photos.example.net/\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", "
     "oauth_token=\"nnch734d00sl2jdk\", oauth_signature_method=\"HMAC-SHA1\", "
     "oauth_signature=\"tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D\", oauth_timestamp=\"1191242096\", "
     "oauth_nonce=\"kllo9940pd9333jh\", oauth_version=\"1.0\"",
     NULL, NULL,
     "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03%26"
     "oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096%26"
     "oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal"},
    {"twitter_creating_a_signature", "POST", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
     "OAuth oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\", "
     "oauth_nonce=\"kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg\", "
     "oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\", oauth_signature_method=\"HMAC-SHA1\", "
     "oauth_timestamp=\"1318622958\", oauth_token=\"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\", "
     "oauth_version=\"1.0\"",
     FORM, "status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21",
     "POST&https%3A%2F%2Fapi.twitter.com%2F1.1%2Fstatuses%2Fupdate.json&include_entities%3Dtrue%26"
     "oauth_consumer_key%3Dxvz1evFS4wEEPTGEFPHBog%26oauth_nonce%3DkYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg%26"
     "oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1318622958%26"
     "oauth_token%3D370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb%26oauth_version%3D1.0%26"
     "status%3DHello%2520Ladies%2520%252B%2520Gentlemen%252C%2520a%2520signed%2520OAuth%2520request%2521"},
    /* §3.4.1.1 item 1: the method */
    {"method_must_be_in_upper_case", "post", "http://h/", NULL, NULL, NULL, "POST&http%3A%2F%2Fh%2F&"},
    {"custom_method_must_be_encoded", "m-Search!*", "http://h/", NULL, NULL, NULL, "M-SEARCH%21%2A&http%3A%2F%2Fh%2F&"},
    {"no_byte_but_a_letter_changes_its_case", "azAZ`~_^09-", "http://h/", NULL, NULL, NULL,
     "AZAZ%60~_%5E09-&http%3A%2F%2Fh%2F&"},
    /* §3.4.1.1 item 3: the URI is encoded once */
    {"uri_is_encoded_whole", "GET", "https://[2001:DB8::1]:8443/a%2Fb;c=1//x~", NULL, NULL, NULL,
     "GET&https%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%3A8443%2Fa%252Fb%3Bc%3D1%2F%2Fx~&"},
    {"default_port_is_left_out", "GET", "HTTP://Example.COM:80", NULL, NULL, NULL, "GET&http%3A%2F%2Fexample.com%2F&"},
    /* §3.4.1.3.1: which parameters */
    {"realm_of_the_header_must_be_excluded", "GET", "http://h/", "OAuth realm=\"x\", a=\"1\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&a%3D1"},
    {"realm_of_the_query_is_included", "GET", "http://h/?realm=x", "OAuth realm=\"y\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&realm%3Dx"},
    {"realm_of_the_body_is_included", "POST", "http://h/", "OAuth realm=\"y\"", FORM, "realm=x",
     "POST&http%3A%2F%2Fh%2F&realm%3Dx"},
    {"oauth_signature_must_be_excluded", "GET", "http://h/?oauth_signature=x&a=1", NULL, NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&a%3D1"},
    {"empty_oauth_token_is_signed", "GET", "http://h/", "OAuth oauth_token=\"\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&oauth_token%3D"},
    {"plus_of_the_header_is_literal", "GET", "http://h/?a=1+2", "OAuth b=\"1+2\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&a%3D1%25202%26b%3D1%252B2"},
    {"header_parameters_that_are_not_oauth_count", "GET", "http://h/", "OAuth x=\"%2F\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&x%3D%252F"},
    {"another_scheme_is_no_source", "GET", "http://h/?a=1", "Bearer b=\"2\"", NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&a%3D1"},
    {"form_body_of_put_counts", "PUT", "http://h/", NULL, FORM, "a=1", "PUT&http%3A%2F%2Fh%2F&a%3D1"},
    {"form_body_of_get_counts", "GET", "http://h/?b=2", NULL, FORM, "a=1", "GET&http%3A%2F%2Fh%2F&a%3D1%26b%3D2"},
    {"form_body_of_delete_counts", "DELETE", "http://h/", NULL, FORM, "a=1", "DELETE&http%3A%2F%2Fh%2F&a%3D1"},
    {"form_body_of_a_custom_method_counts", "X", "http://h/", NULL, FORM, "a=1", "X&http%3A%2F%2Fh%2F&a%3D1"},
    {"form_type_with_charset_counts", "POST", "http://h/", NULL, "Application/X-WWW-Form-URLEncoded ; charset=utf-8",
     "a=1", "POST&http%3A%2F%2Fh%2F&a%3D1"},
    {"multipart_body_must_not_count", "POST", "http://h/", NULL, "multipart/form-data; boundary=x", "a=1",
     "POST&http%3A%2F%2Fh%2F&"},
    {"json_body_must_not_count", "POST", "http://h/", NULL, "application/json", "a=1", "POST&http%3A%2F%2Fh%2F&"},
    {"body_without_a_type_must_not_count", "POST", "http://h/", NULL, NULL, "a=1", "POST&http%3A%2F%2Fh%2F&"},
    {"a_longer_type_must_not_count", "POST", "http://h/", NULL, FORM "x", "a=1", "POST&http%3A%2F%2Fh%2F&"},
    {"an_empty_form_body_adds_nothing", "POST", "http://h/?a=1", NULL, FORM, "", "POST&http%3A%2F%2Fh%2F&a%3D1"},
    {"the_same_name_in_query_and_body_is_kept_twice", "POST", "http://h/?a=2", NULL, FORM, "a=1",
     "POST&http%3A%2F%2Fh%2F&a%3D1%26a%3D2"},
    /* docs/design/protocol.md, "Signatures", 1 */
    {"encode_then_sort", "GET", "http://h/?~=t&z=1&a-b=1&a%5B%5D=x&a=2&a=10&%C3%A9=1", NULL, NULL, NULL,
     "GET&http%3A%2F%2Fh%2F&%25C3%25A9%3D1%26a%3D10%26a%3D2%26a%255B%255D%3Dx%26a-b%3D1%26z%3D1%26~%3Dt"},
};

static void builds_the_base_string(void **state)
{
    const struct row *row = *state;
    struct described_request request =
        oauth_request(row->method, row->url, row->authorization, row->content_type, row->body);
    struct message message = parsed(&request);
    struct slice base_string = {0};
    assert_status(base_string_build(&message, oauth_arena(), &base_string), STATUS_OK);
    assert_slice_equal(base_string, slice_str(row->base_string));
}

static void writes_the_normalized_parameters(void **state)
{
    (void)state;
    struct described_request request =
        oauth_request(rows[0].method, rows[0].url, rows[0].authorization, FORM, rows[0].body);
    struct message message = parsed(&request);
    struct buf out = buf_in(oauth_arena());
    assert_status(base_string_write_parameters(&message, oauth_arena(), &out), STATUS_OK);
    /* RFC 5849 §3.4.1.3.2 */
    assert_slice_equal(buf_slice(&out), SLICE("a2=r%20b&a3=2%20q&a3=a&b5=%3D%253D&c%40=&c2=&"
                                              "oauth_consumer_key=9djdj82h48djs9d2&oauth_nonce=7d8f3e4a&"
                                              "oauth_signature_method=HMAC-SHA1&oauth_timestamp=137131201&"
                                              "oauth_token=kkk9d7dh3k39sjv7"));
}

/* Every byte encoded, and more than once: the room that is reckoned must suffice. */
static void the_longest_encodings_have_room(void **state)
{
    (void)state;
    struct buf url = buf_in(oauth_arena());
    struct buf method = buf_in(oauth_arena());
    buf_add_str(&url, "https://[");
    for (int i = 0; i < 250; i++)
        buf_add_byte(&url, ':');
    buf_add_str(&url, "]:65535/");
    for (int i = 0; i < 300; i++)
        buf_add_byte(&url, '/');
    for (int i = 0; i < 255; i++)
        buf_addf(&url, "%c%%FF=\xFF", i ? '&' : '?');
    for (int i = 0; i < 300; i++)
        buf_add_byte(&method, '!');
    struct described_request request = {.method = buf_slice(&method), .url = buf_slice(&url)};
    struct message message = parsed(&request);
    struct slice base_string = {0};
    assert_status(base_string_build(&message, oauth_arena(), &base_string), STATUS_OK);
    size_t origin = 3 * (3 + 252 + 1) + 5 + 5;       /* https :// [...] : 65535 */
    size_t parameters = 255 * (5 + 3 + 5) + 254 * 3; /* %25FF %3D %25FF, %26 between */
    assert_int_equal(base_string.len, 900 + 1 + origin + 301 * 3 + 1 + parameters);
}

/* Nothing else that is long leaves room to spare. */
static void what_is_long_alone_has_room(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *each;
        int times;
        size_t len; /* of the base string */
    } long_ones[] = {
        {"http://", "h", 255, 4 + 13 + 255 + 3 + 1},
        {"http://h/", "p", 1000, 4 + 14 + 3 + 1000 + 1},
        {"http://h/?a", "&a", 199, 4 + 14 + 3 + 1 + 200 * 4 + 199 * 3},
        {"http://h/?", "=&", 200, 4 + 14 + 3 + 1 + 200 * 3 + 199 * 3},
    };
    for (size_t i = 0; i < COUNT_OF(long_ones); i++) {
        struct buf url = buf_in(oauth_arena());
        buf_add_str(&url, long_ones[i].begin);
        for (int times = 0; times < long_ones[i].times; times++)
            buf_add_str(&url, long_ones[i].each);
        struct described_request request = {.method = SLICE("GET"), .url = buf_slice(&url)};
        struct message message = parsed(&request);
        struct slice base_string = {0};
        assert_status(base_string_build(&message, oauth_arena(), &base_string), STATUS_OK);
        assert_int_equal(base_string.len, long_ones[i].len);
    }
}

static void parameters_that_find_no_room_are_not_left_out(void **state)
{
    (void)state;
    struct buf url = buf_in(oauth_arena());
    buf_add_str(&url, "http://h/?a");
    for (int i = 0; i < 200; i++)
        buf_add_str(&url, "&a");
    struct described_request request = {.method = SLICE("GET"), .url = buf_slice(&url)};
    struct message message = parsed(&request);
    struct slice base_string = {0};
    struct arena small;
    arena_init(&small, 600); /* too little to sort them, and enough for a base string without them */
    assert_status(base_string_build(&message, &small, &base_string), STATUS_NO_MEMORY);
    arena_done(&small);
}

static void full_arenas_are_reported(void **state)
{
    (void)state;
    struct described_request request = oauth_request("GET", "http://h/?a=1&b=2", NULL, NULL, NULL);
    struct message message = parsed(&request);
    struct slice base_string = {0};
    struct arena small;
    arena_init(&small, 8);
    assert_status(base_string_build(&message, &small, &base_string), STATUS_NO_MEMORY);
    struct buf out = buf_in(oauth_arena());
    assert_status(base_string_write_parameters(&message, &small, &out), STATUS_NO_MEMORY);
    arena_done(&small);
    arena_init(&small, 40); /* enough to sort, not to write */
    assert_status(base_string_build(&message, &small, &base_string), STATUS_NO_MEMORY);
    arena_done(&small);
    char memory[5];
    out = buf_fixed(memory, sizeof memory);
    assert_status(base_string_write_parameters(&message, oauth_arena(), &out), STATUS_NO_MEMORY);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT_OF(rows) + 5];
    size_t count = 0;
    ADD_ROWS(tests, count, rows, builds_the_base_string);
    ADD_TEST(tests, count, writes_the_normalized_parameters);
    ADD_TEST(tests, count, the_longest_encodings_have_room);
    ADD_TEST(tests, count, what_is_long_alone_has_room);
    ADD_TEST(tests, count, parameters_that_find_no_room_are_not_left_out);
    ADD_TEST(tests, count, full_arenas_are_reported);
    return RUN_TESTS(tests, count);
}
