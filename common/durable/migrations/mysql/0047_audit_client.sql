-- What a row of the audit log concerns, to find it by; empty: nothing of the kind.
ALTER TABLE audit ADD COLUMN client_id VARBINARY(1024) NOT NULL DEFAULT '' COMMENT 'countersign 0047'
