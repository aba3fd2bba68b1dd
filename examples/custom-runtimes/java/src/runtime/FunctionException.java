package runtime;

/** A failure with a type of its own; that of any other exception is the name of its class. */
public final class FunctionException extends Exception {
    private static final long serialVersionUID = 1;

    private final String type;

    public FunctionException(String type, String message) {
        super(message);
        this.type = type;
    }

    public String type() {
        return type;
    }
}
