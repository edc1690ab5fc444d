#include "cli/env_file.h"

#include "service/command.h"

/* A shell's quoting, as far as `--format env` uses it: '…' with '\'' for a quote inside. */
static struct slice unquote_text(struct slice text, struct arena *arena)
{
    struct buf out = buf_in(arena);
    char quote = '\0';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? '\0' : c;
        else if (c == '\\' && quote != '\'' && i + 1 < text.len)
            buf_add_byte(&out, text.ptr[++i]);
        else
            buf_add_byte(&out, c);
    }
    return out.failed ? SLICE_ABSENT : buf_slice(&out);
}

static void take_line(struct slice line, struct arena *arena, struct env_file *env)
{
    const struct {
        struct slice name;
        struct slice *place;
    } rows[] = {
        {SLICE_INIT("CLIENT_ID"), &env->client_id},
        {SLICE_INIT("CLIENT_SECRET"), &env->client_secret},
        {SLICE_INIT("TOKEN"), &env->token},
        {SLICE_INIT("TOKEN_SECRET"), &env->token_secret},
    };
    bool has_value = false;
    struct slice name = slice_cut(&line, '=', &has_value);
    for (size_t i = 0; has_value && i < COUNT_OF(rows); i++)
        if (slice_eq(name, rows[i].name))
            *rows[i].place = unquote_text(line, arena);
}

enum status env_file_read(struct slice path, struct arena *arena, struct env_file *ret_env, const char **ret_why)
{
    struct buf text = buf_in(arena);
    struct env_file env = {0};
    TRY(command_read_file(path, &text, ret_why));
    struct slice rest = buf_slice(&text);
    for (bool more = rest.len > 0; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        take_line(slice_trim(line), arena, &env);
    }
    *ret_env = env;
    return STATUS_OK;
}
