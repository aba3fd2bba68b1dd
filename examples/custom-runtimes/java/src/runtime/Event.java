package runtime;

import java.util.Base64;
import java.util.Map;

/**
 * What a function receives. A field that the trigger does not have is empty.
 *
 * @param query strings, and lists of strings for keys that are repeated
 * @param appParams strings, numbers and booleans
 * @param body parsed JSON, or a byte array
 */
public record Event(
        String requestId,
        Map<String, Object> ids,
        Map<String, Object> query,
        Map<String, Object> headers,
        Map<String, Object> appParams,
        Object body) {

    static Event parse(String requestId, String json) {
        Map<String, Object> fields = Json.object(Json.parse(json));
        Object body = fields.get("body");
        if (Boolean.TRUE.equals(fields.get("isBase64Encoded"))) body = Base64.getDecoder().decode((String) body);
        return new Event(
                requestId,
                Json.object(fields.get("ids")),
                Json.object(fields.get("query")),
                Json.object(fields.get("headers")),
                Json.object(fields.get("appParams")),
                body);
    }
}
