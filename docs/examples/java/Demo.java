import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/** A whole service: `javac *.java && java Demo`. Configured by the environment. */
public final class Demo {
    private static final Map<String, String> ENV = System.getenv();
    private static final OAuth1 OAUTH1 = new OAuth1(ENV.get("INTROSPECTION_URL"), ENV.get("INTROSPECTION_KEY"),
            ENV.get("ORIGIN"),
            Duration.ofMillis((long) (1000 * Double.parseDouble(ENV.getOrDefault("INTROSPECTION_TIMEOUT", "3")))));

    private static final int READ_ON_MAX_BYTES = 16 << 20;

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(ENV.get("PORT"))), 0);
        server.createContext("/", Demo::serve);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
    }

    private static void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            try {
                show(exchange, judge(exchange));
            } catch (OAuth1.Refused refused) {
                refuse(exchange, refused);
            }
            readOn(exchange);
        }
    }

    /** This server reads on for 64 KB of a body that nobody read, and then closes. A client that still sends, or has not
     * read its reply yet, then gets a reset instead, where its connection was to be closed anyway. */
    private static void readOn(HttpExchange exchange) throws IOException {
        byte[] bytes = new byte[8192];
        int left = READ_ON_MAX_BYTES;
        for (int got = 0; got >= 0 && left > 0; left -= got) {
            got = exchange.getRequestBody().read(bytes);
        }
    }

    /** The text of the URI is the target byte for byte; of its parts getPath() is decoded, and of `//x/y` getRawPath()
     * is `/y`. (What java.net.URI does not take, such as `{}`, this server answers 400 by itself.) */
    private static OAuth1.Verdict judge(HttpExchange exchange) throws OAuth1.Refused, IOException {
        String target = OAuth1.utf8(exchange.getRequestURI().toString());
        List<String> authorization = exchange.getRequestHeaders().get("Authorization");
        boolean twoLegged = target.startsWith("/batch");
        return OAUTH1.judge(exchange.getRequestMethod(), target,
                authorization == null ? null : String.join(", ", authorization), // two are one too many; the service says so
                exchange.getRequestHeaders().getFirst("Content-Type"), exchange.getRequestBody(),
                target.startsWith("/admin") ? "photos:write" : "photos:read", twoLegged ? 2 : 3);
    }

    private static void show(HttpExchange exchange, OAuth1.Verdict verdict) throws IOException {
        Map<String, List<String>> form = new LinkedHashMap<>();
        String type = exchange.getRequestHeaders().getFirst("Content-Type");
        if (verdict.body() != null && type != null && type.toLowerCase().contains("urlencoded")) {
            form = fields(new String(verdict.body(), StandardCharsets.UTF_8));
        }
        String fields = form.entrySet().stream().map(Demo::member).collect(Collectors.joining(","));
        answer(exchange, 200, "{\"client_id\":" + Json.text(verdict.clientId()) + ",\"user\":"
                + (verdict.username() == null ? "null" : Json.text(verdict.username())) + ",\"scope\":"
                + Json.text(verdict.scope()) + ",\"form\":{" + fields + "}}");
    }

    private static String member(Map.Entry<String, List<String>> field) {
        return Json.text(field.getKey()) + ":"
                + field.getValue().stream().map(Json::text).collect(Collectors.joining(",", "[", "]"));
    }

    private static Map<String, List<String>> fields(String body) {
        Map<String, List<String>> fields = new LinkedHashMap<>();
        for (String pair : body.split("&")) {
            String[] parts = (pair + "=").split("=", 3);
            if (!pair.isEmpty()) {
                fields.computeIfAbsent(decode(parts[0]), name -> new ArrayList<>()).add(decode(parts[1]));
            }
        }
        return fields;
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static void refuse(HttpExchange exchange, OAuth1.Refused refused) throws IOException {
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        if (refused.challenge != null) {
            exchange.getResponseHeaders().set("WWW-Authenticate", refused.challenge);
        }
        if (refused.retryAfter != null) {
            exchange.getResponseHeaders().set("Retry-After", refused.retryAfter);
        }
        answer(exchange, refused.status, refused.json());
    }

    private static void answer(HttpExchange exchange, int status, String json) throws IOException {
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.getResponseBody().flush();
    }
}
