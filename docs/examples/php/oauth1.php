<?php
/* Protects a PHP page with OAuth 1: asks Countersign's introspection service about the request.
 *
 *     require 'oauth1.php';
 *     $credential = (new OAuth1(url: 'https://introspection.internal', key: $key, origin: 'https://api.example.com'))
 *         ->require('photos:read');
 *     echo $credential['username'];
 *
 * PHP 8.0 or later, no extension. Under Apache with FPM or CGI, `CGIPassAuth On`: else the Authorization header does not
 * get here. Rewrite rules are fine: REQUEST_URI stays what the client sent. */
declare(strict_types=1);

final class OAuth1
{
    private const FORM = 'application/x-www-form-urlencoded';
    private const BODY_MAX_BYTES = 180_000; // what the service takes, less base64 and the rest of the call

    /* url: of the service. key: from `auth-service resource-server create`. origin: scheme, host and port that your
     * clients sign; configured, never $_SERVER['HTTP_HOST']: whoever receives a request that was signed for his own
     * server could otherwise send it here, with his Host, and it would verify. */
    public function __construct(
        private string $url,
        private string $key,
        private string $origin,
        private float $timeout = 3.0,
    ) {
    }

    /* What the service says of a good request: client_id, sub, username, scope … Any other is answered here, and the
     * script ends. scope: one or more, separated by spaces. twoLegged: also for clients that sign without a token. */
    public function require(?string $scope = null, bool $twoLegged = false): array
    {
        $question = $this->describe();
        if ($scope !== null) {
            $question['required_scope'] = $scope;
        }
        $answer = $this->ask($question);
        if (($answer['active'] ?? null) !== true) {
            self::passOn($answer['problem'] ?? null);
        }
        if (($answer['oauth1']['body_hash'] ?? '') === 'unchecked') {
            self::refuse(401, 'signature_invalid', 'oauth_body_hash was not checked', 'OAuth');
        }
        if (($answer['oauth1']['legs'] ?? 0) < ($twoLegged ? 2 : 3)) {
            self::refuse(401, 'token_rejected', 'This needs a token.', 'OAuth');
        }
        return $answer;
    }

    /* REQUEST_URI is the target byte for byte; PATH_INFO and $_GET are decoded, and parse_url() chokes on `//x`. */
    private function describe(): array
    {
        $target = $_SERVER['REQUEST_URI'];
        if (!str_starts_with($target, '/') || preg_match('//u', $target) !== 1) {
            self::refuse(400, 'invalid_request', 'The request target must be a path in UTF-8.');
        }
        $type = $_SERVER['CONTENT_TYPE'] ?? '';
        $authorization = $_SERVER['HTTP_AUTHORIZATION'] ?? $_SERVER['REDIRECT_HTTP_AUTHORIZATION'] ?? null;
        $question = ['method' => $_SERVER['REQUEST_METHOD'], 'url' => $this->origin . $target];
        if ($authorization !== null) {
            $question['authorization'] = $authorization;
        }
        if ($type !== '') {
            $question['content_type'] = $type;
        }
        $isForm = strtolower(trim(explode(';', $type)[0])) === self::FORM; // for any method, not POST alone
        if ($isForm || str_contains(rawurldecode("$authorization $target"), 'oauth_body_hash')) {
            $question['body_base64'] = base64_encode(self::rawBody());
        }
        return $question;
    }

    /* The bytes as they came, not $_POST. Empty for multipart/form-data, which PHP takes apart itself. */
    private static function rawBody(): string
    {
        $body = (string) file_get_contents('php://input', false, null, 0, self::BODY_MAX_BYTES + 1);
        if (strlen($body) > self::BODY_MAX_BYTES) {
            self::refuse(413, 'invalid_request', 'The signed body is too large.');
        }
        return $body;
    }

    /* Whatever goes wrong ends in 503, never in letting the request through. The call is not repeated: it may have spent
     * the nonce. (libcurl repeats a POST by itself on a connection that it kept and finds closed: whoever keeps a curl
     * handle sets CURLOPT_FORBID_REUSE. A script of PHP keeps no connection beyond its request anyway.) */
    private function ask(array $question): array
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => ["Authorization: Bearer {$this->key}", 'Content-Type: application/json', 'Connection: close'],
            'content' => json_encode($question, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE),
            'timeout' => $this->timeout,
            'protocol_version' => 1.1,
            'follow_location' => 0,
            'ignore_errors' => true,
        ]]);
        $http_response_header = [];
        $content = @file_get_contents(rtrim($this->url, '/') . '/v1/introspect', false, $context);
        $status = (int) (explode(' ', $http_response_header[0] ?? '')[1] ?? 0);
        $answer = $content === false ? null : json_decode($content, true);
        if ($status !== 200 || !is_array($answer)) { // 503: a store is down; 401, 403, 400: our key or configuration
            error_log("the introspection service answered $status: " . substr((string) $content, 0, 500));
            self::unavailable(self::header($http_response_header, 'Retry-After'));
        }
        return $answer;
    }

    private static function header(array $lines, string $name): ?string
    {
        $found = preg_grep('/^' . preg_quote($name, '/') . ':/i', $lines);
        return $found ? trim(substr(reset($found), strlen($name) + 1)) : null;
    }

    private static function passOn(?array $problem): never
    {
        if (!is_int($problem['status'] ?? null) || $problem['status'] < 400 || $problem['status'] === 503) {
            self::unavailable(null);
        }
        self::refuse($problem['status'], $problem['code'], $problem['description'] ?? '', $problem['www_authenticate'] ?? null);
    }

    private static function unavailable(?string $retryAfter): never
    {
        header('Retry-After: ' . ($retryAfter ?? '1'));
        self::refuse(503, 'temporarily_unavailable', 'The signature could not be checked. Sign a new request.');
    }

    private static function refuse(int $status, string $code, string $description, ?string $challenge = null): never
    {
        header('Cache-Control: no-store');
        header('Content-Type: application/json');
        if ($challenge !== null) {
            header("WWW-Authenticate: $challenge"); // PHP sets the status to 401 here
        }
        http_response_code($status);
        echo json_encode(['error' => $code, 'error_description' => $description], JSON_UNESCAPED_SLASHES);
        exit;
    }
}
