package io.migratekit.cli;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What does sshd on the hub need, so that a tunnel can do what it must and nothing else? */
@Command(
        name = "sshd-config",
        description = {
            "Print a drop-in for sshd on the hub, and what belongs into authorized_keys, with the reason for each line.",
            "",
            "Store it there as /etc/ssh/sshd_config.d/50-migratekit.conf, check it with `sshd -t`, then `systemctl reload"
                    + " ssh`. With --key it prints the line for authorized_keys instead."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubSshdConfigCommand implements Callable<Integer> {
    private static final int MOST_PORTS = 512;
    private static final int LONGEST_KEY = 16 * 1024;
    private static final Pattern PUBLIC_KEY = Pattern.compile("[a-z][a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+={0,2}( .*)?");
    private static final Pattern PART = Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?");

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Option(
            names = "--user",
            paramLabel = "NAME",
            defaultValue = "migratekit-tunnel",
            description = "Whom the tunnel logs in as (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private String user;

    @Option(
            names = "--ports",
            paramLabel = "A-B",
            defaultValue = "9080,10809-10908",
            description =
                    "Ports of the hub's API and of its exports (default: those of `hub serve`, ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private String ports;

    @Option(
            names = "--sockets",
            description = "The exports are unix sockets instead, which sshd cannot list as it can ports.")
    private boolean sockets;

    @Option(
            names = "--reverse-port",
            paramLabel = "PORT",
            defaultValue = "9081",
            description = "Port of the hub that leads back to the agent; 0: none (default: ${DEFAULT-VALUE}).")
    private int reversePort;

    @Option(
            names = "--key",
            paramLabel = "FILE|-",
            description = "Print the line of authorized_keys for the public key in this file, or on stdin (-), instead:"
                    + " the key behind the same fence.")
    private @Nullable String key;

    HubSshdConfigCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (!user.matches("[A-Za-z_][A-Za-z0-9_.-]*")) {
            throw mistake("--user: " + user + " is not the name of a user");
        }
        if (reversePort < 0 || reversePort > 65535) {
            throw mistake("--reverse-port: " + reversePort + " is not a port");
        }
        SshdConfig config = new SshdConfig(user, sockets ? List.of() : ports(), reversePort);
        if (key == null) {
            console.out().print(config.text());
        } else {
            console.out().println(config.authorized(publicKey(key)));
        }
        return ExitCode.DONE.code();
    }

    /** The one line of the file; anything else would let nobody in, and nobody would know why. */
    private String publicKey(String from) {
        byte[] bytes;
        try (InputStream in = from.equals("-") ? System.in : Files.newInputStream(Path.of(from))) {
            bytes = in.readNBytes(LONGEST_KEY);
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.USAGE, "the key " + from + " cannot be read: " + SafeFiles.reason(e));
        }
        String line = new String(bytes, StandardCharsets.UTF_8).strip();
        if (line.contains("PRIVATE KEY")) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    "this is the private half, which stays where it is; the public one is in a file .pub");
        }
        if (!PUBLIC_KEY.matcher(line).matches()) {
            throw new CommandFailed(
                    ExitCode.USAGE, "this is not the one line of a public key, such as ssh-ed25519 AAAA... root@agent");
        }
        return line;
    }

    private List<Integer> ports() {
        List<Integer> all = new ArrayList<>();
        for (String part : ports.split(",", -1)) {
            Matcher range = PART.matcher(part.strip());
            int first = range.matches() ? Integer.parseInt(range.group(1)) : 0;
            int last = first == 0 || range.group(2) == null ? first : Integer.parseInt(range.group(2));
            if (first < 1 || last > 65535 || last < first) {
                throw mistake("--ports: " + part + " is not a port and not a range of ports; write 10809-10908");
            }
            if (last - first + all.size() >= MOST_PORTS) {
                throw mistake("--ports: more than " + MOST_PORTS + "; sshd knows no ranges, each has to be listed");
            }
            for (int port = first; port <= last; port++) {
                all.add(port);
            }
        }
        return all;
    }

    private ParameterException mistake(String words) {
        return new ParameterException(spec.commandLine(), words);
    }
}
