-- Whom an operator writes to about the client; no page shows it.
ALTER TABLE clients ADD COLUMN contact VARBINARY(1024) NOT NULL DEFAULT '' COMMENT 'countersign 0039'
