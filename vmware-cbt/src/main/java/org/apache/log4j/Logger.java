package org.apache.log4j;

/**
 * Who hears what the vSphere stubs say? Only warnings and errors pass: the stubs were made for log4j 1.2, which we
 * do not want, and what they trace may hold secrets. These nine methods are all that they call.
 */
public final class Logger {
    private final System.Logger log;

    private Logger(System.Logger log) {
        this.log = log;
    }

    /** The logger of this class. */
    public static Logger getLogger(Class<?> owner) {
        return new Logger(System.getLogger(owner.getName()));
    }

    public boolean isTraceEnabled() {
        return false;
    }

    public void trace(Object message) {}

    public void debug(Object message) {}

    public void debug(Object message, Throwable failure) {}

    public void info(Object message, Throwable failure) {}

    public void warn(Object message) {
        log.log(System.Logger.Level.WARNING, String.valueOf(message));
    }

    public void error(Object message) {
        log.log(System.Logger.Level.ERROR, String.valueOf(message));
    }

    /** An error and where it came from. */
    public void error(Object message, Throwable failure) {
        log.log(System.Logger.Level.ERROR, String.valueOf(message), failure);
    }
}
