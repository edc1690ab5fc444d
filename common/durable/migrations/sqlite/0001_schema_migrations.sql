-- What has been applied (store/migrations.h).
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   BLOB    NOT NULL, -- SHA-256 of the file
    applied_at INTEGER NOT NULL  -- like every *_at: ms UTC
) STRICT
