package io.migratekit.cli;

import io.migratekit.agent.hub.HubAddress;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Secret;
import io.migratekit.tunnel.Forward;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which hub is asked, and who are we there? */
final class HubOptions {
    private static final String VARIABLE = "MIGRATEKIT_HUB_TOKEN";
    private static final String CREDENTIAL = "hub-token";
    private static final String ALTERNATIVES =
            "--hub-token-file FILE, the variable " + VARIABLE + ", or systemd's credential '" + CREDENTIAL + "'";

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--hub",
            paramLabel = "URL|unix:PATH",
            description = "The hub that keeps the backups, as `migratekit hub serve` listens; with --ssh or --tunnel as"
                    + " seen from that host. Without it: [hub] of the configuration.")
    private @Nullable String hub;

    @Option(
            names = "--hub-token-file",
            paramLabel = "FILE",
            description = "File whose first line is the token of `migratekit hub token add`. Without it: the variable "
                    + VARIABLE + ", then systemd's credential '" + CREDENTIAL + "'. A unix socket needs none.")
    private @Nullable Path tokenFile;

    /** Refused before its value is even kept: it would stand in the list of processes, for everybody to read. */
    @SuppressWarnings("DoNotCallSuggester") // picocli calls it, to be refused.
    @Option(names = "--hub-token", paramLabel = "VALUE", hidden = true)
    void refuseToken(String ignored) {
        throw new ParameterException(
                mixee.commandLine(),
                "a token on the command line can be read by everybody on this machine; use " + ALTERNATIVES
                        + ". Consider the one just given as known, and remove it");
    }

    boolean given() {
        return hub != null;
    }

    /** What was not said is taken from the configuration, if that names a hub; also the way there. */
    void fillFrom(Optional<ConfigFile> file, RoadOptions road) {
        if (hub != null) {
            return;
        }
        file.flatMap(ConfigFile::hub).ifPresent(configured -> {
            hub = configured.url();
            tokenFile = tokenFile == null ? configured.tokenFile().orElse(null) : tokenFile;
            configured.tunnel().ifPresent(road::useUnlessGiven);
        });
    }

    /**
     * Who asks the hub, by the way that leads there.
     *
     * @param silence the longest time without a sign of life
     * @param retryFor a hub that cannot be reached is asked again for so long
     */
    HubClient client(@Nullable Way way, Duration silence, Duration retryFor, HubClient.Listener listener) {
        String wanted = hub;
        if (wanted == null) {
            throw new ParameterException(
                    mixee.commandLine(),
                    "say with --hub which hub, such as --hub http://127.0.0.1:9080, or in [hub] of the configuration");
        }
        return client(
                mixee.commandLine(),
                HubAddress.parse(wanted),
                token(System.getenv()),
                way,
                new HubClient.Limits(silence, retryFor),
                listener);
    }

    /** Who asks the hub at this address; a token does not travel where others can read it. */
    static HubClient client(
            CommandLine command,
            HubAddress address,
            @Nullable Secret token,
            @Nullable Way way,
            HubClient.Limits limits,
            HubClient.Listener listener) {
        if (way == null && token != null && address.isOpenToReaders()) {
            throw new ParameterException(
                    command,
                    "the token would travel to " + address + " for everybody to read; reach the hub through SSH or a"
                            + " tunnel, with its address as seen from there");
        }
        return new HubClient(
                way == null ? address : address.through(way.name(), way.door(there(address), Forward.Traffic.CONTROL)),
                token,
                limits,
                listener);
    }

    private static NbdUri.Transport there(HubAddress address) {
        return address.socket()
                .<NbdUri.Transport>map(path -> new NbdUri.Unix(path.toString()))
                .orElseGet(() -> new NbdUri.Tcp(
                        address.base().getHost().replaceAll("[\\[\\]]", ""),
                        address.base().getPort()));
    }

    private @Nullable Secret token(Map<String, String> environment) {
        if (tokenFile != null) {
            return SecretFile.read("token", tokenFile);
        }
        String variable = environment.get(VARIABLE);
        if (variable != null && !variable.isEmpty()) {
            return new Secret(variable.toCharArray());
        }
        String folder = environment.get("CREDENTIALS_DIRECTORY");
        Path credential = folder == null ? null : Path.of(folder, CREDENTIAL);
        return credential != null && Files.isReadable(credential) ? SecretFile.read("token", credential) : null;
    }
}
