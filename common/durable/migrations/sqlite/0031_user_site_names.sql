-- What the site calls a user whom it brought along; NULL: an account made here, which is called by its username.
ALTER TABLE users ADD COLUMN site_name TEXT
