package io.migratekit.vmware.soap;

import java.time.Duration;

/**
 * How long and how large may a conversation get?
 *
 * @param connect for the TCP connection and TLS
 * @param call for the whole answer to a call, its body included
 * @param retryFor how long a read-only call is repeated while the server cannot be reached
 * @param faultRepeats how often a read-only call is repeated when the server says that it is in trouble
 * @param answerBytes how long an answer may be
 * @param depth how deep elements may be nested in it; less than the 100 at which the JDK itself gives up
 */
public record SoapLimits(
        Duration connect, Duration call, Duration retryFor, int faultRepeats, int answerBytes, int depth) {
    /** The usual sizes with these times. */
    public static SoapLimits of(Duration connect, Duration call, Duration retryFor) {
        return new SoapLimits(connect, call, retryFor, 3, 64 << 20, 90);
    }

    /** The same with another cap. */
    SoapLimits withAnswerBytes(int bytes) {
        return new SoapLimits(connect, call, retryFor, faultRepeats, bytes, depth);
    }
}
