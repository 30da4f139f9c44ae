package io.migratekit.vmware;

import java.net.URI;

/**
 * Where is the vCenter or ESXi host?
 *
 * @param host a name or a numeric address, an IPv6 one without brackets
 */
public record Endpoint(String host, int port) {
    private static final int HTTPS = 443;

    /** Reads {@code host}, {@code host:port} or {@code https://host[:port][/sdk]}. */
    public static Endpoint parse(String text) {
        String address = text.strip();
        URI uri;
        try {
            uri = URI.create(address.contains("://") ? address : "https://" + address);
        } catch (IllegalArgumentException e) {
            throw bad(address);
        }
        String host = uri.getHost();
        if (host == null || uri.getUserInfo() != null) {
            throw bad(address);
        }
        if (!"https".equalsIgnoreCase(uri.getScheme())) {
            throw new VSphereException.BadSpec(
                    address + " is not an HTTPS address; a vCenter is never asked without encryption");
        }
        return new Endpoint(host.replaceAll("^\\[|]$", ""), uri.getPort() < 0 ? HTTPS : uri.getPort());
    }

    private static VSphereException bad(String text) {
        return new VSphereException.BadSpec("not the address of a vCenter: " + text
                + ". Write host, host:port or https://host[:port], without a user name");
    }

    /** The address of its web services. */
    public URI sdk() {
        return URI.create("https://" + this + "/sdk");
    }

    /** Host and port, as they stand in an address. */
    @Override
    public String toString() {
        String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        return port == HTTPS ? name : name + ":" + port;
    }
}
