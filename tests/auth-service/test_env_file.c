#include "cli/env_file.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Reads this text as an env file. */
static struct env_file read_text(struct arena *arena, const char *text)
{
    char path[] = "env_file_XXXXXX";
    struct env_file env = {0};
    const char *why = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    enum status status = env_file_read(slice_str(path), arena, &env, &why);
    (void)unlink(path);
    assert_status(status, STATUS_OK);
    return env;
}

static void reads_values_as_a_shell_would(void **state)
{
    static const struct {
        const char *line, *secret;
    } rows[] = {
        {"CLIENT_SECRET=plain", "plain"},
        {"CLIENT_SECRET='a b'", "a b"},
        {"CLIENT_SECRET='it'\\''s'", "it's"},
        {"CLIENT_SECRET=\"a\\\"b\"", "a\"b"},
        {"CLIENT_SECRET='a\\b'", "a\\b"},
        {"CLIENT_SECRET=a=b", "a=b"},
        {"  CLIENT_SECRET=x  ", "x"},
        {"CLIENT_SECRET=", ""},
        {"CLIENT_SECRET=first\nCLIENT_SECRET=last", "last"},
        {"# CLIENT_SECRET=no\nNAME='Demo'\n\nCLIENT_SECRET=yes\r", "yes"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_slice_equal(read_text(&arena, rows[i].line).client_secret, slice_str(rows[i].secret));
    arena_done(&arena);
}

static void leaves_absent_what_is_not_there(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    struct env_file env = read_text(&arena, "CLIENT_ID=c\nTOKEN_SECRET\nCLIENT_SECRETS=x\n");
    assert_slice_equal(env.client_id, SLICE("c"));
    assert_true(slice_is_absent(env.client_secret));
    assert_true(slice_is_absent(env.token));
    assert_true(slice_is_absent(env.token_secret));
    assert_true(slice_is_absent(read_text(&arena, "").client_id));
    arena_done(&arena);
}

static void says_why_a_file_cannot_be_read(void **state)
{
    struct arena arena;
    struct env_file env = {0};
    const char *why = NULL;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_status(env_file_read(SLICE("/nonexistent/demo.env"), &arena, &env, &why), STATUS_BAD_INPUT);
    assert_string_equal(why, "No such file or directory");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_as_a_shell_would),
        cmocka_unit_test(leaves_absent_what_is_not_there),
        cmocka_unit_test(says_why_a_file_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
