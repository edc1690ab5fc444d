-- To run it twice does no harm. What is no ASCII may be no UTF-8 either: earlier versions took any text for the operator.
UPDATE users SET email_key = LOWER(CONVERT(email USING utf8mb4))
 WHERE site_name IS NULL AND HEX(email) NOT REGEXP '^(..)*[89A-F]'
