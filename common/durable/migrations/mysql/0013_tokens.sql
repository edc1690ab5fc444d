-- Token credentials. Exactly one for each temporary credential: temp_digest is unique.
CREATE TABLE tokens (
    id           BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    token_digest BINARY(16)      NOT NULL, -- first 16 bytes of SHA-256 of oauth_token
    oauth_token  VARBINARY(255)  NOT NULL, -- compared in full
    sealed       VARBINARY(4096) NOT NULL, -- the secret
    jti          VARBINARY(64)   NOT NULL,
    temp_digest  BINARY(16),               -- of the temporary credential, likewise
    client       BIGINT          NOT NULL,
    user         BIGINT          NOT NULL,
    scopes       VARBINARY(8192) NOT NULL DEFAULT '',
    created_at   BIGINT          NOT NULL,
    last_used_at BIGINT,                   -- coarse
    expires_at   BIGINT,
    revoked_at   BIGINT,
    UNIQUE KEY tokens_token_digest (token_digest),
    UNIQUE KEY tokens_jti (jti),
    UNIQUE KEY tokens_temp_digest (temp_digest),
    CONSTRAINT tokens_client FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE,
    CONSTRAINT tokens_user FOREIGN KEY (user) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0013'
