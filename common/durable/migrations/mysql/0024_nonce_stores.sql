-- One row for each nonce store that was ever in use (store/nonce_ledger.h).
CREATE TABLE nonce_stores (
    name     VARBINARY(255) NOT NULL PRIMARY KEY,
    saved    TINYINT        NOT NULL, -- 1: stopped cleanly, its nonces are in saved_nonces
    hash_key VARBINARY(64),
    at       BIGINT         NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0024'
