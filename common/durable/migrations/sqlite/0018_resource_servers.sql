-- Who may ask the introspection service.
CREATE TABLE resource_servers (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL,
    key_digest    BLOB    UNIQUE, -- SHA-256 of the key; NULL: by certificate only
    origins       TEXT    NOT NULL DEFAULT '', -- separated by spaces
    tls_sans      TEXT    NOT NULL DEFAULT '', -- separated by spaces
    allow_explain INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT
