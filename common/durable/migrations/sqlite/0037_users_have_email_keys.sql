-- What is no ASCII may be no UTF-8 either: earlier versions took any text for the operator.
UPDATE users SET email_key = lower(email) WHERE site_name IS NULL AND email NOT GLOB '*[^ -~]*'
