UPDATE users SET email_key = lower(email) WHERE site_name IS NULL
