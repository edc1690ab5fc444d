-- Whom an operator writes to about the client; no page shows it.
ALTER TABLE clients ADD COLUMN contact TEXT NOT NULL DEFAULT ''
