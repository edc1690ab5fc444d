import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * Protects any Java HTTP service with OAuth 1: asks Countersign's introspection service about each request. Java 17, the
 * standard library and {@link Json}, nothing else. Demo.java shows it with the JDK's own server; in a servlet filter:
 *
 * <pre>
 * String query = request.getQueryString();
 * String target = request.getRequestURI() + (query == null ? "" : "?" + query); // getPathInfo() would be decoded
 * Verdict verdict = oauth1.judge(request.getMethod(), target, request.getHeader("Authorization"),
 *         request.getContentType(), request.getInputStream(), "photos:read", 3);
 * </pre>
 *
 * A servlet filter must do so before anything calls getParameter(), which eats a form body; and give the handlers a
 * request wrapper that serves {@link Verdict#body()} again.
 */
public final class OAuth1 {
    private static final String FORM = "application/x-www-form-urlencoded";
    private static final int BODY_MAX_BYTES = 180_000; // what the service takes, less base64 and the rest of the call

    /** What the service says of a good request. subject and username are null without a token (two-legged); body is
     * what was read of the request, null where it was left unread. */
    public record Verdict(String clientId, String subject, String username, String scope, byte[] body) {
    }

    /** Answer your client with this status, and with those headers that are not null. */
    public static final class Refused extends Exception {
        private static final long serialVersionUID = 1;
        public final int status;
        public final String code;
        public final String challenge; // WWW-Authenticate
        public final String retryAfter; // Retry-After

        Refused(int status, String code, String description, String challenge, String retryAfter) {
            super(description);
            this.status = status;
            this.code = code;
            this.challenge = challenge;
            this.retryAfter = retryAfter;
        }

        public String json() {
            return "{\"error\":" + Json.text(code) + ",\"error_description\":" + Json.text(getMessage()) + "}";
        }
    }

    private final URI url;
    private final String key;
    private final String origin;
    private final Duration timeout;
    // Keeps connections alive and follows no redirect. It repeats no POST whose bytes went out (do not set
    // jdk.httpclient.enableAllMethodRetry): a call whose answer was lost may have spent the nonce.
    private final HttpClient client;

    /**
     * @param url of the service
     * @param key from `auth-service resource-server create`
     * @param origin scheme, host and port that your clients sign; configured, never the Host header: whoever receives a
     *     request that was signed for his own server could otherwise send it here, with his Host, and it would verify
     */
    public OAuth1(String url, String key, String origin, Duration timeout) {
        this.url = URI.create(url.replaceAll("/+$", "") + "/v1/introspect");
        this.key = key;
        this.origin = origin;
        this.timeout = timeout;
        this.client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(timeout)
                .followRedirects(HttpClient.Redirect.NEVER).build();
    }

    /**
     * @param target the request target byte for byte as the client sent it
     * @param scope one or more, separated by spaces, all needed; null: none
     * @param leastLegs 3: with a token only; 2: also clients that sign without one
     */
    public Verdict judge(String method, String target, String authorization, String contentType, InputStream stream,
            String scope, int leastLegs) throws Refused, IOException {
        if (!target.startsWith("/")) {
            throw new Refused(400, "invalid_request", "The request target must be a path.", null, null);
        }
        byte[] body = null;
        StringBuilder question = new StringBuilder("{\"method\":").append(Json.text(method));
        question.append(",\"url\":").append(Json.text(origin + target)); // URI.resolve() would follow `//host`
        append(question, "authorization", authorization);
        append(question, "content_type", contentType);
        append(question, "required_scope", scope);
        if (isForm(contentType) || namesBodyHash(authorization, target)) {
            body = read(stream);
            append(question, "body_base64", Base64.getEncoder().encodeToString(body));
        }
        return verdict(ask(question.append('}').toString()), leastLegs, body);
    }

    /** For servers whose strings hold a byte a character, as the JDK's own: the target as the UTF-8 that it is. */
    public static String utf8(String target) throws Refused {
        try {
            return StandardCharsets.UTF_8.newDecoder() // which reports what String's constructor would replace
                    .decode(ByteBuffer.wrap(target.getBytes(StandardCharsets.ISO_8859_1))).toString();
        } catch (CharacterCodingException notUtf8) {
            throw new Refused(400, "invalid_request", "The request target must be UTF-8.", null, null);
        }
    }

    private static void append(StringBuilder question, String name, String value) {
        if (value != null) {
            question.append(",\"").append(name).append("\":").append(Json.text(value));
        }
    }

    /** In any case and with any parameter, for any method, a form body is part of the signature. */
    private static boolean isForm(String contentType) {
        return contentType != null && contentType.split(";", 2)[0].strip().equalsIgnoreCase(FORM);
    }

    private static boolean namesBodyHash(String authorization, String target) {
        try {
            return URLDecoder.decode(authorization + " " + target, StandardCharsets.ISO_8859_1).contains("oauth_body_hash");
        } catch (IllegalArgumentException strayPercent) {
            return true;
        }
    }

    private static byte[] read(InputStream stream) throws Refused, IOException {
        byte[] body = stream.readNBytes(BODY_MAX_BYTES + 1);
        if (body.length > BODY_MAX_BYTES) {
            throw new Refused(413, "invalid_request", "The signed body is too large.", null, null);
        }
        return body;
    }

    /** Whatever goes wrong ends in 503, never in letting the request through. */
    private Map<?, ?> ask(String question) throws Refused {
        HttpRequest request = HttpRequest.newBuilder(url).timeout(timeout).header("Authorization", "Bearer " + key)
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(question)).build();
        try {
            // The request's own time-out ends with the headers; orTimeout() covers the body, too.
            HttpResponse<String> response = client.sendAsync(request, HttpResponse.BodyHandlers.ofString())
                    .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS).join();
            if (response.statusCode() == 200 && Json.read(response.body()) instanceof Map<?, ?> answer) {
                return answer;
            }
            // 503: a store is down; 401, 403, 400: this server's key or configuration is wrong
            throw unavailable(response.statusCode() + " " + response.body(),
                    response.headers().firstValue("Retry-After").orElse("1"));
        } catch (CompletionException | IllegalArgumentException error) {
            throw unavailable(error.toString(), "1");
        }
    }

    private static Verdict verdict(Map<?, ?> answer, int leastLegs, byte[] body) throws Refused {
        if (answer.get("active") != Boolean.TRUE) {
            throw refusal(answer.get("problem"));
        }
        if (!(answer.get("oauth1") instanceof Map<?, ?> oauth1) || !(oauth1.get("legs") instanceof Number legs)) {
            throw unavailable("an answer without oauth1.legs", "1");
        }
        if ("unchecked".equals(oauth1.get("body_hash"))) {
            throw new Refused(401, "signature_invalid", "oauth_body_hash was not checked", "OAuth", null);
        }
        if (legs.intValue() < leastLegs) {
            throw new Refused(401, "token_rejected", "This needs a token.", "OAuth", null);
        }
        return new Verdict((String) answer.get("client_id"), (String) answer.get("sub"),
                (String) answer.get("username"), (String) answer.get("scope"), body);
    }

    private static Refused refusal(Object problem) {
        if (problem instanceof Map<?, ?> p && p.get("status") instanceof Number status && status.intValue() >= 400
                && status.intValue() != 503) {
            return new Refused(status.intValue(), (String) p.get("code"), (String) p.get("description"),
                    (String) p.get("www_authenticate"), null);
        }
        return unavailable("no verdict in the answer", "1");
    }

    private static Refused unavailable(String why, String retryAfter) {
        System.err.println("the introspection service: " + why);
        return new Refused(503, "temporarily_unavailable", "The signature could not be checked. Sign a new request.",
                null, retryAfter);
    }
}
