#include "base/escape.h"

#include "base/json_plain.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Whether the character at s[at] could end a line, or command a terminal: C0, DEL, C1 (U+0080 to
 * U+009F), the line and paragraph separators, and the marks that turn the direction of writing. */
static bool is_unsafe(struct slice s, size_t at, size_t sequence)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    if (sequence == 1)
        return p[0] < 0x20 || p[0] == 0x7F;
    if (sequence == 2)
        return p[0] == 0xC2 && p[1] < 0xA0;
    bool general_punctuation = sequence == 3 && p[0] == 0xE2 && p[1] == 0x80;
    if (general_punctuation)
        return p[2] >= 0xA8 && p[2] <= 0xAE;                                              /* U+2028 to U+202E */
    return sequence == 3 && p[0] == 0xE2 && p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9; /* U+2066 to U+2069 */
}

static void escape_control(struct buf *out, unsigned char byte)
{
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    };
    if (byte == '"' || byte == '\\') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, (char)byte);
    } else if (byte < 0x20 && short_form[byte]) {
        buf_add_byte(out, '\\');
        buf_add_byte(out, short_form[byte]);
    } else {
        buf_add_str(out, "\\u00");
        buf_add_hex(out, slice_of(&byte, 1));
    }
}

/* A character of two or three bytes. */
static void escape_long(struct buf *out, struct slice character)
{
    const unsigned char *p = (const unsigned char *)character.ptr;
    unsigned code = character.len == 2 ? (p[0] & 0x1FU) << 6 | (p[1] & 0x3FU)
                                       : (p[0] & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    const unsigned char bytes[] = {(unsigned char)(code >> 8), (unsigned char)code};
    buf_add_str(out, "\\u");
    buf_add_hex(out, slice_of(bytes, sizeof bytes));
}

void escape_json(struct buf *out, struct slice text)
{
    size_t i = 0;
    while (i < text.len) {
        size_t run = json_plain_run(slice_sub(text, i, text.len));
        buf_add(out, slice_sub(text, i, i + run));
        i += run;
        if (i == text.len)
            return;
        size_t sequence = slice_utf8_sequence(text, i);
        if (sequence == 0)
            buf_add(out, SLICE(REPLACEMENT));
        else if (sequence == 1)
            escape_control(out, (unsigned char)text.ptr[i]);
        else if (is_unsafe(text, i, sequence))
            escape_long(out, slice_sub(text, i, i + sequence));
        else
            buf_add(out, slice_sub(text, i, i + sequence));
        i += sequence ? sequence : 1;
    }
}

void escape_terminal(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t sequence = slice_utf8_sequence(text, i);
        if (sequence == 0 || is_unsafe(text, i, sequence))
            buf_add_byte(out, '?');
        else
            buf_add(out, slice_sub(text, i, i + sequence));
        i += sequence ? sequence : 1;
    }
}
