import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** As much JSON as OAuth1 needs. If your service has Jackson, Gson or jakarta.json, use that instead. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** Map, List, String, Number (Double), Boolean or null; IllegalArgumentException for what is no JSON. */
    static Object read(String text) {
        Json json = new Json(text);
        try {
            Object value = json.value();
            json.space();
            if (json.at != text.length()) {
                throw new IllegalArgumentException("JSON goes on at " + json.at);
            }
            return value;
        } catch (StringIndexOutOfBoundsException | StackOverflowError end) {
            throw new IllegalArgumentException("JSON ends early or is nested too deeply");
        }
    }

    /** A JSON string. */
    static String text(String value) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : String.valueOf(value).toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    private Object value() {
        space();
        switch (text.charAt(at)) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            default:
                return bare();
        }
    }

    private Map<String, Object> object() {
        Map<String, Object> members = new HashMap<>();
        at++;
        for (boolean first = true; !closes('}', first); first = false) {
            space();
            String name = string();
            expect(':');
            members.put(name, value());
        }
        return members;
    }

    private List<Object> array() {
        List<Object> items = new ArrayList<>();
        at++;
        for (boolean first = true; !closes(']', first); first = false) {
            items.add(value());
        }
        return items;
    }

    /** At the end of an object or array; else past the comma that must stand before all values but the first. */
    private boolean closes(char end, boolean first) {
        space();
        if (text.charAt(at) == end) {
            at++;
            return true;
        }
        if (!first) {
            expect(',');
        }
        return false;
    }

    private String string() {
        StringBuilder out = new StringBuilder();
        expect('"');
        for (char c; (c = text.charAt(at++)) != '"';) {
            out.append(c == '\\' ? escaped(text.charAt(at++)) : c);
        }
        return out.toString();
    }

    private char escaped(char c) {
        if (c == 'u') {
            at += 4;
            return (char) Integer.parseInt(text.substring(at - 4, at), 16);
        }
        int index = "bfnrt\"\\/".indexOf(c);
        if (index < 0) {
            throw new IllegalArgumentException("no JSON escape: " + c);
        }
        return "\b\f\n\r\t\"\\/".charAt(index);
    }

    private Object bare() {
        int begin = at;
        while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        String word = text.substring(begin, at);
        return switch (word) {
            case "true" -> Boolean.TRUE;
            case "false" -> Boolean.FALSE;
            case "null" -> null;
            default -> Double.valueOf(word); // NumberFormatException is an IllegalArgumentException
        };
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private void expect(char c) {
        space();
        if (text.charAt(at++) != c) {
            throw new IllegalArgumentException("JSON needs " + c + " at " + (at - 1));
        }
    }
}
