-- What has been applied (store/migrations.h). Here and below text is VARBINARY: it compares byte for byte, without
-- padding, on every version of MariaDB and MySQL. A comment 'countersign NUMBER' is the mark of what a migration made: a
-- crash may come before its row here is written, and DDL does not roll back.
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     BIGINT         NOT NULL PRIMARY KEY,
    name       VARBINARY(255) NOT NULL,
    checksum   VARBINARY(32)  NOT NULL, -- SHA-256 of the file
    applied_at BIGINT         NOT NULL  -- like every *_at: ms UTC
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0001'
