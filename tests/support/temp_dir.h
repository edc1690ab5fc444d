/* temp_dir: an empty directory for one test, below $TMPDIR (or /tmp), removed with all that is in it. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_TEMP_DIR_H
#define COUNTERSIGN_TESTS_SUPPORT_TEMP_DIR_H

#include "base/slice.h"

enum { TEMP_PATH_BYTES = 512 };

/* Writes the path; fails the test if it cannot be made. */
void temp_dir_make(char path[TEMP_PATH_BYTES]);
void temp_dir_remove(const char *path);

/* "directory/name". */
void temp_dir_path(const char *directory, const char *name, char path[TEMP_PATH_BYTES]);
/* Writes a whole file. */
void temp_dir_write(const char *path, struct slice bytes);
/* Whether the bytes are somewhere in a file of the directory. */
int temp_dir_contains(const char *directory, struct slice bytes);

#endif
