-- The keys of OAUTH1_SECRETS_KEYS that some secret may be sealed by.
CREATE TABLE sealing_keys (
    id       TEXT    NOT NULL PRIMARY KEY,
    retiring INTEGER NOT NULL DEFAULT 0, -- the number of a rewrite that found out whether it is in use; 0: it is
    proof    BLOB                        -- sealed by it: other bytes under the same id do not open this
) STRICT
