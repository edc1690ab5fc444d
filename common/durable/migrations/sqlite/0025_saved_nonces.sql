-- Live nonces of a store that stopped cleanly; gone as soon as it started again.
CREATE TABLE saved_nonces (
    store        TEXT    NOT NULL REFERENCES nonce_stores (name) ON DELETE CASCADE,
    timestamp_s  INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    hashes       BLOB    NOT NULL, -- 8 bytes each, little-endian
    PRIMARY KEY (store, timestamp_s, part)
) STRICT
