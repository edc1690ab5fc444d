-- What ended or changed, written in the same transaction, for caches and sessions to follow.
CREATE TABLE changes (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL, -- client, user, token, resource-server
    event    TEXT    NOT NULL, -- edited, revoked, ended
    id       TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT
