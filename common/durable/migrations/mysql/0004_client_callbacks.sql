CREATE TABLE client_callbacks (
    id        BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    client    BIGINT          NOT NULL,
    uri       VARBINARY(4096) NOT NULL,
    is_prefix TINYINT         NOT NULL DEFAULT 0,
    CONSTRAINT client_callbacks_client FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0004'
