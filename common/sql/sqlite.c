/* The connection to an SQLite file; reached through sql_open_blocking (sql.h).
 *
 * Invariants: WAL with synchronous=FULL, so that what was committed survives a power failure and readers never wait for
 * the writer; a write transaction takes its lock at the start (BEGIN IMMEDIATE), so that it cannot fail half-way for a
 * lock. The file's permissions (0600 for a new one) are inherited by the -wal and -shm files beside it. */
#include "sql/backend.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Whoever has so little room may soon have none: the log of writes grows in steps, up to four times this. */
enum { FREE_BYTES_MIN = 1 << 20 };

enum { STATEMENT_SLOTS = 256, COLUMNS_MAX = 32, ERROR_BYTES = 640 };

struct sqlite {
    struct sql sql;
    sqlite3 *db;
    char *path;
    int busy_timeout_ms;
    char error[ERROR_BYTES];
    size_t statement_count;
    sqlite3_stmt *statements[STATEMENT_SLOTS]; /* by the hash of their text, open addressing */
};

static struct sqlite *sqlite_of(struct sql *sql)
{
    return (struct sqlite *)sql;
}

/* ---- errors: what happened, to which file, what to do ---- */

struct fault {
    int code; /* SQLite's primary result code */
    enum status status;
    const char *text;
};

static const struct fault faults[] = {
    {SQLITE_NOMEM, STATUS_NO_MEMORY, "out of memory"},
    {SQLITE_READONLY, STATUS_STORE_DOWN, "it is read-only: make the file and its directory writable for this user"},
    {SQLITE_PERM, STATUS_STORE_DOWN, "access is denied: make the file and its directory writable for this user"},
    {SQLITE_CANTOPEN, STATUS_STORE_DOWN,
     "it, or a file beside it, cannot be opened: this user must be able to read and write it and its directory"},
    {SQLITE_FULL, STATUS_STORE_DOWN, "the disk is full: free some space"},
    {SQLITE_IOERR, STATUS_STORE_DOWN, "reading or writing failed: look at the disk, and at the kernel's log"},
    {SQLITE_CORRUPT, STATUS_STORE_CORRUPT, "the file is damaged: stop the services and restore a backup"},
    {SQLITE_NOTADB, STATUS_STORE_CORRUPT, "the file is not an SQLite database: name another one, or restore a backup"},
    {SQLITE_ERROR, STATUS_STORE_CORRUPT,
     "the schema is not the expected one: run auth-service migrate status; where all is applied, a migration lacks "
     "what this "
     "version asks for, or the database was changed by hand: restore it"},
};

static const struct fault *fault_of(int code)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (faults[i].code == code)
            return &faults[i];
    return NULL;
}

static bool has_full_disk(const struct sqlite *sqlite)
{
    struct statvfs disk;
    return statvfs(sqlite->path, &disk) == 0 && disk.f_blocks > 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN;
}

static bool is_conflict(int extended)
{
    return extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
           extended == SQLITE_CONSTRAINT_FOREIGNKEY;
}

/* Remembers the failure of the last call and translates it. */
static enum status note_failure(struct sqlite *sqlite)
{
    int extended = sqlite3_extended_errcode(sqlite->db);
    int code = extended & 0xFF;
    const char *detail = sqlite3_errmsg(sqlite->db);
    const struct fault *fault = fault_of(code == SQLITE_IOERR && has_full_disk(sqlite) ? SQLITE_FULL : code);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        (void)snprintf(sqlite->error, sizeof sqlite->error,
                       "database %s: other processes kept it locked for longer than %d ms: look for a long-running "
                       "command, an import or a backup that has it open",
                       sqlite->path, sqlite->busy_timeout_ms);
        return STATUS_STORE_DOWN;
    }
    (void)snprintf(sqlite->error, sizeof sqlite->error, "database %s: %s (SQLite: %s, %d)", sqlite->path,
                   fault ? fault->text : "a statement failed", detail, extended);
    if (is_conflict(extended))
        return STATUS_CONFLICT;
    if (code == SQLITE_CONSTRAINT || code == SQLITE_MISUSE || code == SQLITE_RANGE || code == SQLITE_MISMATCH)
        return STATUS_INTERNAL;
    return fault ? fault->status : STATUS_STORE_DOWN;
}

static const char *last_error(const struct sql *sql)
{
    return ((const struct sqlite *)sql)->error;
}

/* ---- statements ---- */

static size_t hash_text(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    return hash % STATEMENT_SLOTS;
}

