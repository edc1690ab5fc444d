CREATE TABLE client_keys (
    id         BIGINT           NOT NULL AUTO_INCREMENT PRIMARY KEY,
    client     BIGINT           NOT NULL,
    pem        VARBINARY(16384) NOT NULL, -- an RSA public key
    created_at BIGINT           NOT NULL,
    expires_at BIGINT,
    CONSTRAINT client_keys_client FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0009'
