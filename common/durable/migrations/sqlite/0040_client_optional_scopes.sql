-- Whether a user may grant fewer scopes than the client asks for.
ALTER TABLE clients ADD COLUMN optional_scopes INTEGER NOT NULL DEFAULT 0
