package runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON (RFC 8259) as Map, List, String, Long, Double, Boolean and null. */
public final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** @throws IllegalArgumentException for a text that is not JSON; the message says where. */
    public static Object parse(String text) {
        Json json = new Json(text);
        Object value = json.value();
        if (json.peek() != '\0') throw json.unexpected();
        return value;
    }

    public static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    /** The fields of an object; none for anything else. */
    @SuppressWarnings("unchecked")
    public static Map<String, Object> object(Object value) {
        return value instanceof Map ? (Map<String, Object>) value : Map.of();
    }

    private Object value() {
        return switch (peek()) {
            case '{' -> objectValue();
            case '[' -> array();
            case '"' -> string();
            case 't' -> literal("true", true);
            case 'f' -> literal("false", false);
            case 'n' -> literal("null", null);
            default -> number();
        };
    }

    private Map<String, Object> objectValue() {
        Map<String, Object> fields = new LinkedHashMap<>();
        expect('{');
        if (skip('}')) return fields;
        do {
            if (peek() != '"') throw unexpected();
            String name = string();
            expect(':');
            fields.put(name, value());
        } while (skip(','));
        expect('}');
        return fields;
    }

    private List<Object> array() {
        List<Object> items = new ArrayList<>();
        expect('[');
        if (skip(']')) return items;
        do items.add(value());
        while (skip(','));
        expect(']');
        return items;
    }

    private String string() {
        int start = ++at;
        int end = plainEnd();
        if (text.charAt(end) == '"') {
            at = end + 1;
            return text.substring(start, end);
        }
        StringBuilder out = new StringBuilder();
        while (text.charAt(end) != '"') {
            out.append(text, at, end);
            at = end + 1;
            out.append(escape());
            end = plainEnd();
        }
        out.append(text, at, end);
        at = end + 1;
        return out.toString();
    }

    /** Where the next quote or backslash is. */
    private int plainEnd() {
        for (int end = at; end < text.length(); end++) {
            char character = text.charAt(end);
            if (character == '"' || character == '\\') return end;
            if (character < ' ') break;
        }
        throw unexpected();
    }

    private char escape() {
        char character = at < text.length() ? text.charAt(at++) : '\0';
        return switch (character) {
            case '"', '\\', '/' -> character;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> (char) Integer.parseInt(text, at, at += 4, 16);
            default -> throw unexpected();
        };
    }

    private Object literal(String word, Object value) {
        if (!text.startsWith(word, at)) throw unexpected();
        at += word.length();
        return value;
    }

    private Number number() {
        int start = at;
        while (at < text.length() && "+-.0123456789Ee".indexOf(text.charAt(at)) >= 0) at++;
        String digits = text.substring(start, at);
        try {
            return Long.valueOf(digits);
        } catch (NumberFormatException notWhole) {
            try {
                return Double.valueOf(digits);
            } catch (NumberFormatException notNumber) {
                at = start;
                throw unexpected();
            }
        }
    }

    /** The next character that is not white space, or NUL at the end. */
    private char peek() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) at++;
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private boolean skip(char character) {
        if (peek() != character) return false;
        at++;
        return true;
    }

    private void expect(char character) {
        if (!skip(character)) throw unexpected();
    }

    private IllegalArgumentException unexpected() {
        return new IllegalArgumentException("not JSON at character " + at);
    }

    private static void write(Object value, StringBuilder out) {
        if (value instanceof Map<?, ?> map) {
            String separator = "{";
            for (Map.Entry<?, ?> field : map.entrySet()) {
                out.append(separator);
                writeString(field.getKey().toString(), out);
                out.append(':');
                write(field.getValue(), out);
                separator = ",";
            }
            out.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            String separator = "[";
            for (Object item : list) {
                out.append(separator);
                write(item, out);
                separator = ",";
            }
            out.append(list.isEmpty() ? "[]" : "]");
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            writeString(value.toString(), out);
        }
    }

    private static void writeString(String string, StringBuilder out) {
        out.append('"');
        for (int index = 0; index < string.length(); index++) {
            char character = string.charAt(index);
            if (character == '"' || character == '\\') out.append('\\').append(character);
            else if (character < ' ') out.append(String.format("\\u%04x", (int) character));
            else out.append(character);
        }
        out.append('"');
    }
}
