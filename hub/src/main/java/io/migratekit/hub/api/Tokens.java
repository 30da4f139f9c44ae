package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Who may ask the hub? The file of tokens: it holds their SHA-256 only, so that whoever reads it cannot use them. */
public final class Tokens {
    private static final String FILE = "tokens.json";
    private static final String LOCK = "tokens.lock";
    private static final String BEGINNING = "mkh_";
    private static final int RANDOM_BYTES = 32;

    /** Another `hub token` is done in no time. */
    private static final Duration TURN = Duration.ofSeconds(5);

    private static final Duration POLL = Duration.ofMillis(20);

    private final Path file;
    private @Nullable Object readFile;
    private FileTime readAt = FileTime.fromMillis(-1);
    private long readBytes = -1;
    private List<Token> known = List.of();

    /** What a token may do. */
    public enum Scope {
        /** Everything. */
        ADMIN,
        /** Look at everything. */
        READ,
        /** Write backups of the VMs that it is for, and look at them; never delete. */
        AGENT
    }

    /** A token as it is kept; an agent's that names no VM is for none. */
    public record Token(String name, Scope scope, Set<String> vms, String sha256, Instant createdAt) {
        public Token {
            vms = Set.copyOf(vms);
        }

        boolean maySee(String vm) {
            return scope != Scope.AGENT || vms.contains(vm) || vms.contains("*");
        }
    }

    /** Why tokens.json cannot be used, or a token not be added. */
    public static final class TokenFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TokenFailed(String message) {
            super(message);
        }
    }

    public Tokens(Path repository) {
        this.file = repository.resolve(FILE);
    }

    /** Makes a token and returns it: it cannot be seen again. */
    public synchronized String add(String name, Scope scope, Set<String> vms) throws IOException {
        if (!Body.isId(name)) {
            throw new TokenFailed("a token's name has to be 1 to 64 letters, digits, '.', '_' or '-': " + name);
        }
        for (String vm : vms) {
            if (!vm.equals("*") && !Body.isId(vm)) {
                throw new TokenFailed("not the id of a VM: " + vm);
            }
        }
        if ((scope == Scope.AGENT) == vms.isEmpty()) {
            throw new TokenFailed(
                    "a token for an agent needs the ids of its VMs (or *), others are not limited to VMs");
        }
        byte[] random = new byte[RANDOM_BYTES];
        new SecureRandom().nextBytes(random);
        String secret = BEGINNING + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
        try (ProcessLock _ = lock()) {
            List<Token> all = new ArrayList<>(list());
            if (all.stream().anyMatch(token -> token.name().equals(name))) {
                throw new TokenFailed("there is a token of the name " + name + " already; remove it first");
            }
            all.add(new Token(name, scope, vms, sha256(secret), Instant.now()));
            write(all);
        }
        return secret;
    }

    /** False if there was none of this name. */
    public synchronized boolean remove(String name) throws IOException {
        try (ProcessLock _ = lock()) {
            List<Token> all = new ArrayList<>(list());
            boolean removed = all.removeIf(token -> token.name().equals(name));
            if (removed) {
                write(all);
            }
            return removed;
        }
    }

    /** Whoever changes the file reads, thinks and writes; two at once would lose what one of them did. */
    private ProcessLock lock() throws IOException {
        Path lock = file.resolveSibling(LOCK);
        Deadline deadline = Deadline.in(TURN);
        while (true) {
            Optional<ProcessLock> mine = ProcessLock.tryAcquire(lock);
            if (mine.isPresent()) {
                return mine.get();
            }
            if (deadline.isOver()) {
                throw new TokenFailed("another process changes the tokens for " + TURN.toSeconds()
                        + " s already (it holds " + lock + "); end it, or try again");
            }
            LockSupport.parkNanos(POLL.toNanos());
        }
    }

    /** All tokens; what another process changed counts at once. */
    public synchronized List<Token> list() throws IOException {
        if (!Files.exists(file)) {
            known = List.of();
            readBytes = -1;
            return known;
        }
        // Every change makes a new file, so that two within one tick of the clock are told apart as well.
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        if (!Objects.equals(now.fileKey(), readFile)
                || !now.lastModifiedTime().equals(readAt)
                || now.size() != readBytes) {
            known = parsed(SafeFiles.read(file).orElse("{\"tokens\":[]}"));
            readFile = now.fileKey();
            readAt = now.lastModifiedTime();
            readBytes = now.size();
        }
        return known;
    }

    /** Whose secret this is. All hashes are compared, each in the same time whatever it is. */
    Optional<Token> find(String secret) throws IOException {
        byte[] hash = sha256(secret).getBytes(StandardCharsets.US_ASCII);
        Token found = null;
        for (Token token : list()) {
            if (MessageDigest.isEqual(hash, token.sha256().getBytes(StandardCharsets.US_ASCII))) {
                found = token;
            }
        }
        return Optional.ofNullable(found);
    }

    private List<Token> parsed(String text) {
        try {
            List<Token> tokens = new ArrayList<>();
            for (JsonElement element :
                    JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("tokens")) {
                JsonObject object = element.getAsJsonObject();
                Set<String> vms = new TreeSet<>();
                object.getAsJsonArray("vms").forEach(vm -> vms.add(vm.getAsString()));
                tokens.add(new Token(
                        object.get("name").getAsString(),
                        Scope.valueOf(object.get("scope").getAsString().toUpperCase(Locale.ROOT)),
                        vms,
                        object.get("sha256").getAsString(),
                        Instant.parse(object.get("createdAt").getAsString())));
            }
            return List.copyOf(tokens);
        } catch (RuntimeException e) {
            throw new TokenFailed(file + " cannot be used (" + e.getMessage() + "); remove it and add the tokens anew");
        }
    }

    private void write(List<Token> all) throws IOException {
        JsonArray array = new JsonArray();
        for (Token token : all) {
            JsonObject object = new JsonObject();
            object.addProperty("name", token.name());
            object.addProperty("scope", token.scope().name().toLowerCase(Locale.ROOT));
            JsonArray vms = new JsonArray();
            new TreeSet<>(token.vms()).forEach(vms::add);
            object.add("vms", vms);
            object.addProperty("sha256", token.sha256());
            object.addProperty("createdAt", token.createdAt().toString());
            array.add(object);
        }
        JsonObject document = new JsonObject();
        document.add("tokens", array);
        SafeFiles.replace(file, document.toString().getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.POWER_CUT);
    }

    private static String sha256(String secret) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
