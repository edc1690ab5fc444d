/* overlap: for how many seconds a former secret or key stays good after a rotation. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_OVERLAP_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_OVERLAP_H

enum { OVERLAP_DEFAULT_S = 86400, OVERLAP_MAX_S = 366 * 86400 };
#define OVERLAP_WRONG "overlap must be a number of seconds, at most a year"

#endif
