-- Who may ask the introspection service.
CREATE TABLE resource_servers (
    id            BIGINT           NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARBINARY(255)   NOT NULL,
    key_digest    BINARY(32),                           -- SHA-256 of the key; NULL: by certificate only
    origins       VARBINARY(16384) NOT NULL DEFAULT '', -- separated by spaces
    tls_sans      VARBINARY(8192)  NOT NULL DEFAULT '', -- separated by spaces
    allow_explain TINYINT          NOT NULL DEFAULT 0,
    created_at    BIGINT           NOT NULL,
    revoked_at    BIGINT,
    UNIQUE KEY resource_servers_key_digest (key_digest)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0018'
