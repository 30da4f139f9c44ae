package io.migratekit.vmware.soap;

import java.net.URI;
import javax.net.ssl.SSLContext;

/**
 * To whom do we talk, whom do we trust, and in which version of the language?
 *
 * @param tls decides whom we trust; belongs to this conversation alone
 * @param apiVersion such as {@code 6.5}: the server answers as servers of that version did
 */
public record SoapSpec(URI sdk, SSLContext tls, String apiVersion, SoapLimits limits, Waits waits) {
    /** The first version that knows all that we ask for: encryption keys came with it. */
    public static final String USUAL_API_VERSION = "6.5";

    /** What is tried when the server does not know the version. */
    static final String OLDER_API_VERSION = "6.0";

    /** Who hears of a wait before it begins? */
    @FunctionalInterface
    public interface Waits {
        void waiting(String what, java.time.Duration atMost);

        /** It is over, one way or the other. */
        default void waited(String what) {}
    }
}
