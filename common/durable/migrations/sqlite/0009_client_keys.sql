CREATE TABLE client_keys (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    client     INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    pem        TEXT    NOT NULL, -- an RSA public key
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT
