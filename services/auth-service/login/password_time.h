/* password_time: after how long a wrong password is answered, whoever it was tried for.
 *
 * A hash of another system may take a hundred times as long as ours. Without a common time a stranger could tell which
 * users there are, and where they came from. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_TIME_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_PASSWORD_TIME_H

#include "crypto/password_kind.h"

#include <stddef.h>

/* From the begin of the check on. It lies well above what the dearest of these and of our own takes on this machine,
 * which is measured when it is asked for the first time: that call takes as long as the hashes do. Any thread. */
int64_t password_time_ns_blocking(const struct password_work *works, size_t count);
/* What a check took by the clock. Where the machine is too busy for the time above, that becomes longer for a while. */
void password_time_note(int64_t took_ns, int64_t time_ns);

#endif
