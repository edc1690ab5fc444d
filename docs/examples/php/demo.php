<?php
/* A whole service: `php -S 127.0.0.1:$PORT demo.php`. Configured by the environment. */
declare(strict_types=1);

require __DIR__ . '/oauth1.php';

$oauth1 = new OAuth1(
    url: getenv('INTROSPECTION_URL'),
    key: getenv('INTROSPECTION_KEY'),
    origin: getenv('ORIGIN'),
    timeout: (float) (getenv('INTROSPECTION_TIMEOUT') ?: 3),
);

$credential = match (true) {
    str_starts_with($_SERVER['REQUEST_URI'], '/admin') => $oauth1->require('photos:write'),
    str_starts_with($_SERVER['REQUEST_URI'], '/batch') => $oauth1->require('photos:read', twoLegged: true),
    default => $oauth1->require('photos:read'),
};

/* $_POST is filled for POST alone, and keeps the last of several fields of one name unless they are called name[]. */
function fields(string $body): array
{
    $fields = [];
    foreach (array_filter(explode('&', $body), 'strlen') as $pair) {
        [$name, $value] = array_map('urldecode', explode('=', $pair, 2) + [1 => '']);
        $fields[$name][] = $value;
    }
    return $fields;
}

$isForm = str_contains(strtolower($_SERVER['CONTENT_TYPE'] ?? ''), 'x-www-form-urlencoded');
header('Content-Type: application/json');
echo json_encode([
    'client_id' => $credential['client_id'],
    'user' => $credential['username'] ?? null,
    'scope' => $credential['scope'],
    'form' => (object) ($isForm ? fields(file_get_contents('php://input')) : []),
], JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
