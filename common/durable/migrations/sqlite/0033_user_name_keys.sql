-- The user name in lower case: of new accounts made here no two have the same. NULL: a site's user, or an account of an
-- earlier version whose name differs from an earlier one's by case alone.
ALTER TABLE users ADD COLUMN name_key TEXT
