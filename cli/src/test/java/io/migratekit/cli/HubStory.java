package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What happens to two hubs in the course of time? A random history of one VM; at each step something may break. */
final class HubStory implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(20);
    /** Whatever breaks, these are never said of it: no cause, our own mistake, wrong data. */
    private static final Set<Integer> LIES = Set.of(1, 2, 50, 51);

    private final Path folder;
    private final Random random;
    private final HubLab lab;
    private final HubProcess otherHub;
    private final KeptHub first;
    private final KeptHub second;
    private final Map<String, String> snapshots = new TreeMap<>();
    private final List<String> told = new ArrayList<>();
    private final List<Act> deck = new ArrayList<>();
    private int count;

    private enum Act {
        BACKUP,
        COPY,
        PRUNE,
        DELETE,
        VERIFY,
        RESTORE
    }

    /**
     * Something to be done, as often as it takes.
     *
     * @param isUnderWay the moment at which breaking something is worth it
     * @param doneBefore what it says when an earlier run has done it already
     */
    private record Errand(Start start, BooleanSupplier isUnderWay, String doneBefore, List<KeptHub> hubs) {}

    private interface Start {
        CopyProcess run();
    }

    HubStory(Path folder, long seed) throws IOException {
        this.folder = folder;
        random = new Random(seed);
        lab = new HubLab(folder, 8 * MigrateLab.MIB, 3 * MigrateLab.MIB + 512);
        otherHub = HubProcess.start(folder.resolve("o"), "--listen", "127.0.0.1:0");
        first = new KeptHub("hub 1", lab.hub(), this::truth);
        second = new KeptHub("hub 2", otherHub, this::truth);
        lab.source().guestWrites(random, 30);
    }

    private Path truth(String point, int disk) {
        return lab.source().vcenter().truth(java.util.Objects.requireNonNull(snapshots.get(point)), disk);
    }

    /** What has happened in the last step, for people. */
    List<String> told() {
        return told;
    }

    /** Two points at both hubs, without any trouble. */
    void begin() {
        for (int i = 0; i < 2; i++) {
            well(backup());
            lab.source().guestWrites(random, 4);
        }
        well(copy());
        look();
    }

    /** One thing after the other comes to its end, broken on its way or not; then all is looked at. */
    void step() {
        told.clear();
        if (deck.isEmpty()) {
            deck.addAll(List.of(Act.values()));
            Collections.shuffle(deck, random);
        }
        Act act = deck.removeLast();
        try (Guest _ = new Guest(lab.source(), random.nextLong())) {
            switch (act) {
                case BACKUP -> troubled(backup());
                case COPY -> troubled(copy());
                case PRUNE -> prune(any());
                case DELETE -> delete(any());
                case VERIFY -> verify(any());
                case RESTORE -> restore(any());
            }
        }
        look();
    }

    private void look() {
        first.assertKeepsWhatItHasTo();
        second.assertKeepsWhatItHasTo();
        lab.source().assertNoSnapshotOfOurs();
    }

    private KeptHub any() {
        return random.nextBoolean() ? first : second;
    }

    // ---- what is done

    private Errand backup() {
        String job = "job-" + count++;
        told.add("backup " + job);
        first.points().add(job);
        return new Errand(
                () -> lab.start(job, "--json", "--rate", rate()), first::serves, "never said", List.of(first));
    }

    private Errand copy() {
        told.add("copy " + first.points());
        second.points().addAll(first.points());
        List<String> words = first.words("copy", "--to-hub", "unix:" + otherHub.socket());
        words.addAll(List.of("--state-dir", folder.resolve("copies") + "", "--progress", "none", "--rate", rate()));
        words.addAll(List.of("--checkpoint-every", "1M", "--connections", "2"));
        return new Errand(
                () -> CopyProcess.start(folder, List.of(), words),
                second::serves,
                "never said",
                List.of(first, second));
    }

    private void prune(KeptHub hub) {
        List<String> policy = new ArrayList<>(
                switch (random.nextInt(3)) {
                    case 0 -> List.of("--keep-last", "" + (1 + random.nextInt(4)));
                    case 1 -> List.of("--keep-within", (10 + random.nextInt(80)) + "s", "--keep-last", "1");
                    default -> List.of("--keep-hourly", "1", "--keep-last", "" + (1 + random.nextInt(3)));
                });
        List<String> dry = new ArrayList<>(List.of("prune"));
        dry.addAll(policy);
        JsonObject plan =
                hub.ask(dry.toArray(String[]::new)).getAsJsonArray("vms").get(0).getAsJsonObject();
        Set<String> unwanted = new TreeSet<>();
        for (JsonElement point : plan.getAsJsonArray("points")) {
            if (point.getAsJsonObject().get("outcome").getAsString().equals("unwanted")) {
                unwanted.add(point.getAsJsonObject().get("id").getAsString());
            }
        }
        told.add("prune " + hub.name() + " " + policy + " removes " + unwanted + " of " + hub.points());
        if (policy.size() == 2) {
            assertEquals(newest(hub, Integer.parseInt(policy.getLast())), without(hub.points(), unwanted));
        }
        dry.addAll(List.of("--apply", "--timeout", "60s"));
        List<String> words = hub.words(dry.toArray(String[]::new));
        troubled(
                new Errand(() -> CopyProcess.start(folder, List.of(), words), hub::merges, "never said", List.of(hub)));
        hub.points().removeAll(unwanted);
    }

    private static Set<String> without(Set<String> points, Set<String> some) {
        Set<String> left = new TreeSet<>(points);
        left.removeAll(some);
        return left;
    }

    /** By their own time. */
    private static Set<String> newest(KeptHub hub, int most) {
        Map<Instant, String> byTime = new TreeMap<>();
        for (JsonElement element : hub.ask("list").getAsJsonArray("backups")) {
            JsonObject point = element.getAsJsonObject();
            byTime.put(
                    Instant.parse(point.get("takenAt").getAsString()),
                    point.get("id").getAsString());
        }
        List<String> all = List.copyOf(byTime.values());
        return new TreeSet<>(all.subList(Math.max(0, all.size() - most), all.size()));
    }

    private void delete(KeptHub hub) {
        if (hub.points().size() < 2) {
            told.add("nothing to delete at " + hub.name());
            return;
        }
        String point = anyPoint(hub);
        told.add("delete " + point + " of " + hub.points() + " at " + hub.name());
        List<String> words = hub.words("delete", point, "--merge", "--timeout", "60s");
        troubled(new Errand(
                () -> CopyProcess.start(folder, List.of(), words),
                hub::merges,
                "there is no backup " + point,
                List.of(hub)));
        hub.points().remove(point);
    }

    private void verify(KeptHub hub) {
        told.add("verify " + hub.name());
        List<String> words = hub.words("verify", "--timeout", "60s", "--rate", "20M", "--progress", "none");
        troubled(
                new Errand(() -> CopyProcess.start(folder, List.of(), words), () -> false, "never said", List.of(hub)));
    }

    private void restore(KeptHub hub) {
        String point = anyPoint(hub);
        told.add("restore " + point + " from " + hub.name());
        Path to = folder.resolve("restored-" + count++);
        List<String> words = hub.words("restore", point, "--to", to.toString(), "--progress", "none");
        words.addAll(List.of("--rate", rate(), "--checkpoint-every", "1M", "--connections", "2"));
        troubled(new Errand(
                () -> CopyProcess.start(folder, List.of(), words), hub::serves, "is not overwritten", List.of(hub)));
        assertRestored(hub, point, to);
    }

    private void assertRestored(KeptHub hub, String point, Path to) {
        hub.assertRestored(point, lab.keys(), to);
        try (Stream<Path> walk = Files.walk(to)) {
            for (Path path : walk.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Slow enough to be met on the way. */
    private String rate() {
        return (1 + random.nextInt(4)) + "M";
    }

    private String anyPoint(KeptHub hub) {
        List<String> all = List.copyOf(hub.points());
        return all.get(random.nextInt(all.size()));
    }

    // ---- what breaks

    /** Runs it with something breaking on its way, and then again, when it has to end well. */
    private void troubled(Errand errand) {
        try (CopyProcess program = errand.start().run()) {
            if (random.nextInt(3) > 0) {
                // It may be over before, which is a moment as well.
                Waiting.until(
                        "it is under way",
                        SOON,
                        () -> !program.isAlive() || errand.isUnderWay().getAsBoolean());
                sleep(random.nextInt(random.nextBoolean() ? 100 : 3000));
            } else {
                sleep(300 + random.nextInt(4000));
            }
            trouble(program, errand.hubs());
            Run run = program.end(MigrateLab.LIMIT);
            told.add("code " + run.code() + ": " + lastLine(run));
            if (LIES.contains(run.code()) && !run.err().contains(errand.doneBefore())) {
                throw new AssertionError("nothing of this says what happened: " + run);
            }
        }
        well(errand);
    }

    private static String lastLine(Run run) {
        return run.err().lines().reduce((_, last) -> last).orElse("");
    }

    private void trouble(CopyProcess program, List<KeptHub> hubs) {
        List<Long> exports =
                hubs.stream().flatMap(hub -> hub.process().exports().stream()).toList();
        KeptHub hub = hubs.get(random.nextInt(hubs.size()));
        int millis = random.nextInt(4000);
        switch (random.nextInt(exports.isEmpty() ? 6 : 9)) {
            case 0 -> {
                told.add("program killed");
                program.kill();
            }
            case 1 -> {
                told.add("program ended by a signal");
                signal(program, program.pid(), "TERM");
            }
            case 2 -> {
                told.add(hub.name() + " killed, down for " + millis + " ms");
                hub.process().kill();
                sleep(millis);
                hub.process().startAgain();
            }
            case 3 -> {
                told.add(hub.name() + " and program killed");
                hub.process().kill();
                program.kill();
                hub.process().startAgain();
            }
            case 4 -> {
                told.add(hub.name() + " frozen for " + millis + " ms");
                freeze(program, hub.process().process().pid(), millis);
            }
            case 5 -> told.add("nothing breaks");
            case 6 -> {
                told.add("one of " + exports.size() + " exports frozen for " + millis + " ms");
                freeze(program, exports.get(random.nextInt(exports.size())), millis);
            }
            default -> {
                told.add("one of " + exports.size() + " exports killed");
                ProcessHandle.of(exports.get(random.nextInt(exports.size()))).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }

    private static void freeze(CopyProcess program, long pid, int millis) {
        signal(program, pid, "STOP");
        sleep(millis);
        signal(program, pid, "CONT");
    }

    /** It may have ended meanwhile. */
    private static void signal(CopyProcess program, long pid, String name) {
        try {
            program.signal(pid, name);
        } catch (AssertionError e) {
            Waiting.until(
                    "process " + pid + " has ended",
                    SOON,
                    () -> ProcessHandle.of(pid).isEmpty());
        }
    }

    /** Nothing breaks now; but what somebody who was killed was reading is locked until the hub lets go of it. */
    private void well(Errand errand) {
        Run run = again(errand);
        if (run.code() == 62 && run.err().contains("is being read")) {
            told.add("let go of what is being read");
            errand.hubs().forEach(KeptHub::restart);
            run = again(errand);
        }
        if (run.code() != 0 && !run.err().contains(errand.doneBefore())) {
            throw new AssertionError("it does not end well with nothing in its way: " + run);
        }
        for (String point : first.points()) {
            snapshots.computeIfAbsent(point, _ -> lab.source().lastSnapshot());
        }
    }

    private static Run again(Errand errand) {
        try (CopyProcess program = errand.start().run()) {
            return program.end(MigrateLab.LIMIT);
        }
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    // ---- the end

    /** Both hubs have proofs of all, each point comes back from each of them, and nothing is left over. */
    void end() {
        told.clear();
        told.add("the end");
        for (KeptHub hub : List.of(first, second)) {
            hub.assertQuiet();
            Set<String> good = hub.ask("verify").getAsJsonArray("good").asList().stream()
                    .map(JsonElement::getAsString)
                    .collect(Collectors.toCollection(TreeSet::new));
            assertEquals(hub.points(), good, hub.name());
            for (String point : hub.points()) {
                Path to = folder.resolve("last-" + count++);
                List<String> words = hub.words("restore", point, "--to", to.toString(), "--progress", "none");
                Run run = Run.migratekit(words.toArray(String[]::new));
                assertEquals(0, run.code(), run::toString);
                assertRestored(hub, point, to);
            }
            hub.assertQuiet();
        }
        look();
    }

    @Override
    public void close() {
        otherHub.close();
        lab.close();
        Waiting.until(
                "no process of this history is left, of " + KeptHub.processesOf(folder),
                SOON,
                () -> KeptHub.processesOf(folder).isEmpty());
    }
}
