package io.migratekit.nbd;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolverProvider;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** What if the name server never answers? The JDK's own resolver, except for one name on which it hangs. */
public final class StubbornResolver extends InetAddressResolverProvider {
    static final String SILENT_HOST = "silent-name-server.invalid";

    @Override
    public InetAddressResolver get(Configuration configuration) {
        InetAddressResolver builtin = configuration.builtinResolver();
        return new InetAddressResolver() {
            @Override
            public Stream<InetAddress> lookupByName(String host, LookupPolicy policy) throws UnknownHostException {
                long end = System.nanoTime() + 30_000_000_000L;
                while (host.equals(SILENT_HOST) && System.nanoTime() < end) {
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
