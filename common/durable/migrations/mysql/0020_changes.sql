-- What ended or changed, written in the same transaction, for caches and sessions to follow.
CREATE TABLE changes (
    sequence BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind     VARBINARY(32)  NOT NULL, -- client, user, token, resource-server
    event    VARBINARY(32)  NOT NULL, -- edited, revoked, ended
    id       VARBINARY(255) NOT NULL,
    at       BIGINT         NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0020'
