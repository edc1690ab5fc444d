-- Applications. AUTOINCREMENT, here and below: the id of a row that was deleted is never given to another.
CREATE TABLE clients (
    id                    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    version               INTEGER NOT NULL DEFAULT 1,
    client_id             TEXT    NOT NULL UNIQUE, -- oauth_consumer_key, compared byte for byte
    name                  TEXT    NOT NULL DEFAULT '',
    website               TEXT    NOT NULL DEFAULT '',
    description           TEXT    NOT NULL DEFAULT '',
    logo                  TEXT    NOT NULL DEFAULT '',
    owner                 TEXT    NOT NULL DEFAULT '', -- subject of the user who registered it
    default_callback      TEXT    NOT NULL DEFAULT '',
    signature_methods     TEXT    NOT NULL DEFAULT '', -- separated by spaces; empty: all that are on
    allowed_scopes        TEXT    NOT NULL DEFAULT '',
    default_scopes        TEXT    NOT NULL DEFAULT '',
    two_legged            INTEGER NOT NULL DEFAULT 0,
    trusted               INTEGER NOT NULL DEFAULT 0,
    verified              INTEGER NOT NULL DEFAULT 0,
    disabled              INTEGER NOT NULL DEFAULT 0,
    body_hash_required    INTEGER NOT NULL DEFAULT 0,
    http_callback_allowed INTEGER NOT NULL DEFAULT 0,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL
) STRICT
