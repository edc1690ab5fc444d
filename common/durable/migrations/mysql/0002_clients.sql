-- Applications. InnoDB never gives the id of a row that was deleted to another.
CREATE TABLE clients (
    id                    BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    version               BIGINT          NOT NULL DEFAULT 1,
    client_id             VARBINARY(255)  NOT NULL, -- oauth_consumer_key, compared byte for byte
    name                  VARBINARY(1024) NOT NULL DEFAULT '',
    website               VARBINARY(4096) NOT NULL DEFAULT '',
    description           VARBINARY(8192) NOT NULL DEFAULT '',
    logo                  VARBINARY(4096) NOT NULL DEFAULT '',
    owner                 VARBINARY(255)  NOT NULL DEFAULT '', -- subject of the user who registered it
    default_callback      VARBINARY(4096) NOT NULL DEFAULT '',
    signature_methods     VARBINARY(1024) NOT NULL DEFAULT '', -- separated by spaces; empty: all that are on
    allowed_scopes        VARBINARY(8192) NOT NULL DEFAULT '',
    default_scopes        VARBINARY(8192) NOT NULL DEFAULT '',
    two_legged            TINYINT         NOT NULL DEFAULT 0,
    trusted               TINYINT         NOT NULL DEFAULT 0,
    verified              TINYINT         NOT NULL DEFAULT 0,
    disabled              TINYINT         NOT NULL DEFAULT 0,
    body_hash_required    TINYINT         NOT NULL DEFAULT 0,
    http_callback_allowed TINYINT         NOT NULL DEFAULT 0,
    created_at            BIGINT          NOT NULL,
    updated_at            BIGINT          NOT NULL,
    UNIQUE KEY clients_client_id (client_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0002'
