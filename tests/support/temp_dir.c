#include "support/temp_dir.h"

#include "base/buf.h"
#include "support/test.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void temp_dir_make(char path[TEMP_PATH_BYTES])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, TEMP_PATH_BYTES, "%s/countersign-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

void temp_dir_remove(const char *path)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void temp_dir_path(const char *directory, const char *name, char path[TEMP_PATH_BYTES])
{
    int len = snprintf(path, TEMP_PATH_BYTES, "%s/%s", directory, name);
    assert_in_range(len, 1, TEMP_PATH_BYTES - 1);
}

void temp_dir_write(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static int file_contains(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    struct buf content = BUF_INIT;
    char block[65536];
    for (size_t len = 0; (len = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(&content, slice_of(block, len));
    (void)fclose(file);
    assert_false(content.failed);
    int found = content.len > 0 && memmem(content.ptr, content.len, bytes.ptr, bytes.len) != NULL;
    buf_done(&content);
    return found;
}

int temp_dir_contains(const char *directory, struct slice bytes)
{
    char path[TEMP_PATH_BYTES];
    int found = 0;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (const struct dirent *entry = NULL; (entry = readdir(entries));)
        if (entry->d_type == DT_REG) {
            temp_dir_path(directory, entry->d_name, path);
            found = found || file_contains(path, bytes);
        }
    (void)closedir(entries);
    return found;
}
