package io.migratekit.tunnel;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What do we prove who we are with? Names of files only: secrets are read when a link is made, and
 * forgotten then.
 *
 * @param files private keys, tried in this order
 * @param agent the socket of an ssh-agent whose keys are tried after the files
 */
public record SshKeys(List<KeyFile> files, Optional<Path> agent) {
    /** A private key, and the file whose first line is its passphrase. */
    public record KeyFile(Path key, Optional<Path> passphraseFile) {}

    public SshKeys {
        files = List.copyOf(files);
    }

    public static SshKeys of(Path key) {
        return new SshKeys(List.of(new KeyFile(key, Optional.empty())), Optional.empty());
    }

    public static SshKeys of(Path key, Path passphraseFile) {
        return new SshKeys(List.of(new KeyFile(key, Optional.of(passphraseFile))), Optional.empty());
    }

    /** What {@code ssh} would try for this user: its agent if there is one, and the usual files. */
    public static SshKeys ofUser() {
        Path directory = Path.of(System.getProperty("user.home"), ".ssh");
        List<KeyFile> usual = Stream.of("id_ed25519", "id_ecdsa", "id_rsa")
                .map(directory::resolve)
                .filter(Files::isReadable)
                .map(key -> new KeyFile(key, Optional.empty()))
                .toList();
        return new SshKeys(usual, agentOfUser());
    }

    /** The agent of the environment. */
    public static Optional<Path> agentOfUser() {
        return Optional.ofNullable(System.getenv("SSH_AUTH_SOCK"))
                .filter(path -> !path.isBlank())
                .map(Path::of);
    }
}
