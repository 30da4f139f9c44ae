package io.migratekit.cli;

import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.HostKeys;
import io.migratekit.tunnel.SshKeys;
import io.migratekit.tunnel.SshTarget;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelLimits;
import io.migratekit.tunnel.TunnelSpec;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What does {@code [tunnel.NAME]} of the configuration mean?
 *
 * @param health an address on the hub that answers when the hub is well
 */
record TunnelConfig(TunnelSpec spec, Optional<URI> health) {
    /** A file that systemd hands to the service: {@code credential:NAME}. */
    private static final String CREDENTIAL = "credential:";

    private static final Duration MOST_UNACKNOWLEDGED = Duration.ofMinutes(2);

    private static final String NAMES = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";

    /** @param environment where systemd says in which folder credentials are */
    static TunnelConfig read(String name, ConfigTable table, Map<String, String> environment) {
        if (!name.matches(NAMES)) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    "'" + name + "' cannot be the name of a tunnel: letters, digits, '.', '_' and '-' can, at most 64");
        }
        SshTarget.Configured configured = target(table);
        TunnelSpec spec = TunnelSpec.of(
                        name, configured.target(), keys(table, configured, environment), hostKeys(table, configured))
                .withLimits(limits(table));
        Forward[] forwards = forwards(table).toArray(Forward[]::new);
        TunnelSpec led = meant(table, "forwards", () -> spec.withForwards(forwards));
        TunnelSpec whole = table.number("data-links")
                .map(links -> meant(table, "data-links", () -> led.withDataLinks(links)))
                .orElse(led);
        Optional<URI> health = table.text("health").map(text -> healthOf(table, text));
        table.refuseTheRest();
        return new TunnelConfig(whole, health);
    }

    private static SshTarget.Configured target(ConfigTable table) {
        String host = table.requiredText("host");
        String user = table.text("user").map(text -> text + "@").orElse("");
        String port = table.number("port").map(number -> ":" + number).orElse("");
        String bracketed = host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host;
        Optional<Path> entries = table.path("ssh-config");
        entries.filter(file -> !Files.isReadable(file)).ifPresent(file -> {
            throw table.wrong("ssh-config", "names a file that cannot be read: " + file);
        });
        String text = user + bracketed + port;
        return meant(
                table,
                "host",
                () -> entries.map(file -> SshTarget.parse(text, file))
                        .orElseGet(() -> new SshTarget.Configured(SshTarget.parse(text), List.of(), List.of())));
    }

    private static SshKeys keys(ConfigTable table, SshTarget.Configured configured, Map<String, String> environment) {
        Optional<Path> key = file(table, "key", environment).or(() -> credential("key", environment));
        Optional<Path> passphrase =
                file(table, "passphrase-file", environment).or(() -> credential("passphrase", environment));
        Optional<Path> agent = table.path("agent");
        if (key.isEmpty() && agent.isEmpty() && configured.keys().isEmpty()) {
            return SshKeys.ofUser();
        }
        List<SshKeys.KeyFile> files = key.map(List::of).orElse(configured.keys()).stream()
                .map(path -> new SshKeys.KeyFile(path, passphrase))
                .toList();
        return new SshKeys(files, agent);
    }

    private static Optional<Path> file(ConfigTable table, String key, Map<String, String> environment) {
        Optional<String> text = table.text(key).filter(words -> words.startsWith(CREDENTIAL));
        if (text.isEmpty()) {
            return table.path(key);
        }
        String name = text.get().substring(CREDENTIAL.length());
        return Optional.of(credential(name, environment)
                .orElseThrow(() -> table.wrong(
                        key,
                        "wants the credential '" + name + "', which systemd did not hand over (LoadCredential=" + name
                                + ":FILE in the unit)")));
    }

    private static Optional<Path> credential(String name, Map<String, String> environment) {
        return Optional.ofNullable(environment.get("CREDENTIALS_DIRECTORY"))
                .map(folder -> Path.of(folder).resolve(name))
                .filter(Files::isReadable);
    }

    private static HostKeys hostKeys(ConfigTable table, SshTarget.Configured configured) {
        Optional<Path> file = table.path("known-hosts");
        Optional<String> fingerprint = table.text("fingerprint");
        if (file.isPresent() && fingerprint.isPresent()) {
            throw table.wrong("fingerprint", "does not go with known-hosts: they are two ways to know one host");
        }
        if (fingerprint.isPresent()) {
            return meant(table, "fingerprint", () -> new HostKeys.Pinned(fingerprint.get()));
        }
        return file.map(path -> new HostKeys.KnownHosts(List.of(path)))
                .orElseGet(() -> configured.knownHosts().isEmpty()
                        ? HostKeys.KnownHosts.ofUser()
                        : new HostKeys.KnownHosts(configured.knownHosts()));
    }

    private static TunnelLimits limits(ConfigTable table) {
        TunnelLimits usual = TunnelLimits.DEFAULT;
        TunnelLimits timed = table.time("timeout").map(usual::withTimeout).orElse(usual);
        var interval = table.time("keepalive").orElse(usual.keepalive());
        int misses = table.number("misses").orElse(usual.misses());
        if (interval.toMillis() < 100) {
            throw table.wrong("keepalive", "is to be at least 100ms");
        }
        if (misses < 1) {
            throw table.wrong("misses", "is to be at least 1");
        }
        return timed.withKeepalive(interval, misses).withUnacknowledged(unacknowledged(usual, interval, misses));
    }

    /** Whoever is patient with signs of life wants the kernel to be so, too, but not without any bound. */
    private static Duration unacknowledged(TunnelLimits usual, Duration interval, int misses) {
        Duration silence = interval.multipliedBy(misses).plusSeconds(5);
        Duration bounded = silence.compareTo(MOST_UNACKNOWLEDGED) < 0 ? silence : MOST_UNACKNOWLEDGED;
        return bounded.compareTo(usual.unacknowledged()) < 0 ? usual.unacknowledged() : bounded;
    }

    private static List<Forward> forwards(ConfigTable table) {
        List<Forward> forwards = new ArrayList<>();
        for (ConfigTable one : table.tables("forwards")) {
            String type = one.requiredText("type");
            String listen = one.requiredText("listen");
            String to = one.requiredText("to");
            forwards.add(
                    switch (type) {
                        case "local" -> local(one, listen, to);
                        case "reverse" -> meant(one, "listen", () -> reverse(listen, to));
                        default -> throw one.wrong("type", "is to be local or reverse, not " + type);
                    });
            one.refuseTheRest();
        }
        return forwards;
    }

    private static Forward local(ConfigTable one, String listen, String to) {
        Forward.Traffic traffic = switch (one.text("traffic").orElse("data")) {
            case "data" -> Forward.Traffic.DATA;
            case "control" -> Forward.Traffic.CONTROL;
            default -> throw one.wrong("traffic", "is to be data or control");
        };
        var near = meant(one, "listen", () -> Forward.near(listen));
        return meant(one, "to", () -> Forward.local(near, to, traffic));
    }

    private static Forward reverse(String listen, String to) {
        // Where sshd listens is written like the far end of a local forward: an address of the hub.
        Forward.LocalTcp hub =
                Forward.local(Forward.loopback(0), listen, Forward.Traffic.CONTROL) instanceof Forward.LocalTcp tcp
                        ? tcp
                        : null;
        if (hub == null) {
            throw new CommandFailed(ExitCode.USAGE, "a reverse forward listens on a port of the hub, not on a socket");
        }
        return new Forward.ReverseTcp(hub.hubHost(), hub.hubPort(), Forward.near(to));
    }

    private static URI healthOf(ConfigTable table, String text) {
        try {
            URI uri = URI.create(text);
            if ("http".equals(uri.getScheme()) && uri.getHost() != null && uri.getPort() > 0) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // Said below, for this and for other schemes.
        }
        throw table.wrong("health", "is to look like http://127.0.0.1:9081/health, as the hub sees it; not " + text);
    }

    /** The tunnel's own words about a mistake, with the place where it was made. */
    private static <T> T meant(ConfigTable table, String key, Supplier<T> reading) {
        try {
            return reading.get();
        } catch (TunnelException.BadSpec e) {
            throw table.wrong(key, "is wrong: " + e.getMessage());
        } catch (CommandFailed e) {
            throw table.wrong(key, "is wrong: " + e.getMessage());
        }
    }

    /** The first forward to the hub that leads to data: what a check tries when it is told nothing else. */
    Optional<Forward.Local> firstDataForward() {
        return spec.forwards().stream()
                .filter(Forward.Local.class::isInstance)
                .map(Forward.Local.class::cast)
                .filter(forward -> forward.traffic() == Forward.Traffic.DATA)
                .findFirst()
                .map(forward -> switch (forward) {
                    case Forward.LocalTcp tcp ->
                        new Forward.LocalTcp(near(), tcp.hubHost(), tcp.hubPort(), tcp.traffic());
                    case Forward.LocalUnix unix -> new Forward.LocalUnix(near(), unix.hubSocket(), unix.traffic());
                });
    }

    private static InetSocketAddress near() {
        return Forward.loopback(0);
    }
}
