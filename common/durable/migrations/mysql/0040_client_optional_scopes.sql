-- Whether a user may grant fewer scopes than the client asks for.
ALTER TABLE clients ADD COLUMN optional_scopes TINYINT NOT NULL DEFAULT 0 COMMENT 'countersign 0040'
