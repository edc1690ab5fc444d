-- For each nonce store the epoch in force, and which timestamps may have been accepted (store/nonce_ledger.h).
CREATE TABLE nonce_epochs (
    name   VARBINARY(255)  NOT NULL PRIMARY KEY,
    epoch  VARBINARY(64)   NOT NULL,
    record VARBINARY(255)  NOT NULL, -- what the store itself holds to show that it is in this epoch
    used   TINYINT         NOT NULL, -- 0: declared, nothing accepted yet
    ranges VARBINARY(1024) NOT NULL  -- "low guarded high;…", in seconds
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0029'
