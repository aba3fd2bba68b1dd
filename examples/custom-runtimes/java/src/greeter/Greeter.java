package greeter;

import java.util.LinkedHashMap;
import java.util.Map;
import runtime.Event;
import runtime.Handler;
import runtime.Json;
import runtime.Response;

/** Greets whom the path names, or the message of a queue; a body of bytes comes back as it is. */
public final class Greeter implements Handler {

    /** What greeting nobody fails with. */
    public static final class NobodyError extends Exception {
        private static final long serialVersionUID = 1;

        NobodyError() {
            super("nobody cannot be greeted");
        }
    }

    @Override
    public Response handle(Event event) throws NobodyError {
        Object message = Json.object(event.body()).getOrDefault("name", "world");
        Object name = event.ids().getOrDefault("name", message);
        if (name.equals("nobody")) throw new NobodyError();
        if (event.body() instanceof byte[] bytes)
            return Response.bytes(bytes, event.headers().get("content-type").toString());

        Object word = event.query().getOrDefault("greeting", "Hello");
        Map<String, Object> greeting = new LinkedHashMap<>();
        greeting.put("greeting", word + ", " + name + event.appParams().get("mark"));
        greeting.put("body", event.body());
        return Response.json(greeting);
    }
}
