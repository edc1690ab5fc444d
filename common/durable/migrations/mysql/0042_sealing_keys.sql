-- The keys of OAUTH1_SECRETS_KEYS that some secret may be sealed by.
CREATE TABLE sealing_keys (
    id       VARBINARY(32)  NOT NULL PRIMARY KEY,
    retiring BIGINT         NOT NULL DEFAULT 0, -- the number of a rewrite that found out whether it is in use; 0: it is
    proof    VARBINARY(255)                     -- sealed by it: other bytes under the same id do not open this
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COMMENT = 'countersign 0042'
