#include "service/command.h"

#include "base/buf.h"
#include "support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program with one command of each kind, that prints what it was given. */

struct make_options {
    struct slice name, id;
    struct option_list callbacks;
    bool two_legged;
};

static const struct command_option make_table[] = {
    {"name", OPTION_TEXT, "NAME", true, offsetof(struct make_options, name), "what users see"},
    {"id", OPTION_TEXT, "ID", false, offsetof(struct make_options, id), "the key"},
    {"callback", OPTION_LIST, "URI", false, offsetof(struct make_options, callbacks), "where to"},
    {"two-legged", OPTION_FLAG, NULL, false, offsetof(struct make_options, two_legged), "no user"},
    {0},
};

static int make(const struct command_line *line)
{
    const struct make_options *options = line->options;
    printf("name=%.*s id=%s two_legged=%d format=%d quiet=%d", SLICE_ARGS(options->name),
           slice_is_absent(options->id) ? "absent" : "given", options->two_legged, line->format, line->quiet);
    for (size_t i = 0; i < options->callbacks.count; i++)
        printf(" callback=%.*s", SLICE_ARGS(options->callbacks.items[i]));
    for (size_t i = 0; i < line->argument_count; i++)
        printf(" argument=%.*s", SLICE_ARGS(line->arguments[i]));
    if (line->config)
        printf(" realm=%.*s", SLICE_ARGS(line->config->realm));
    printf("\n");
    return EXIT_DONE;
}

static int refuse(const struct command_line *line)
{
    return command_fail(line, command_exit_code(STATUS_STORE_DOWN), "the store %s", "is down");
}

static int read_input(const struct command_line *line)
{
    struct buf text = BUF_INIT;
    const char *why = NULL;
    if (command_read_file(line->arguments[0], &text, &why) != STATUS_OK)
        return command_fail(line, EXIT_REFUSED, "%s", why);
    printf("[%.*s]", SLICE_ARGS(buf_slice(&text)));
    buf_done(&text);
    return EXIT_DONE;
}

/* Prints its secret, and what stands in argv while it runs. */
static char **given;

struct keep_options {
    struct slice secret;
};

static const struct command_option keep_table[] = {
    {"secret", OPTION_SECRET, "S", true, offsetof(struct keep_options, secret), "nobody else's business"},
    {0},
};

static int keep(const struct command_line *line)
{
    const struct keep_options *options = line->options;
    printf("secret=%.*s", SLICE_ARGS(options->secret));
    if (line->config)
        printf(" database=%.*s password=%.*s", SLICE_ARGS(line->config->database_url),
               SLICE_ARGS(line->config->database_password));
    for (char **word = given; *word; word++)
        printf(" [%s]", *word);
    printf("\n");
    return EXIT_DONE;
}

static const struct command commands[] = {
    {.name = "keep",
     .arguments = "",
     .summary = "keeps a secret",
     .options = keep_table,
     .options_size = sizeof(struct keep_options),
     .needs_config = true,
     .lists_config = true,
     .run = keep},
    {.name = "thing make",
     .arguments = "[WORD]",
     .arguments_max = 1,
     .summary = "makes a thing",
     .example = "  prog thing make --name X",
     .options = make_table,
     .options_size = sizeof(struct make_options),
     .needs_config = true,
     .run = make},
    {.name = "thing check",
     .arguments = "",
     .summary = "checks",
     .options = make_table,
     .options_size = sizeof(struct make_options),
     .run = make},
    {.name = "refuse", .arguments = "", .summary = "refuses", .run = refuse},
    {.name = "read",
     .arguments = "FILE",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "reads",
     .run = read_input},
    {0},
};
static const struct program program = {
    .name = "prog", .summary = "a program", .service = CONFIG_AUTH, .commands = commands};

struct outcome {
    int code;
    char out[32768], err[32768];
};

static void slurp(int fd, char *text, size_t size)
{
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < size - 1; len += (size_t)got) {
        got = read(fd, text + len, size - 1 - len);
        if (got <= 0)
            break;
    }
    text[len] = '\0';
    (void)close(fd);
}