/* The slot with this text, or the free one where it belongs. */
static sqlite3_stmt **statement_slot_of(struct sqlite *sqlite, const char *text)
{
    size_t at = hash_text(text);
    while (sqlite->statements[at] && strcmp(sqlite3_sql(sqlite->statements[at]), text) != 0)
        at = (at + 1) % STATEMENT_SLOTS;
    return &sqlite->statements[at];
}

static void drop_statements(struct sqlite *sqlite)
{
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        (void)sqlite3_finalize(sqlite->statements[i]);
        sqlite->statements[i] = NULL;
    }
    sqlite->statement_count = 0;
}

static enum status prepare_statement(struct sqlite *sqlite, const char *text, sqlite3_stmt **ret_statement)
{
    sqlite3_stmt **slot = statement_slot_of(sqlite, text);
    if (!*slot && sqlite->statement_count > STATEMENT_SLOTS / 2) {
        drop_statements(sqlite); /* more than a program has: a test, or migrations */
        slot = statement_slot_of(sqlite, text);
    }
    if (!*slot) {
        if (sqlite3_prepare_v3(sqlite->db, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
            return note_failure(sqlite);
        sqlite->statement_count++;
    }
    *ret_statement = *slot;
    return STATUS_OK;
}

static int bind_one(sqlite3_stmt *statement, int at, const struct sql_value *value)
{
    const char *bytes = value->bytes.len ? value->bytes.ptr : "";
    switch (value->type) {
    case SQL_NULL:
        return sqlite3_bind_null(statement, at);
    case SQL_INT:
        return sqlite3_bind_int64(statement, at, value->integer);
    case SQL_TEXT:
        return sqlite3_bind_text64(statement, at, bytes, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case SQL_BLOB:
        return sqlite3_bind_blob64(statement, at, bytes, value->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum status bind_all(struct sqlite *sqlite, sqlite3_stmt *statement, const struct sql_value *params,
                            size_t count)
{
    assert((size_t)sqlite3_bind_parameter_count(statement) == count);
    for (size_t i = 0; i < count; i++)
        if (bind_one(statement, (int)i + 1, &params[i]) != SQLITE_OK)
            return note_failure(sqlite);
    return STATUS_OK;
}

static struct sql_value read_column(sqlite3_stmt *statement, int at)
{
    int type = sqlite3_column_type(statement, at);
    if (type == SQLITE_NULL)
        return sql_null();
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        return sql_int(sqlite3_column_int64(statement, at));
    const void *bytes =
        type == SQLITE_TEXT ? (const void *)sqlite3_column_text(statement, at) : sqlite3_column_blob(statement, at);
    struct slice slice = slice_of(bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at));
    return type == SQLITE_TEXT ? sql_text(slice) : sql_blob(slice);
}

static enum status hand_over(sqlite3_stmt *statement, sql_row_fn row, void *context)
{
    struct sql_value columns[COLUMNS_MAX];
    int count = sqlite3_column_count(statement);
    assert(count <= COLUMNS_MAX);
    if (!row)
        return STATUS_OK;
    for (int i = 0; i < count; i++)
        columns[i] = read_column(statement, i);
    return row(context, columns, (size_t)count);
}

static enum status step_all(struct sqlite *sqlite, sqlite3_stmt *statement, sql_row_fn row, void *context)
{
    for (;;) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_DONE)
            return STATUS_OK;
        if (code != SQLITE_ROW)
            return note_failure(sqlite);
        TRY(hand_over(statement, row, context));
    }
}

static enum status execute_sqlite(struct sql *sql, const char *text, const struct sql_value *params, size_t param_count,
                                  sql_row_fn row, void *context)
{
    struct sqlite *sqlite = sqlite_of(sql);
    sqlite3_stmt *statement = NULL;
    TRY(prepare_statement(sqlite, text, &statement));
    enum status status = bind_all(sqlite, statement, params, param_count);
    if (status == STATUS_OK)
        status = step_all(sqlite, statement, row, context);
    (void)sqlite3_reset(statement); /* repeats the error that step told */
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static int64_t rows_affected(const struct sql *sql)
{
    return sqlite3_changes64(((const struct sqlite *)sql)->db);
}

static int64_t last_id(const struct sql *sql)
{
    return sqlite3_last_insert_rowid(((const struct sqlite *)sql)->db);
}

static enum status note_found(void *context, const struct sql_value *columns, size_t count)
{
    (void)columns;
    (void)count;
    *(bool *)context = true;
    return STATUS_OK;
}

static enum status table_exists(struct sql *sql, const char *name, bool *ret_exists)
{
    struct sql_value params[] = {sql_text(slice_str(name))};
    bool exists = false;
    TRY(execute_sqlite(sql, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", params, COUNT_OF(params),
                       note_found, &exists));
    *ret_exists = exists;
    return STATUS_OK;
}

/* ---- transactions ---- */

static enum status begin_write(struct sql *sql)
{
    return execute_sqlite(sql, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);
}

static enum status commit_sqlite(struct sql *sql)
{
    return execute_sqlite(sql, "COMMIT", NULL, 0, NULL, NULL);
}

static void rollback_sqlite(struct sql *sql)
{
    char error[ERROR_BYTES];
    struct sqlite *sqlite = sqlite_of(sql);
    if (sqlite3_get_autocommit(sqlite->db))
        return; /* SQLite did it already: full disk, I/O error */
    memcpy(error, sqlite->error, sizeof error);
    (void)execute_sqlite(sql, "ROLLBACK", NULL, 0, NULL, NULL);
    memcpy(sqlite->error, error, sizeof error); /* the reason is worth more than what follows from it */
}

/* ---- opening ---- */

static void close_sqlite(struct sql *sql)
{
    struct sqlite *sqlite = sqlite_of(sql);
    drop_statements(sqlite);
    (void)sqlite3_close_v2(sqlite->db);
    free(sqlite->path);
    free(sqlite);
}

static enum status refuse_file(struct sqlite *sqlite, const char *text)
{
    (void)snprintf(sqlite->error, sizeof sqlite->error, "database %s: %s", sqlite->path, text);
    return STATUS_STORE_DOWN;
}

static enum status check_writable(struct sql *sql)
{
    struct sqlite *sqlite = sqlite_of(sql);
    if (strcmp(sqlite->path, ":memory:") == 0)
        return STATUS_OK;
    if (faccessat(AT_FDCWD, sqlite->path, W_OK, AT_EACCESS) != 0)
        return refuse_file(sqlite, errno == ENOENT
                                       ? "the file is gone: restore it, and restart the services"
                                       : "it cannot be written any more: look at the file's and the disk's mode");
    if (has_full_disk(sqlite))
        return refuse_file(sqlite, "the disk is full: free some space");
    return STATUS_OK;
}

static const struct sql_ops sqlite_ops = {
    .close = close_sqlite,
    .begin_write = begin_write,
    .commit = commit_sqlite,
    .rollback = rollback_sqlite,
    .execute = execute_sqlite,
    .affected = rows_affected,
    .last_id = last_id,
    .last_error = last_error,
    .table_exists = table_exists,
    .check_writable = check_writable,
    .dialect = SQL_DIALECT_SQLITE,
};

/* What SQLite would only call "unable to open database file". */
static enum status inspect_directory(struct sqlite *sqlite)
{
    char *copy = strdup(sqlite->path);
    if (!copy)
        return STATUS_NO_MEMORY;
    struct stat info;
    bool missing = stat(dirname(copy), &info) != 0;
    bool directory = !missing && S_ISDIR(info.st_mode);
    free(copy);
    if (missing)
        return refuse_file(sqlite, "its directory does not exist: create it, or name another path");
    return directory ? STATUS_OK : refuse_file(sqlite, "the path leads through a file that is no directory");
}

/* Makes a missing file, for its owner only. O_EXCL: opening and closing an existing one would drop the locks that this
 * process holds on it. */
static enum status create_file(struct sqlite *sqlite)
{
    int fd = open(sqlite->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    else if (errno == EACCES || errno == EPERM || errno == EROFS)
        return refuse_file(sqlite,
                           "it cannot be created: make its directory writable for this user, or name another path");
    else if (errno == ENOSPC || errno == EDQUOT)
        return refuse_file(sqlite, "it cannot be created: the disk is full");
    else if (errno != EEXIST)
        return refuse_file(sqlite, "it cannot be created");
    return STATUS_OK;
}

/* Whether it can be opened, or is missing and can be made, as far as that shows without doing so. */
static enum status inspect_file(struct sqlite *sqlite, bool *ret_missing)
{
    struct stat info;
    *ret_missing = stat(sqlite->path, &info) != 0;
    if (!*ret_missing) {
        if (S_ISDIR(info.st_mode))
            return refuse_file(sqlite, "it is a directory: name a file in it");
        if (!S_ISREG(info.st_mode))
            return refuse_file(sqlite, "it is not a regular file: name another path");
        return STATUS_OK;
    }
    TRY(inspect_directory(sqlite));
    if (errno != ENOENT)
        return refuse_file(sqlite, "it cannot be read: this user must be able to enter its directories");
    return STATUS_OK;
}

static enum status find_file(struct sqlite *sqlite, const struct sql_options *options)
{
    bool missing = false;
    TRY(inspect_file(sqlite, &missing));
    if (missing && options->must_exist)
        return refuse_file(sqlite, "it does not exist: run auth-service migrate up");
    return missing ? create_file(sqlite) : STATUS_OK;
}

static void pause_ms(long ms)
{
    struct timespec span = {0, ms * 1000000};
    (void)nanosleep(&span, NULL);
}

/* The first to open a new file turns it into a WAL database, and a second one at the same moment is told BUSY without a
 * wait. */
static enum status switch_to_wal(struct sqlite *sqlite)
{
    int waited_ms = 0;
    for (;;) {
        enum status status = execute_sqlite(&sqlite->sql, "PRAGMA journal_mode = WAL", NULL, 0, NULL, NULL);
        bool busy = (sqlite3_errcode(sqlite->db) & 0xFF) == SQLITE_BUSY;
        if (status == STATUS_OK || !busy || waited_ms >= sqlite->busy_timeout_ms)
            return status;
        pause_ms(10);
        waited_ms += 10;
    }
}

static enum status set_up(struct sqlite *sqlite, const struct sql_options *options)
{
    static const char *const settings[] = {
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF",
    };
    (void)sqlite3_busy_timeout(sqlite->db, options->busy_timeout_ms);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (sqlite3_db_readonly(sqlite->db, "main") == 1 && !options->read_only)
        return refuse_file(sqlite, "it is read-only: make the file and its directory writable for this user");
    TRY(switch_to_wal(sqlite));
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        TRY(execute_sqlite(&sqlite->sql, settings[i], NULL, 0, NULL, NULL));
    if (options->read_only)
        TRY(execute_sqlite(&sqlite->sql, "PRAGMA query_only = ON", NULL, 0, NULL, NULL));
    return STATUS_OK;
}

static enum status connect_to_file(struct sqlite *sqlite, const struct sql_options *options)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (strcmp(sqlite->path, ":memory:") != 0)
        TRY(find_file(sqlite, options));
    if (sqlite3_open_v2(sqlite->path, &sqlite->db, flags, NULL) != SQLITE_OK)
        return sqlite->db ? note_failure(sqlite) : STATUS_NO_MEMORY;
    return set_up(sqlite, options);
}

static enum status open_sqlite_blocking(struct slice path, const struct sql_options *options, struct buf *why,
                                        struct sql **ret_sql)
{
    if (path.len == 0 || memchr(path.ptr, '\0', path.len)) {
        buf_add_str(why, "sqlite: a path must follow, as in sqlite:./oauth1.db");
        return STATUS_BAD_INPUT;
    }
    struct sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return STATUS_NO_MEMORY;
    sqlite->sql.ops = &sqlite_ops;
    sqlite->busy_timeout_ms = options->busy_timeout_ms;
    sqlite->path = strndup(path.ptr, path.len);
    enum status status = sqlite->path ? connect_to_file(sqlite, options) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        buf_add_str(why, sqlite->error);
        close_sqlite(&sqlite->sql);
        return status;
    }
    *ret_sql = &sqlite->sql;
    return STATUS_OK;
}

static enum status check_sqlite_blocking(struct slice path, const struct sql_options *options, struct buf *why)
{
    bool missing = false;
    struct sqlite sqlite = {.path = strndup(path.ptr, path.len)};
    if (!sqlite.path)
        return STATUS_NO_MEMORY;
    enum status status = inspect_file(&sqlite, &missing);
    if (status != STATUS_OK)
        buf_addf(why, "%s: %s", sql_variable(options), sqlite.error);
    free(sqlite.path);
    return status;
}

/* Whoever uses a WAL database keeps a lock in this range (SQLite's "File Locking And Concurrency") until he closes it.
 * Locks of this process are not seen, and would be lost by the close. */
static void note_lock_holder(int fd, struct buf *others)
{
    enum { LOCKS_AT = 0x40000000, LOCKS_BYTES = 512 };
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_AT, .l_len = LOCKS_BYTES};
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        buf_addf(others, "process %lld", (long long)lock.l_pid);
}

static enum status find_others_of_file(struct slice path, const struct sql_options *options, struct buf *why,
                                       struct buf *others)
{
    char *name = strndup(path.ptr, path.len);
    (void)options;
    (void)why; /* whoever opens it finds out what is wrong with the file */
    if (!name)
        return STATUS_NO_MEMORY;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        note_lock_holder(fd, others);
        (void)close(fd);
    }
    free(name);
    return STATUS_OK;
}

const struct sql_backend sql_sqlite_backend = {.open_blocking = open_sqlite_blocking,
                                               .check_blocking = check_sqlite_blocking,
                                               .find_others_blocking = find_others_of_file};
