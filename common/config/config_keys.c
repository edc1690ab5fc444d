#include "config/config_rows.h"

#include "base/base64.h"
#include "base/wipe.h"
#include "store/store_url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32, LINE_BYTES = 4 + BASE64_LEN(KEY_BYTES) + 1, MAX_PATH_BYTES = 4096 };

static enum status refuse_key_file(struct buf *why, const char *path, const char *what)
{
    buf_addf(why, "OAUTH1_SECRETS_KEYS: the development key %s %s: %s", path, what, strerror(errno));
    return STATUS_BAD_INPUT;
}

void config_dev_key_write_path(const struct config *config, struct buf *out)
{
    struct slice path = durable_url_file(config->database_url);
    buf_add(out, slice_is_absent(path) ? SLICE("./oauth1") : slice_sub(path, 0, slice_find(path, '?')));
    buf_add_str(out, ".dev-key");
}

static enum status write_key_path(const struct config *config, struct buf *why, char ret_path[MAX_PATH_BYTES])
{
    struct buf out = buf_fixed(ret_path, MAX_PATH_BYTES);
    config_dev_key_write_path(config, &out);
    if (buf_string(&out))
        return STATUS_OK;
    buf_add_str(why, "OAUTH1_DATABASE_URL: the path is too long");
    return STATUS_BAD_INPUT;
}

/* "dev:" and a random key, with a newline. */
static bool make_line(char line[LINE_BYTES])
{
    char key[KEY_BYTES];
    bool random = getrandom(key, sizeof key, 0) == (ssize_t)sizeof key;
    memcpy(line, "dev:", 4);
    base64_encode(slice_of(key, sizeof key), line + 4);
    line[LINE_BYTES - 1] = '\n';
    wipe_bytes(key, sizeof key);
    return random;
}

static bool write_new_file(const char *path, const char line[LINE_BYTES])
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool written = write(fd, line, LINE_BYTES) == LINE_BYTES && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return written;
}

/* Written under another name and linked: whoever comes second, or reads meanwhile, sees a whole file. */
static bool make_file(const char *path)
{
    char temporary[MAX_PATH_BYTES];
    char line[LINE_BYTES];
    int len = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    bool made = make_line(line) && write_new_file(temporary, line);
    made = made && (link(temporary, path) == 0 || errno == EEXIST);
    int error = errno;
    (void)unlink(temporary);
    wipe_bytes(line, sizeof line);
    errno = error;
    return made;
}

/* Reads the one line; ENOENT where there is no file yet. */
static bool read_private_file(const char *path, char line[LINE_BYTES])
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    int error = 0;
    if (fstat(fd, &info) < 0)
        error = errno;
    else if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0)
        error = EPERM;
    else if (read(fd, line, LINE_BYTES) != LINE_BYTES)
        error = EILSEQ;
    (void)close(fd);
    errno = error;
    return error == 0;
}

/* NOT_FOUND: there is no file yet. */
static enum status read_key_file(const char *path, char line[LINE_BYTES], struct buf *why)
{
    if (read_private_file(path, line))
        return STATUS_OK;
    if (errno == ENOENT)
        return STATUS_NOT_FOUND;
    if (errno == EPERM)
        return refuse_key_file(why, path, "must be a file that only its owner can read (chmod 600)");
    return refuse_key_file(why, path, "cannot be read");
}

static enum status read_or_make_key_file(const char *path, char line[LINE_BYTES], struct buf *why)
{
    enum status status = read_key_file(path, line, why);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (!make_file(path))
        return refuse_key_file(why, path, "cannot be made");
    status = read_key_file(path, line, why);
    return status == STATUS_NOT_FOUND ? refuse_key_file(why, path, "cannot be read") : status;
}

enum status config_secrets_keys_blocking(struct config *config, struct buf *why, struct slice *ret_keys)
{
    char path[MAX_PATH_BYTES];
    char line[LINE_BYTES];
    if (!slice_is_absent(config->secrets_keys)) {
        *ret_keys = config->secrets_keys;
        return STATUS_OK;
    }
    TRY(write_key_path(config, why, path));
    TRY(read_or_make_key_file(path, line, why));
    *ret_keys = arena_copy(&config->arena, slice_of(line, LINE_BYTES - 1));
    wipe_bytes(line, sizeof line);
    return slice_is_absent(*ret_keys) ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status config_dev_key_check_blocking(const struct config *config, struct buf *why)
{
    char path[MAX_PATH_BYTES];
    char line[LINE_BYTES];
    if (!slice_is_absent(config->secrets_keys))
        return STATUS_OK;
    TRY(write_key_path(config, why, path));
    enum status status = read_key_file(path, line, why);
    wipe_bytes(line, sizeof line);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- whose database it is ---- */

bool config_database_is_default(const struct config *config)
{
    for (size_t i = 0; i < config_row_count; i++)
        if (config_rows[i].offset == offsetof(struct config, database_url))
            return config->values[i].source == CONFIG_DEFAULT;
    return false;
}

bool config_database_is_embedded(const struct config *config)
{
    return durable_kind_of(config->database_url)->is_embedded;
}
