package io.migratekit.tunnel;

import com.jcraft.jsch.HostKey;
import com.jcraft.jsch.HostKeyRepository;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.JSchException;
import com.jcraft.jsch.UserInfo;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/**
 * Is this the host that we mean? Only says yes or no: it never adds, removes or changes what is known,
 * and it remembers the key that was shown, for the message.
 */
final class HostKeyJudge implements HostKeyRepository {
    private static final HostKey[] NONE = {};

    private final HostKeys known;
    private final HostKeyRepository files;
    private volatile String shown = "no key";
    private volatile String shownType = "";

    HostKeyJudge(HostKeys known) {
        this.known = known;
        this.files = switch (known) {
            case HostKeys.KnownHosts hosts -> read(hosts);
            case HostKeys.Pinned _ -> new JSch().getHostKeyRepository();
        };
    }

    private static HostKeyRepository read(HostKeys.KnownHosts hosts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Path file : hosts.files()) {
            try {
                all.writeBytes(Files.readAllBytes(file));
                all.write('\n');
            } catch (NoSuchFileException e) {
                // Like an empty one; that the host is unknown will be said, with the names of the files.
            } catch (IOException e) {
                throw new TunnelException.BadSpec("cannot read the known hosts " + file + ": " + e.getMessage(), e);
            }
        }
        JSch jsch = new JSch();
        try {
            jsch.setKnownHosts(new ByteArrayInputStream(all.toByteArray()));
        } catch (JSchException e) {
            throw new TunnelException.BadSpec("cannot understand " + hosts.files() + ": " + e.getMessage(), e);
        }
        return jsch.getHostKeyRepository();
    }

    @Override
    public int check(String host, byte[] key) {
        shown = fingerprint(key);
        shownType = typeOf(key);
        return switch (known) {
            case HostKeys.Pinned pin -> pin.fingerprint().equals(shown) ? OK : CHANGED;
            case HostKeys.KnownHosts _ -> {
                int verdict = files.check(host, key);
                // Known by a key of another type only: who asks gets a warning rather than an invitation to add it.
                yield verdict == NOT_INCLUDED && files.getHostKey(host, null).length > 0 ? CHANGED : verdict;
            }
        };
    }

    /** The host is one that nobody has vouched for. */
    TunnelException.HostKeyUnknown unknown(SshTarget target) {
        return new TunnelException.HostKeyUnknown(target + ": the host key of this server is not known. It shows "
                + shownType + " " + shown
                + ". Compare that with `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` on the hub"
                + " itself; then add the host to " + whereKnown() + ", or pin that fingerprint.");
    }

    /** The host shows another key than the one it is known by. */
    TunnelException.HostKeyChanged changed(SshTarget target) {
        return new TunnelException.HostKeyChanged(target + ": this server shows another host key than the one it is"
                + " known by: " + shownType + " " + shown + ", but " + whereKnown() + " says otherwise. Either the hub"
                + " was set up anew, or somebody stands in between. Do not connect before you have compared the"
                + " fingerprint on the hub itself (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`).");
    }

    /** The key that was shown, and who vouches for it. */
    String described() {
        return shownType + " " + shown + ", as in " + whereKnown();
    }

    private String whereKnown() {
        return switch (known) {
            case HostKeys.Pinned pin -> "the pinned fingerprint " + pin.fingerprint();
            case HostKeys.KnownHosts hosts ->
                String.join(", ", hosts.files().stream().map(Path::toString).toList());
        };
    }

    private static String fingerprint(byte[] key) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(key);
            return "SHA256:" + Base64.getEncoder().withoutPadding().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has SHA-256", e);
        }
    }

    /** A key begins with the name of its type. */
    private static String typeOf(byte[] key) {
        int length = key.length < 4 ? -1 : ByteBuffer.wrap(key).getInt();
        return length < 1 || length > Math.min(64, key.length - 4)
                ? "a key"
                : new String(key, 4, length, StandardCharsets.US_ASCII).replaceAll("[^ -~]", "?");
    }

    @Override
    public void add(HostKey key, UserInfo user) {
        throw new UnsupportedOperationException("host keys are never learned");
    }

    @Override
    public void remove(String host, String type) {
        throw new UnsupportedOperationException("host keys are never forgotten");
    }

    @Override
    public void remove(String host, String type, byte[] key) {
        throw new UnsupportedOperationException("host keys are never forgotten");
    }

    @Override
    public String getKnownHostsRepositoryID() {
        return whereKnown();
    }

    @Override
    public HostKey[] getHostKey() {
        return known instanceof HostKeys.Pinned ? NONE : files.getHostKey();
    }

    @Override
    public HostKey[] getHostKey(String host, String type) {
        return known instanceof HostKeys.Pinned ? NONE : files.getHostKey(host, type);
    }
}
