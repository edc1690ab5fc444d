#include "config/config.h"

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

static enum status refuse_key_file(struct config *config, const char **ret_why, const char *what, const char *path)
{
    struct buf why = buf_in(&config->arena);
    buf_addf(&why, "OAUTH1_SECRETS_KEYS: the development key %s %s: %s", path, what, strerror(errno));
    const char *text = buf_string(&why);
    *ret_why = text ? text : status_text(STATUS_NO_MEMORY);
    return text ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

/* Beside the database's file; where there is none, in the working directory. */
static char *key_path(struct config *config)
{
    struct slice path = durable_url_file(config->database_url);
    struct buf out = buf_in(&config->arena);
    buf_add(&out, slice_is_absent(path) ? SLICE("./oauth1") : slice_sub(path, 0, slice_find(path, '?')));
    buf_add_str(&out, ".dev-key");
    return buf_string(&out);
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

enum status config_secrets_keys_blocking(struct config *config, struct slice *ret_keys, const char **ret_why)
{
    char line[LINE_BYTES];
    if (!slice_is_absent(config->secrets_keys)) {
        *ret_keys = config->secrets_keys;
        return STATUS_OK;
    }
    const char *path = key_path(config);
    if (!path) {
        *ret_why = status_text(STATUS_NO_MEMORY);
        return STATUS_NO_MEMORY;
    }
    bool read = read_private_file(path, line);
    if (!read && errno == ENOENT) {
        if (!make_file(path))
            return refuse_key_file(config, ret_why, "cannot be made", path);
        read = read_private_file(path, line);
    }
    if (!read && errno == EPERM)
        return refuse_key_file(config, ret_why, "must be a file that only its owner can read (chmod 600)", path);
    if (!read)
        return refuse_key_file(config, ret_why, "cannot be read", path);
    *ret_keys = arena_copy(&config->arena, slice_of(line, LINE_BYTES - 1));
    wipe_bytes(line, sizeof line);
    *ret_why = status_text(STATUS_NO_MEMORY);
    return slice_is_absent(*ret_keys) ? STATUS_NO_MEMORY : STATUS_OK;
}
