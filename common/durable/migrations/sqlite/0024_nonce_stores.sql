-- One row for each nonce store that was ever in use (store/nonce_ledger.h).
CREATE TABLE nonce_stores (
    name     TEXT    NOT NULL PRIMARY KEY,
    saved    INTEGER NOT NULL, -- 1: stopped cleanly, its nonces are in saved_nonces
    hash_key BLOB,
    at       INTEGER NOT NULL
) STRICT
