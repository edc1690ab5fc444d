#include "rules/user_draft.h"

#include "durable/users.h"

enum { EMAIL_MAX_BYTES = 254 };

/* What somebody may log in with; whether mail arrives there is nobody's business here. */
static bool is_address(struct slice email)
{
    size_t at = slice_find(email, '@');
    struct slice host = slice_sub(email, at + 1, email.len);
    return slice_is_absent(email) ||
           (at > 0 && host.len > 0 && slice_find(host, '@') == host.len && slice_find(email, ' ') == email.len &&
            email.len <= EMAIL_MAX_BYTES && slice_is_printable(email));
}

bool user_draft_judge(struct slice username, struct slice email, struct user_fault *ret_fault)
{
    if (username.len == 0 || username.len > IDENTIFIER_MAX_BYTES || !slice_is_printable(username))
        *ret_fault = (struct user_fault){"username", "it is 1 to 255 bytes of UTF-8 without control characters"};
    else if (slice_find(username, '@') < username.len)
        *ret_fault =
            (struct user_fault){"username", "a user name has no '@', or it could be another's e-mail address; give the "
                                            "address as email, users may log in with it too"};
    else if (!is_address(email))
        *ret_fault = (struct user_fault){"email", "it is NAME@HOST, at most 254 bytes without spaces"};
    else
        return true;
    return false;
}
