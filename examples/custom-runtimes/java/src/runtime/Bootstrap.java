package runtime;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** A runtime in Java: gets events from the runtime API and hands each one to the class that RUNTIME_HANDLER names. */
public final class Bootstrap {
    private static final String API = "http://" + System.getenv("RUNTIME_API_ADDR") + "/v1/runtime";
    private static final String REQUEST_ID = "X-Cff-Request-Id";

    /** Has no timeout: the wait for an event has no end. */
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        Bootstrap bootstrap = new Bootstrap();
        Handler handler;
        try {
            Class<?> type = Class.forName(System.getenv("RUNTIME_HANDLER"));
            handler = (Handler) type.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException | ClassCastException | LinkageError error) {
            bootstrap.post("/init/error", describe(error));
            throw error;
        }
        // as many loops as there can be events at the same time
        int concurrency = Integer.parseInt(System.getenv().getOrDefault("RUNTIME_CONCURRENCY", "1"));
        for (int i = 0; i < concurrency; i++) new Thread(() -> bootstrap.processEvents(handler)).start();
    }

    /** The loop: the answer to a response is the next event; after an error, it is asked for. */
    private void processEvents(Handler handler) {
        HttpResponse<String> event = null;
        while (true) {
            try {
                if (event == null) event = get("/invocation/request");
                else event = process(handler, event);
                if (event.headers().firstValue(REQUEST_ID).isEmpty()) event = null;
            } catch (IOException error) {
                System.err.println("the runtime API cannot be reached: " + error);
                event = null;
            } catch (InterruptedException error) {
                return;
            }
        }
    }

    private HttpResponse<String> process(Handler handler, HttpResponse<String> event)
            throws IOException, InterruptedException {
        String requestId = event.headers().firstValue(REQUEST_ID).orElseThrow();
        String response;
        try {
            response = handler.handle(Event.parse(requestId, event.body())).toJson();
        } catch (Exception | StackOverflowError error) {
            error.printStackTrace();
            return post("/invocation/error/" + requestId, describe(error));
        }
        return post("/invocation/response/" + requestId + "?next=true", response);
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(API + path)).build());
    }

    private HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(API + path))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(json))
                .build());
    }

    private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200)
            System.err.println(request.uri() + ": " + response.statusCode() + " " + response.body());
        return response;
    }

    private static String describe(Throwable error) {
        String message = error.getMessage() == null ? "" : error.getMessage();
        String type = error instanceof FunctionException failure ? failure.type() : error.getClass().getSimpleName();
        return Json.write(Map.of("errorType", type, "errorMessage", message));
    }
}
