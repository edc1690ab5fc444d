-- Live nonces of a store that stopped cleanly; gone as soon as it started again.
CREATE TABLE saved_nonces (
    store       VARBINARY(255) NOT NULL,
    timestamp_s BIGINT         NOT NULL,
    part        BIGINT         NOT NULL,
    hashes      MEDIUMBLOB     NOT NULL, -- 8 bytes each, little-endian
    PRIMARY KEY (store, timestamp_s, part),
    CONSTRAINT saved_nonces_store FOREIGN KEY (store) REFERENCES nonce_stores (name) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0025'
