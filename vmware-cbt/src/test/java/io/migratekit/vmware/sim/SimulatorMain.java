package io.migratekit.vmware.sim;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.UUID;

/**
 * Runs the simulator as a program: {@code SimulatorMain FOLDER [options]}. Prints its address and what one needs to
 * log in as {@code key=value}, then {@code ready}. Then it takes commands from its input, a line each, until that ends.
 *
 * <p>Options: {@code --port N}, {@code --user NAME}, {@code --vm NAME=MiB[,MiB...]} (repeatable; default
 * {@code web01=64}), {@code --off NAME}, {@code --tracked NAME}, {@code --trouble METHOD[@N]=TROUBLE} (repeatable;
 * words as in {@link Trouble#parse}), {@code --host NAME} (its certificate is for this name, too), {@code --strange}, {@code --stay} (does not end with its input). The password is
 * in {@code FOLDER/password}, and made by chance if that file is not there.
 *
 * <p>Commands: {@code trouble METHOD[@N]=TROUBLE}, {@code reset VM} (change tracking begins anew), {@code clear},
 * {@code restart}, {@code cut}, {@code expire}, {@code certificate}, {@code quit}. Each is answered by {@code ok} or {@code error ...}.
 */
public final class SimulatorMain {
    private SimulatorMain() {}

    public static void main(String[] words) throws IOException, InterruptedException {
        ArrayDeque<String> rest = new ArrayDeque<>(List.of(words));
        if (rest.isEmpty() || rest.peek().startsWith("-")) {
            System.err.println(
                    "SimulatorMain FOLDER [--port N] [--host NAME] [--user NAME] [--vm NAME=MiB[,MiB]]... [--off NAME]"
                            + " [--tracked NAME] [--trouble METHOD[@N]=TROUBLE]... [--strange] [--stay]");
            System.exit(2);
        }
        Path folder = Path.of(rest.pop());
        Files.createDirectories(folder);
        Settings settings = Settings.DEFAULT;
        boolean stays = false;
        ArrayDeque<String> later = new ArrayDeque<>();
        while (!rest.isEmpty()) {
            String option = rest.pop();
            switch (option) {
                case "--port" -> settings = settings.atPort(Integer.parseInt(rest.pop()));
                case "--user" -> settings = settings.user(rest.pop(), settings.password());
                case "--strange" -> later.add(option);
                case "--stay" -> stays = true;
                default -> {
                    later.add(option);
                    later.add(rest.pop());
                }
            }
        }
        run(folder, settings.user(settings.username(), password(folder)), later, stays);
    }

    private static void run(Path folder, Settings settings, ArrayDeque<String> options, boolean stays)
            throws IOException, InterruptedException {
        try (SimulatedVCenter sim = SimulatedVCenter.start(folder, settings)) {
            while (!options.isEmpty()) {
                apply(sim, options.pop(), options);
            }
            if (sim.vms().isEmpty()) {
                addVm(sim, "web01=64");
            }
            System.out.println("url=https://" + sim.endpoint() + "/sdk");
            System.out.println("sha1=" + sim.sha1());
            System.out.println("sha256=" + sim.sha256());
            System.out.println("certificate=" + sim.certificateFile());
            System.out.println("user=" + settings.username());
            System.out.println("password-file=" + folder.resolve("password"));
            for (SimVm vm : sim.vms()) {
                for (SimDisk disk : vm.disks.values()) {
                    System.out.println("disk=" + vm.name() + " " + disk.key() + " " + disk.file());
                }
            }
            System.out.println("ready");
            obey(sim);
            if (stays) {
                Thread.sleep(Duration.ofDays(1000));
            }
        }
    }

    private static void obey(SimulatedVCenter sim) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            try {
                command(sim, line.strip());
                System.out.println("ok");
            } catch (RuntimeException e) {
                System.out.println("error " + e.getMessage());
            }
        }
    }

    private static void command(SimulatedVCenter sim, String line) {
        switch (line) {
            case "clear" -> sim.faults().clear();
            case "restart" -> sim.restart();
            case "cut" -> sim.cutConnections();
            case "expire" -> sim.expireSessions();
            case "certificate" -> {
                sim.changeCertificate();
                System.out.println("sha256=" + sim.sha256());
            }
            default -> {
                String[] words = line.split(" ", 2);
                switch (words[0]) {
                    case "trouble" -> sim.faults().parse(words[1]);
                    case "reset" -> vm(sim, words[1]).resetTracking();
                    default -> throw new IllegalArgumentException("no such command: " + line);
                }
            }
        }
    }

    private static void apply(SimulatedVCenter sim, String option, ArrayDeque<String> options) {
        switch (option) {
            case "--vm" -> addVm(sim, options.pop());
            case "--off" -> vm(sim, options.pop()).poweredOff();
            case "--tracked" -> vm(sim, options.pop()).changeTracking(true);
            case "--trouble" -> sim.faults().parse(options.pop());
            case "--strange" -> sim.faults().strange(true);
            case "--host" ->
                sim.changeCertificate(options.pop(), true, Instant.now().plus(Duration.ofDays(30)));
            default -> throw new IllegalArgumentException("no such option: " + option);
        }
    }

    private static SimVm vm(SimulatedVCenter sim, String name) {
        return sim.vms().stream()
                .filter(vm -> vm.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no VM " + name + " yet; say --vm before"));
    }

    private static void addVm(SimulatedVCenter sim, String words) {
        String[] parts = words.split("=", 2);
        SimVm vm = sim.addVm(parts[0]);
        for (String size : parts[1].split(",", -1)) {
            vm.addDisk(Long.parseLong(size) << 20);
        }
    }

    private static String password(Path folder) throws IOException {
        Path file = folder.resolve("password");
        if (!Files.exists(file)) {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(file, UUID.randomUUID().toString());
        }
        return Files.readString(file, StandardCharsets.UTF_8).strip();
    }
}
