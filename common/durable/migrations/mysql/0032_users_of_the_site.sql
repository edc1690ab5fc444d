-- Who was imported under a subject of the site's, and never got a password, is the site's: the username is free then.
-- (MySQL assigns from left to right; to run it twice does no harm.)
UPDATE users SET site_name = username, username = CONCAT(CHAR(1), id)
 WHERE site_name IS NULL AND password_hash = '' AND subject <> CAST(id AS CHAR) AND subject <> CONCAT('user-', id)
