-- The e-mail address in lower case, of accounts made here: who has it alone may log in with it.
ALTER TABLE users ADD COLUMN email_key VARBINARY(1024) NOT NULL DEFAULT '' COMMENT 'countersign 0036'
