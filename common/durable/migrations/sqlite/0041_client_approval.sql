-- Whether an operator has approved what a user registered: 0 yes, or it is the operator's own; 1 not yet; 2 rejected.
ALTER TABLE clients ADD COLUMN approval INTEGER NOT NULL DEFAULT 0
