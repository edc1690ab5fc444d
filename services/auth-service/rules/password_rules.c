#include "rules/password_rules.h"

#include "base/buf.h"
#include "base/embedded.h"
#include "base/wipe.h"
#include "crypto/password.h"

#include <stdbool.h>

extern const struct embedded_file auth_passwords[];

/* Characters that are not ASCII count as one each, as they do for whoever types them (UTF-8). */
static size_t count_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static bool is_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Letters, digits and what is not ASCII, in lower case. */
static void write_plain(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = lower_letter(text.ptr[i]);
        if (is_ascii_digit(c) || (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80)
            buf_add_byte(out, c);
    }
}

static struct slice without_digits_around(struct slice text)
{
    while (text.len && is_ascii_digit(text.ptr[0]))
        text = slice_sub(text, 1, text.len);
    while (text.len && is_ascii_digit(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* How many bytes there are before it begins anew: "abcabcab" has 3. */
static size_t period_of(struct slice text)
{
    for (size_t period = 1; period < text.len; period++)
        if (memcmp(text.ptr, text.ptr + period, text.len - period) == 0)
            return period;
    return text.len;
}

/* Whether the two stand side by side in a row, in either direction. */
static bool keys_follow(char c, char next)
{
    static const char *const rows[] = {"abcdefghijklmnopqrstuvwxyz",
                                       "01234567890",
                                       "qwertyuiop",
                                       "asdfghjkl",
                                       "zxcvbnm",
                                       "qwertzuiopu",
                                       "azertyuiop",
                                       "qsdfghjklm",
                                       "wxcvbn"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (const char *at = rows[i]; at[1]; at++)
            if ((at[0] == c && at[1] == next) || (at[0] == next && at[1] == c))
                return true;
    return false;
}

/* Nothing but runs along the alphabet, the digits or the keyboard, of four characters or more. */
static bool is_all_runs(struct slice text)
{
    enum { RUN_MIN = 4 };
    size_t run = 1;
    for (size_t i = 1; i < text.len; i++) {
        if (keys_follow(text.ptr[i - 1], text.ptr[i])) {
            run++;
            continue;
        }
        if (run < RUN_MIN)
            return false;
        run = 1;
    }
    return run >= RUN_MIN;
}

/* A line of the list, in which each stands as write_plain writes it. */
static bool is_listed(struct slice plain)
{
    struct slice list = auth_passwords[0].contents;
    for (size_t at = 0; at < list.len;) {
        struct slice rest = slice_sub(list, at, list.len);
        struct slice line = slice_sub(rest, 0, slice_find(rest, '\n'));
        if (slice_eq(line, plain))
            return true;
        at += line.len + 1;
    }
    return false;
}

/* The same few characters, twice or more. */
static bool repeats_few(struct slice text)
{
    size_t period = period_of(text);
    return text.len >= 2 * period && count_characters(slice_sub(text, 0, period)) < PASSWORD_MIN_CHARACTERS;
}

static enum password_fault judge_plain(struct slice plain, struct slice name)
{
    struct slice bare = without_digits_around(plain);
    struct slice once = slice_sub(plain, 0, period_of(plain));
    struct slice bare_once = slice_sub(bare, 0, period_of(bare));
    if (name.len && (slice_eq(bare, name) || slice_eq(once, name) || slice_eq(bare_once, name)))
        return PASSWORD_IS_NAME;
    if (is_listed(plain) || is_listed(bare) || is_listed(bare_once))
        return PASSWORD_COMMON;
    return repeats_few(plain) || is_all_runs(plain) ? PASSWORD_REPEATS : PASSWORD_GOOD;
}

enum password_fault password_judge(struct slice password, struct slice username)
{
    char memory[PASSWORD_MAX_BYTES];
    char name_memory[PASSWORD_MAX_BYTES];
    struct buf plain = buf_fixed(memory, sizeof memory);
    struct buf name = buf_fixed(name_memory, sizeof name_memory);
    if (slice_find(password, '\0') < password.len)
        return PASSWORD_HAS_NUL;
    if (password.len > PASSWORD_MAX_BYTES)
        return PASSWORD_TOO_LONG;
    if (count_characters(password) < PASSWORD_MIN_CHARACTERS)
        return PASSWORD_TOO_SHORT;
    write_plain(password, &plain);
    write_plain(slice_sub(username, 0, sizeof name_memory), &name);
    enum password_fault fault = PASSWORD_GOOD;
    if (2 * plain.len >= password.len) /* else it is of signs, for the most part */
        fault = judge_plain(buf_slice(&plain), buf_slice(&name));
    if (fault == PASSWORD_GOOD && repeats_few(password))
        fault = PASSWORD_REPEATS;
    wipe_bytes(memory, sizeof memory);
    return fault;
}

const char *password_fault_text(enum password_fault fault)
{
    switch (fault) {
    case PASSWORD_TOO_SHORT:
        return "has fewer than 15 characters; take several words, which are easy to remember";
    case PASSWORD_TOO_LONG:
        return "has more than 511 bytes; take a shorter one";
    case PASSWORD_HAS_NUL:
        return "has a NUL byte in it; take one that can be typed";
    case PASSWORD_REPEATS:
        return "is the same few characters again and again, or a row of keys; take one that is not";
    case PASSWORD_IS_NAME:
        return "is the user name; take another";
    case PASSWORD_COMMON:
        return "is one of those that are tried first, because many people have it; take another";
    default:
        return "is fine";
    }
}
