<?php
/* Prints hashes of one password as WordPress makes them, and PHP for others:
 *
 *     php tests/vectors/passwords.php WORDPRESS/wp-includes/class-phpass.php
 *
 * tests/crypto/test_password_kind.c holds what WordPress 6.1 and PHP 8.2 printed; a new run has other salts. The last two
 * are what wp_hash_password does since WordPress 6.8. */
require $argv[1];
const PASSWORD = 'correct horse é';
$wordpress = new PasswordHash(8, true);
$low = ['cost' => 5];
$prehashed = fn ($password) => base64_encode(hash_hmac('sha384', $password, 'wp-sha384', true));

$lines = [
    $wordpress->HashPassword(PASSWORD),
    $wordpress->crypt_private(PASSWORD, '$H$9saltsalt'),
    password_hash(PASSWORD, PASSWORD_BCRYPT, $low),
    crypt(PASSWORD, '$2b$05$abcdefghijklmnopqrstuu'),
    crypt(PASSWORD, '$2a$05$abcdefghijklmnopqrstuu'),
    '$wp' . password_hash($prehashed(PASSWORD), PASSWORD_BCRYPT, $low),
    '$wp' . password_hash($prehashed(str_repeat('p', 80)), PASSWORD_BCRYPT, $low),
];
echo implode("\n", $lines), "\n";
