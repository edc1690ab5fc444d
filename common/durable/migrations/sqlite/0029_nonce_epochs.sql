-- For each nonce store the epoch in force, and which timestamps may have been accepted (store/nonce_ledger.h).
CREATE TABLE nonce_epochs (
    name   TEXT    NOT NULL PRIMARY KEY,
    epoch  TEXT    NOT NULL,
    record TEXT    NOT NULL, -- what the store itself holds to show that it is in this epoch
    used   INTEGER NOT NULL, -- 0: declared, nothing accepted yet
    ranges TEXT    NOT NULL  -- "low guarded high;…", in seconds
) STRICT
