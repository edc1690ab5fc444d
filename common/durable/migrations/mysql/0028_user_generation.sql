-- How often the user was disabled: what was begun before belongs to an earlier generation, also once it is enabled again.
ALTER TABLE users ADD COLUMN generation BIGINT NOT NULL DEFAULT 0 COMMENT 'countersign 0028'
