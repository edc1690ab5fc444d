-- How often the client was disabled: what was begun before belongs to an earlier generation, also once it is enabled again.
ALTER TABLE clients ADD COLUMN generation BIGINT NOT NULL DEFAULT 0 COMMENT 'countersign 0027'
