-- Resource owners.
CREATE TABLE users (
    id            BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    version       BIGINT          NOT NULL DEFAULT 1,
    subject       VARBINARY(255), -- `sub`; NULL only while the row is being made
    username      VARBINARY(255)  NOT NULL,
    email         VARBINARY(1024) NOT NULL DEFAULT '',
    password_hash VARBINARY(1024) NOT NULL DEFAULT '',
    disabled      TINYINT         NOT NULL DEFAULT 0,
    created_at    BIGINT          NOT NULL,
    updated_at    BIGINT          NOT NULL,
    UNIQUE KEY users_subject (subject),
    UNIQUE KEY users_username (username)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0012'
