-- What a row of the audit log concerns, to find it by; empty: nothing of the kind.
ALTER TABLE audit ADD COLUMN user_sub TEXT NOT NULL DEFAULT ''
