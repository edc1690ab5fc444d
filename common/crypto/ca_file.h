/* ca_file: a file of CA certificates that an operator names, looked at before anybody connects with it. */
#ifndef COUNTERSIGN_CRYPTO_CA_FILE_H
#define COUNTERSIGN_CRYPTO_CA_FILE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"

/* Whether there are certificates in it, in PEM form. BAD_INPUT: a text for the operator, which begins with the path, is
 * appended to `why`; NO_MEMORY. */
MUST_USE enum status ca_file_check_blocking(const char *path, struct buf *why);

#endif
