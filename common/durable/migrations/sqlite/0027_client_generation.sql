-- How often the client was disabled: what was begun before belongs to an earlier generation, also once it is enabled again.
ALTER TABLE clients ADD COLUMN generation INTEGER NOT NULL DEFAULT 0
