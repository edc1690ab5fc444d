/* tls_files: the certificate, key and client CA that the configuration names. */
#ifndef COUNTERSIGN_SERVICE_TLS_FILES_H
#define COUNTERSIGN_SERVICE_TLS_FILES_H

#include "config/config.h"
#include "http/tls.h"

/* *ret_tls is NULL where the configuration names none. On failure a text that names the variables and the file is
 * appended to `why`. BAD_INPUT; NO_MEMORY. */
MUST_USE enum status tls_files_open_blocking(const struct config *config, struct buf *why, struct tls **ret_tls);

#endif
