package runtime;

import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** The answer to the caller. */
public record Response(int statusCode, Map<String, String> headers, String body, boolean isBase64Encoded) {

    public static Response json(Object value) {
        return new Response(200, Map.of("content-type", "application/json"), Json.write(value), false);
    }

    public static Response bytes(byte[] bytes, String contentType) {
        return new Response(200, Map.of("content-type", contentType), Base64.getEncoder().encodeToString(bytes), true);
    }

    String toJson() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("statusCode", statusCode);
        fields.put("isBase64Encoded", isBase64Encoded);
        fields.put("headers", headers);
        fields.put("body", body);
        return Json.write(fields);
    }
}
