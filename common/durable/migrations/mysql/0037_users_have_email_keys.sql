-- To run it twice does no harm.
UPDATE users SET email_key = LOWER(CONVERT(email USING utf8mb4)) WHERE site_name IS NULL
