-- The e-mail address in lower case, of accounts made here: who has it alone may log in with it.
ALTER TABLE users ADD COLUMN email_key TEXT NOT NULL DEFAULT ''
