package io.migratekit.tunnel;

import com.jcraft.jsch.AgentIdentityRepository;
import com.jcraft.jsch.AgentProxyException;
import com.jcraft.jsch.Identity;
import com.jcraft.jsch.IdentityRepository;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.JSchException;
import com.jcraft.jsch.SSHAgentConnector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Vector;

/**
 * Which keys can be tried? Those of the files, opened here with their passphrases, then those of the
 * agent. It lives as long as one login.
 */
final class Keyring implements IdentityRepository {
    private final JSch jsch = new JSch();
    private final List<IdentityRepository> agents = new ArrayList<>();
    private final SshKeys keys;

    private Keyring(SshKeys keys) {
        this.keys = keys;
    }

    /** Opens the keys. An unusable file is an error unless an agent may have what is needed. */
    static Keyring open(SshKeys keys) {
        Keyring ring = new Keyring(keys);
        for (SshKeys.KeyFile file : keys.files()) {
            ring.add(file);
        }
        keys.agent().ifPresent(ring::addAgent);
        return ring;
    }

    private void add(SshKeys.KeyFile file) {
        byte[] key = read(file.key(), "the private key");
        byte[] passphrase = file.passphraseFile()
                .map(path -> firstLine(read(path, "the passphrase of " + file.key())))
                .orElse(null);
        try {
            int before = jsch.getIdentityRepository().getIdentities().size();
            jsch.addIdentity(file.key().toString(), key, null, passphrase);
            List<Identity> now = jsch.getIdentityRepository().getIdentities();
            if (now.size() > before && now.getLast().isEncrypted()) {
                throw locked(file);
            }
        } catch (JSchException e) {
            boolean isKey = !String.valueOf(e.getMessage()).startsWith("invalid privatekey");
            throw isKey && passphrase != null ? locked(file) : foreign(file);
        } finally {
            Arrays.fill(key, (byte) 0);
            if (passphrase != null) {
                Arrays.fill(passphrase, (byte) 0);
            }
        }
    }

    private static TunnelException.KeyUnusable locked(SshKeys.KeyFile file) {
        return new TunnelException.KeyUnusable(
                file.passphraseFile()
                        .map(path -> "the passphrase in " + path + " does not open the private key " + file.key() + ".")
                        .orElse("the private key " + file.key() + " is encrypted. Name a file with its passphrase, or"
                                + " use an ssh-agent."),
                null);
    }

    /** Without jsch's own words: it may quote what it could not read. */
    private static TunnelException.KeyUnusable foreign(SshKeys.KeyFile file) {
        return new TunnelException.KeyUnusable(
                file.key() + " is not a private key that can be used here. OpenSSH's own format of ed25519, ecdsa and"
                        + " rsa keys can; `ssh-keygen -p -f` writes it.",
                null);
    }

    private void addAgent(Path socket) {
        try {
            agents.add(new AgentIdentityRepository(new SSHAgentConnector(socket)));
        } catch (AgentProxyException e) {
            throw new TunnelException.KeyUnusable("the ssh-agent at " + socket + " cannot be used.", e);
        }
    }

    private static byte[] read(Path file, String what) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new TunnelException.KeyUnusable("there is no file " + file + " for " + what + ".", e);
        } catch (IOException e) {
            throw new TunnelException.KeyUnusable(
                    "cannot read " + file + " for " + what + ": " + e.getMessage() + ".", e);
        }
    }

    private static byte[] firstLine(byte[] content) {
        int end = 0;
        while (end < content.length && content[end] != '\n' && content[end] != '\r') {
            end++;
        }
        byte[] line = Arrays.copyOf(content, end);
        Arrays.fill(content, (byte) 0);
        return line;
    }

    /** What was tried, for a message. */
    String tried() {
        List<String> names = new ArrayList<>();
        keys.files().forEach(file -> names.add(file.key().toString()));
        keys.agent().ifPresent(socket -> names.add("the ssh-agent at " + socket));
        return names.isEmpty() ? "no key at all" : String.join(", ", names);
    }

    @Override
    @SuppressWarnings("JdkObsolete") // jsch's interface
    public Vector<Identity> getIdentities() {
        Vector<Identity> all = new Vector<>(jsch.getIdentityRepository().getIdentities());
        agents.forEach(agent -> all.addAll(agent.getIdentities()));
        return all;
    }

    @Override
    public String getName() {
        return "migratekit";
    }

    @Override
    public int getStatus() {
        return RUNNING;
    }

    @Override
    public boolean add(byte[] identity) {
        return false;
    }

    @Override
    public boolean remove(byte[] blob) {
        return false;
    }

    @Override
    public void removeAll() {
        try {
            jsch.removeAllIdentity();
        } catch (JSchException e) {
            // Nothing to remove.
        }
    }
}