/* Runs the command line in a child, with this environment entry and standard input. */
static struct outcome *run(const char *input, const char *entry, const char *const *words)
{
    static struct outcome outcome;
    int out[2], err[2], in[2];
    char *argv[16] = {0};
    int argc = 0;
    argv[argc++] = strdup("prog");
    while (words[argc - 1]) {
        argv[argc] = strdup(words[argc - 1]);
        argc++;
    }
    assert_true(pipe(out) == 0 && pipe(err) == 0 && pipe(in) == 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(in[0], 0), (void)dup2(out[1], 1), (void)dup2(err[1], 2);
        (void)close(in[1]);
        (void)clearenv();
        if (entry)
            (void)putenv(strdup(entry));
        given = argv;
        int code = command_main(&program, argc, argv);
        (void)fflush(stdout);
        _exit(code);
    }
    (void)close(out[1]), (void)close(err[1]), (void)close(in[0]);
    (void)!write(in[1], input, strlen(input));
    (void)close(in[1]);
    slurp(out[0], outcome.out, sizeof outcome.out);
    slurp(err[0], outcome.err, sizeof outcome.err);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    while (argc-- > 0)
        free(argv[argc]);
    return &outcome;
}

struct row {
    const char *words[14];
    int code;
    const char *out; /* all of it where the code is 0, else NULL */
    const char *err; /* a part */
};

static const struct row rows[] = {
    {{"keep", "--dev", "--secret", "CANARY", "--database-password=OTHER", "--realm", "shown"},
     0,
     "secret=CANARY database=sqlite:./oauth1.db password=OTHER [prog] [keep] [--dev] [--secret] [***] "
     "[--database-password=***] [--realm] [shown]\n",
     ""},
    {{"keep", "--dev", "--secret=ab", "--database-url", "mysql://me:CANARY@localhost/d"},
     0,
     "secret=ab database=mysql://me:CANARY@localhost/d password= [prog] [keep] [--dev] [--secret=] [--database-url] "
     "[mysql://me:***@localhost/d]\n",
     ""},
    {{"keep", "--dev"}, 2, NULL, "--secret S is needed"},
    {{"thing", "make", "--name", "X", "--dev"},
     0,
     "name=X id=absent two_legged=0 format=0 quiet=0 realm=127.0.0.1\n",
     ""},
    {{"thing", "make", "--dev=true", "--name=X Y", "--id", "", "--two-legged", "--callback", "a", "--callback=b",
      "--format", "json", "--quiet"},
     0,
     "name=X Y id=given two_legged=1 format=1 quiet=1 callback=a callback=b realm=127.0.0.1\n",
     ""},
    {{"thing", "make", "word", "--name", "X", "--dev", "--realm", "R", "--format=env"},
     0,
     "name=X id=absent two_legged=0 format=2 quiet=0 argument=word realm=R\n",
     ""},
    {{"thing", "make", "--name", "X", "--dev", "--", "--word"},
     0,
     "name=X id=absent two_legged=0 format=0 quiet=0 argument=--word realm=127.0.0.1\n",
     ""},
    {{"thing", "make", "--name", "--id", "--dev"},
     0,
     "name=--id id=absent two_legged=0 format=0 quiet=0 realm=127.0.0.1\n",
     ""},
    /* the words */
    {{NULL}, 2, NULL, "usage: prog COMMAND"},
    {{"thnig", "make"}, 2, NULL, "there is no command \"thnig make\"; did you mean \"thing make\"?"},
    {{"nothing"}, 2, NULL, "there is no command \"nothing\"; prog --help lists them"},
    {{"refuse", "--hlep"}, 2, NULL, "unknown option --hlep"},
    {{""}, 2, NULL, "there is no command"},
    {{"thing"}, 2, NULL, "thing make"},
    {{"thing", "make"}, 2, NULL, "prog thing make: --name NAME is needed"},
    {{"thing", "make", "--name"}, 2, NULL, "--name needs a value"},
    {{"thing", "make", "--name", "X", "--name", "Y"}, 2, NULL, "--name is given twice"},
    {{"thing", "make", "--naem", "X"}, 2, NULL, "unknown option --naem; did you mean --name?"},
    {{"thing", "make", "--databse-url", "X"}, 2, NULL, "unknown option --databse-url; did you mean --database-url?"},
    {{"thing", "make", "--fromat", "X"}, 2, NULL, "did you mean --format?"},
    {{"thing", "make", "-x"}, 2, NULL, "unknown option -x"},
    {{"thing", "make", "--two-legged=yes", "--name", "X"}, 2, NULL, "--two-legged takes no value"},
    {{"thing", "make", "--format", "xml", "--name", "X"}, 2, NULL, "--format must be table, json or env"},
    {{"thing", "make", "a", "b", "--name", "X"}, 2, NULL, "unexpected argument \"b\""},
    {{"read"}, 2, NULL, "it needs FILE"},
    /* a command without configuration knows no flags of it */
    {{"thing", "check", "--name", "X"}, 0, "name=X id=absent two_legged=0 format=0 quiet=0\n", ""},
    {{"thing", "check", "--name", "X", "--dev"}, 2, NULL, "unknown option --dev"},
    /* the configuration */
    {{"thing", "make", "--name", "X"}, 2, NULL, "OAUTH1_PUBLIC_URL: is required"},
    {{"thing", "make", "--name", "X", "--dev", "--workers", "0"}, 2, NULL, "OAUTH1_WORKERS (--workers): \"0\""},
    /* its end */
    {{"refuse"}, 3, NULL, "refuse: the store is down\n"},
    {{"read", "-"}, 0, "[hello]", ""},
    {{"read", "/nonexistent"}, 1, NULL, "No such file or directory"},
};

