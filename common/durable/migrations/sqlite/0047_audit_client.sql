-- What a row of the audit log concerns, to find it by; empty: nothing of the kind.
ALTER TABLE audit ADD COLUMN client_id TEXT NOT NULL DEFAULT ''
