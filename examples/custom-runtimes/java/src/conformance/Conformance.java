package conformance;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import runtime.Event;
import runtime.FunctionException;
import runtime.Handler;
import runtime.Json;
import runtime.Response;

/** Does what the checks of {@code fullcode conformance} ask for. */
public final class Conformance implements Handler {
    private static final List<String> ABILITIES = List.of("echo", "binary", "fail", "sleep", "parallel", "twice");

    @Override
    public Response handle(Event event) throws Exception {
        Map<String, Object> asked = Json.object(event.body());
        switch (String.valueOf(asked.get("conformance"))) {
            case "describe":
                return Response.json(Map.of("conformance", ABILITIES));
            case "echo":
                return Response.json(asked.get("payload"));
            case "binary":
                return Response.bytes(
                        Base64.getDecoder().decode((String) asked.get("base64")), "application/octet-stream");
            case "fail":
                throw new FunctionException((String) asked.get("errorType"), (String) asked.get("errorMessage"));
            case "sleep":
                Thread.sleep((Long) asked.get("ms"));
                break;
            case "twice":
                answer(event.requestId(), "first");
                break;
            default:
                break;
        }
        return Response.json(Map.of());
    }

    private static void answer(String requestId, String text) throws Exception {
        String api = "http://" + System.getenv("RUNTIME_API_ADDR") + "/v1/runtime";
        URI uri = URI.create(api + "/invocation/response/" + requestId);
        HttpRequest request = HttpRequest.newBuilder(uri).POST(BodyPublishers.ofString(text)).build();
        HttpClient.newHttpClient().send(request, BodyHandlers.discarding());
    }
}
