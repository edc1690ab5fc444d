#include "cli/cli.h"
#include "cli/explain_line.h"

#include <stdlib.h>

enum { LINE_MAX_BYTES = 1 << 20, ARENA_MAX_BYTES = 64 << 20 };

static const char too_long[] = "{\"valid\":false,\"status\":400,\"problem\":\"parameter_rejected\","
                               "\"description\":\"the line is longer than 1 MB\",\"hints\":[]}\n";

/* One line out for each line in, at once, so that it also serves a program that waits for each answer. */
static enum status answer_line(int64_t number, struct slice line, struct signer *signer, struct arena *arena,
                               struct arena *scratch)
{
    struct buf out = buf_in(arena);
    if (line.len > LINE_MAX_BYTES) {
        fputs(too_long, stdout);
    } else {
        TRY(explain_line(number, line, signer, arena, scratch, &out));
        (void)fwrite(out.ptr, 1, out.len, stdout);
    }
    (void)fflush(stdout);
    return STATUS_OK;
}

static enum status answer_all(struct signer *signer, struct arena *arena, struct arena *scratch)
{
    char *text = NULL;
    size_t size = 0;
    enum status status = STATUS_OK;
    ssize_t len = 0;
    int64_t number = 0;
    while (status == STATUS_OK && (len = getline(&text, &size, stdin)) >= 0) {
        struct slice line = slice_of(text, (size_t)len);
        if (line.len && line.ptr[line.len - 1] == '\n')
            line.len--;
        status = answer_line(++number, line, signer, arena, scratch);
        arena_reset(arena);
        arena_reset(scratch);
    }
    free(text);
    return status;
}

static int run_explain(const struct command_line *line)
{
    struct signer signer;
    struct arena arena;
    struct arena scratch;
    if (line->format == FORMAT_ENV)
        return command_fail(line, EXIT_USAGE, "it answers in JSON alone; leave --format out");
    if (signer_init(&signer, 0) != STATUS_OK)
        return command_fail(line, EXIT_STORE_DOWN, "out of memory");
    arena_init(&arena, ARENA_MAX_BYTES);
    arena_init(&scratch, ARENA_MAX_BYTES);
    enum status status = answer_all(&signer, &arena, &scratch);
    arena_done(&scratch);
    arena_done(&arena);
    signer_done(&signer);
    return status == STATUS_OK ? EXIT_DONE : command_fail(line, EXIT_STORE_DOWN, "%s", status_text(status));
}

const struct command cli_explain = {
    .name = "explain",
    .arguments = "",
    .summary = "why a signature does not match: reads described requests as JSON lines, writes a verdict a line",
    .example = "  echo '{\"method\":\"GET\",\"url\":\"https://api.example/x\",\"authorization\":\"OAuth …\",\n"
               "    \"client_secret\":\"…\",\"token_secret\":\"…\"}' | auth-service explain\n\n"
               "Members: method, url (needed); authorization, content_type, body or body_base64, client_secret,\n"
               "token_secret, former_client_secrets, rsa_public_key, signature_methods, require_https,\n"
               "client_base_string, origins, path_prefixes. Nothing is stored or looked up; timestamps and nonces\n"
               "are checked for their form alone.",
    .exit_codes = "0 every line was read and answered, whatever the verdicts; 2 usage; 3 out of memory",
    .run = run_explain,
};
