#include "login/where_from.h"

#include "support/test.h"

static void names_browser_and_system_and_leaves_out_the_end_of_the_address(void **state)
{
    (void)state;
    static const struct {
        const char *user_agent, *address, *text;
    } rows[] = {
        {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "192.0.2.77",
         "Firefox, Linux, 192.0.2.x"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 "
         "Edg/126",
         "198.51.100.1", "Edge, Windows, 198.51.100.x"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
         "Safari/605",
         "2001:db8:1:2:3:4:5:6", "Safari, macOS, 2001:db8:1::"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 CriOS/126 Mobile Safari/604",
         "192.0.2.1", "Chrome, iPhone, 192.0.2.x"},
        {"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "192.0.2.1",
         "Chrome, Android, 192.0.2.x"},
        {"<script>alert(1)</script>", "192.0.2.1", "192.0.2.x"},
        {"", "unix", "?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char memory[128];
        struct buf text = buf_fixed(memory, sizeof memory);
        where_from_write(slice_str(rows[i].user_agent), slice_str(rows[i].address), &text);
        assert_slice_equal(buf_slice(&text), slice_str(rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_browser_and_system_and_leaves_out_the_end_of_the_address)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
