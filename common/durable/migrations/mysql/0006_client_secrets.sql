CREATE TABLE client_secrets (
    id         BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    client     BIGINT          NOT NULL,
    sealed     VARBINARY(4096) NOT NULL, -- crypto/sealed.h
    created_at BIGINT          NOT NULL,
    expires_at BIGINT,                   -- rotated out then
    CONSTRAINT client_secrets_client FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0006'
