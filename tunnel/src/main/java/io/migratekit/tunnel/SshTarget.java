package io.migratekit.tunnel;

import com.jcraft.jsch.ConfigRepository;
import com.jcraft.jsch.OpenSSHConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which SSH server, and as whom?
 *
 * @param host a name or a numeric address, without brackets
 * @param alias the name under which known_hosts knows it, where that is another one
 */
public record SshTarget(String user, String host, int port, Optional<String> alias) {
    private static final int DEFAULT_PORT = 22;
    private static final Pattern FORM = Pattern.compile(
            "(?:(?<user>[^@\\s]+)@)?(?:\\[(?<six>[0-9A-Fa-f:.%\\w]+)]|(?<host>[^@:\\s\\[\\]]+))(?::(?<port>\\d{1,5}))?");

    /** What an entry of {@code ~/.ssh/config} says besides the address. */
    public record Configured(SshTarget target, List<Path> keys, List<Path> knownHosts) {}

    /** Reads {@code [user@]host[:port]}; an IPv6 address stands in brackets. The user is by default who runs this. */
    public static SshTarget parse(String text) {
        Matcher words = words(text);
        return new SshTarget(
                Optional.ofNullable(words.group("user")).orElse(System.getProperty("user.name")),
                hostOf(words),
                portOf(words, DEFAULT_PORT),
                Optional.empty());
    }

    /** The same, but the host may be a Host entry of this file; what the text itself says goes first. */
    public static Configured parse(String text, Path configuration) {
        SshTarget plain = parse(text);
        if (!Files.isReadable(configuration)) {
            return new Configured(plain, List.of(), List.of());
        }
        Matcher words = words(text);
        ConfigRepository.Config entry = read(configuration).getConfig(plain.host());
        if (entry.getValue("ProxyJump") != null || entry.getValue("ProxyCommand") != null) {
            throw new TunnelException.BadSpec(
                    "the entry for " + plain.host() + " in " + configuration + " goes through another host (ProxyJump,"
                            + " ProxyCommand), which this tunnel cannot. Name a host that is reached directly.",
                    null);
        }
        String user = Optional.ofNullable(words.group("user"))
                .or(() -> Optional.ofNullable(entry.getUser()))
                .orElse(plain.user());
        String host = Optional.ofNullable(entry.getHostname()).orElse(plain.host());
        int port = portOf(words, entry.getPort() > 0 ? entry.getPort() : DEFAULT_PORT);
        Optional<String> alias = Optional.ofNullable(entry.getValue("HostKeyAlias"));
        return new Configured(
                new SshTarget(user, host, port, alias),
                paths(entry.getValues("IdentityFile")),
                paths(entry.getValues("UserKnownHostsFile")));
    }

    private static OpenSSHConfig read(Path configuration) {
        try {
            return OpenSSHConfig.parseFile(configuration.toString());
        } catch (IOException e) {
            throw new TunnelException.BadSpec("cannot read " + configuration + ": " + e.getMessage(), e);
        }
    }

    private static List<Path> paths(String @org.jspecify.annotations.Nullable [] values) {
        return values == null
                ? List.of()
                : Stream.of(values)
                        .flatMap(value -> Stream.of(value.strip().split("\\s+")))
                        .map(value -> value.startsWith("~/")
                                ? Path.of(System.getProperty("user.home"), value.substring(2))
                                : Path.of(value))
                        .toList();
    }

    private static Matcher words(String text) {
        Matcher words = FORM.matcher(text);
        if (!words.matches()) {
            throw new TunnelException.BadSpec(
                    text.isBlank()
                            ? "no SSH server is named: write user@host or user@host:port"
                            : "write user@host or user@host:port, not " + text,
                    null);
        }
        return words;
    }

    private static String hostOf(Matcher words) {
        String six = words.group("six");
        return six == null ? words.group("host") : six;
    }

    private static int portOf(Matcher words, int otherwise) {
        String port = words.group("port");
        int number = port == null ? otherwise : Integer.parseInt(port);
        if (number < 1 || number > 65535) {
            throw new TunnelException.BadSpec(number + " is not a port; ports are 1 to 65535.", null);
        }
        return number;
    }

    /** As it is written in messages. */
    @Override
    public String toString() {
        return user + "@" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
