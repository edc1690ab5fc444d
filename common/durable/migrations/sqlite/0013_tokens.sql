-- Token credentials. Exactly one for each temporary credential: temp_digest is unique.
CREATE TABLE tokens (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token_digest BLOB    NOT NULL UNIQUE, -- first 16 bytes of SHA-256 of oauth_token
    oauth_token  TEXT    NOT NULL,        -- compared in full
    sealed       BLOB    NOT NULL,        -- the secret
    jti          TEXT    NOT NULL UNIQUE,
    temp_digest  BLOB    UNIQUE,          -- of the temporary credential, likewise
    client       INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scopes       TEXT    NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER, -- coarse
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT
