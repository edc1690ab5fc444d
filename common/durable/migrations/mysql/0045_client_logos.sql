-- Pictures that owners give their clients (PNG, checked). The number is random: whoever was shown it may fetch it.
CREATE TABLE client_logos (
    number BIGINT NOT NULL PRIMARY KEY,
    client BIGINT NOT NULL,
    png    VARBINARY(32768) NOT NULL,
    CONSTRAINT client_logos_client FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0045'
