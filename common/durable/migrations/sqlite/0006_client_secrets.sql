CREATE TABLE client_secrets (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    client     INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    sealed     BLOB    NOT NULL, -- crypto/sealed.h
    created_at INTEGER NOT NULL,
    expires_at INTEGER           -- rotated out then
) STRICT