static void parses_words_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct outcome *outcome = run("hello\n", NULL, rows[i].words);
        if (outcome->code != rows[i].code)
            fail_msg("row %zu: exit code %d\n%s", i, outcome->code, outcome->err);
        if (rows[i].out)
            assert_string_equal(outcome->out, rows[i].out);
        if (!strstr(outcome->err, rows[i].err))
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].err, outcome->err);
    }
}

static void helps_with_everything(void **state)
{
    (void)state;
    const struct outcome *outcome = run("", NULL, (const char *const[]){"--help", NULL});
    assert_int_equal(outcome->code, 0);
    assert_non_null(strstr(outcome->out, "thing make"));
    outcome = run("", NULL, (const char *const[]){"thing", "make", "--help", NULL});
    assert_int_equal(outcome->code, 0);
    assert_non_null(strstr(outcome->out, "--callback URI …"));
    assert_non_null(strstr(outcome->out, "Example:\n  prog thing make --name X"));
    assert_null(strstr(outcome->out, "OAUTH1_DATABASE_URL"));
    assert_non_null(strstr(outcome->out, "`prog serve`"));
    outcome = run("", NULL, (const char *const[]){"keep", "--help", NULL});
    assert_non_null(strstr(outcome->out, "OAUTH1_DATABASE_URL"));
    outcome = run("", NULL, (const char *const[]){"thing", "--help", NULL});
    assert_int_equal(outcome->code, 0);
    assert_non_null(strstr(outcome->out, "thing check"));
    assert_null(strstr(outcome->out, "refuse"));
    outcome = run("", NULL, (const char *const[]){"thing", "check", "--help", NULL});
    assert_null(strstr(outcome->out, "OAUTH1_"));
    outcome = run("", NULL, (const char *const[]){"--version", NULL});
    assert_string_equal(outcome->out, "prog " COUNTERSIGN_VERSION "\n");
}

static void reports_every_problem_of_the_environment(void **state)
{
    (void)state;
    const char *const words[] = {"thing", "make", "--name", "X", "--workers", "none", NULL};
    const struct outcome *outcome = run("", "OAUTH1_LISTNE=1", words);
    assert_int_equal(outcome->code, 2);
    assert_non_null(strstr(outcome->err, "did you mean OAUTH1_LISTEN?"));
    assert_non_null(strstr(outcome->err, "OAUTH1_WORKERS"));
    assert_non_null(strstr(outcome->err, "OAUTH1_PUBLIC_URL"));
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a child that refuses its words does not read its input */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_words_as_the_table_says),
        cmocka_unit_test(helps_with_everything),
        cmocka_unit_test(reports_every_problem_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
