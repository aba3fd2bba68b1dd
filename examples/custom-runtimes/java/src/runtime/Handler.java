package runtime;

/** A function: a class with a constructor without parameters, named by RUNTIME_HANDLER. */
@FunctionalInterface
public interface Handler {
    /** An exception becomes an answer with status 500. */
    Response handle(Event event) throws Exception;
}
