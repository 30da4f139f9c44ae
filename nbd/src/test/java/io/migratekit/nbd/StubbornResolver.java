package io.migratekit.nbd;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolverProvider;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** What if the name server never answers? The JDK's own resolver, except for some names on which it hangs. */
public final class StubbornResolver extends InetAddressResolverProvider {
    private static final String SILENT_DOMAIN = ".silent-name-server.invalid";
    private static final AtomicInteger NAMES = new AtomicInteger();

    /** A name on which the look-up hangs. Another one each time, for the JDK remembers what became of earlier ones. */
    static String silentHost() {
        return "host-" + NAMES.incrementAndGet() + SILENT_DOMAIN;
    }

    @Override
    public InetAddressResolver get(Configuration configuration) {
        InetAddressResolver builtin = configuration.builtinResolver();
        return new InetAddressResolver() {
            @Override
            public Stream<InetAddress> lookupByName(String host, LookupPolicy policy) throws UnknownHostException {
                long end = System.nanoTime() + 30_000_000_000L;
                while (host.endsWith(SILENT_DOMAIN) && System.nanoTime() < end) {
                    LockSupport.parkNanos(1_000_000_000L);
                }
                return builtin.lookupByName(host, policy);
            }

            @Override
            public String lookupByAddress(byte[] address) throws UnknownHostException {
                return builtin.lookupByAddress(address);
            }
        };
    }

    @Override
    public String name() {
        return "stubborn";
    }
}
