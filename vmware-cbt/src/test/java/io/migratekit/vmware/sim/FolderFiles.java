package io.migratekit.vmware.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Answers {@code GET} and {@code HEAD /folder/FILE?dcPath=..&dsName=..}: files of a datastore, whole or a range.
 *
 * <p>The flat file of a running VM without a snapshot is locked (500: our choice); with a snapshot the base is what
 * the first snapshot froze.
 */
final class FolderFiles {
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d*)-(\\d*)");

    private final World world;
    private final Settings settings;
    private final Sessions sessions;

    FolderFiles(World world, Sessions sessions) {
        this.world = world;
        this.settings = world.settings();
        this.sessions = sessions;
    }

    Http.Answer answer(Http.Request request) {
        if (!isAuthorized(request)) {
            return text(401, "who are you?").with("WWW-Authenticate", "Basic realm=\"simulated\"");
        }
        Map<String, String> query = query(request.target());
        Path folder = world.datastoreFolder(query.getOrDefault("dsName", "")).toAbsolutePath();
        String name = decoded(request.path().substring("/folder".length()).replace("+", "%2B"));
        Path file = folder.resolve(name.replaceFirst("^/+", "")).normalize();
        boolean knownDatacenter = Optional.ofNullable(world.atPath(query.getOrDefault("dcPath", "")))
                .filter(ref -> ref.type().equals("Datacenter"))
                .isPresent();
        if (!query.containsKey("dsName") || !knownDatacenter || !file.startsWith(folder)) {
            return text(404, "no such datastore, datacenter or file");
        }
        Optional<SimVm> owner = world.vms().stream()
                .filter(vm -> vm.disks.values().stream()
                        .anyMatch(d -> d.file().toAbsolutePath().equals(file)))
                .findFirst();
        Path served = file;
        if (owner.isPresent()) {
            List<SimSnapshot> snapshots = owner.get().snapshots.list();
            if (!snapshots.isEmpty()) {
                served = snapshots.getFirst().disks.values().stream()
                        .filter(f -> f.disk().file().toAbsolutePath().equals(file))
                        .map(SimSnapshot.Frozen::file)
                        .findFirst()
                        .orElse(file);
            } else if (owner.get().facts().isOn()) {
                return text(500, "the file is locked");
            }
        }
        return Files.isRegularFile(served) ? part(served, request) : text(404, "no such file");
    }

    private boolean isAuthorized(Http.Request request) {
        if (request.session().filter(sessions::use).isPresent()) {
            return true;
        }
        String header = request.header("authorization");
        String expected = settings.username() + ":" + settings.password();
        return header.equals("Basic " + Base64.getEncoder().encodeToString(expected.getBytes(StandardCharsets.UTF_8)));
    }

    private static Http.Answer part(Path file, Http.Request request) {
        long size;
        try {
            size = Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Matcher range = RANGE.matcher(request.header("range"));
        if (!range.matches() || range.group().equals("bytes=-")) {
            return Http.Answer.of(new Http.Part(file, 0, size), 200);
        }
        long first = range.group(1).isEmpty()
                ? Math.max(0, size - Long.parseLong(range.group(2)))
                : Long.parseLong(range.group(1));
        long last = range.group(1).isEmpty() || range.group(2).isEmpty()
                ? size - 1
                : Math.min(size - 1, Long.parseLong(range.group(2)));
        if (first >= size || last < first) {
            return text(416, "no such range").with("Content-Range", "bytes */" + size);
        }
        return Http.Answer.of(new Http.Part(file, first, last - first + 1), 206)
                .with("Content-Range", "bytes " + first + "-" + last + "/" + size);
    }

    private static Map<String, String> query(String target) {
        Map<String, String> found = new HashMap<>();
        int mark = target.indexOf('?');
        for (String pair : (mark < 0 ? "" : target.substring(mark + 1)).split("&", -1)) {
            String[] parts = pair.split("=", 2);
            // virt-v2v encodes the names twice, others once.
            found.put(parts[0], parts.length < 2 ? "" : decoded(decoded(parts[1])));
        }
        return found;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return text;
        }
    }

    static Http.Answer text(int status, String words) {
        return Http.Answer.text(status, "text/plain", words + "\n");
    }
}
