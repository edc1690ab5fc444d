-- The processes that share a nonce store: what time it was for each when the durable store last answered it.
CREATE TABLE nonce_users (
    store   VARBINARY(255) NOT NULL,
    id      VARBINARY(64)  NOT NULL,
    machine VARBINARY(128) NOT NULL, -- and its boot: where that is the same, so is the steady clock
    steady  BIGINT         NOT NULL, -- ms
    clock   BIGINT         NOT NULL, -- ms, by the store's clock
    PRIMARY KEY (store, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0030'
