-- The kinds of password hashes that came from other systems, each with the most that one of it costs.
CREATE TABLE password_kinds (
    kind   VARBINARY(32) NOT NULL PRIMARY KEY,
    amount BIGINT        NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0044'
