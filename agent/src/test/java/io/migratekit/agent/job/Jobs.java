package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** What do the tests of jobs share? An identity, units whose payload follows from their number, printed seeds. */
final class Jobs {
    static final JobIdentity IDENTITY = new JobIdentity(
            "nbd://a:10809/disk", "nbd://b:10809/disk", 10L << 30, "c0ffee", 1 << 20, true, Map.of("vm", "web01"));

    private Jobs() {}

    static DurableUnit unit(long number) {
        // Now and then larger than what is written at one go.
        byte[] payload = new byte[number % 2000 == 0 ? 300_000 : (int) (number * 37 % 101)];
        for (int i = 0; i < payload.length; i++) {
            payload[i] = (byte) (number * 31 + i * 7L);
        }
        return new DurableUnit(number, payload);
    }

    /** How many bytes a unit takes in the log. */
    static long recordBytes(long number) {
        return (long) ProgressFormat.RECORD_HEADER_BYTES + unit(number).payload().length;
    }

    static List<DurableUnit> units(long from, long to) {
        List<DurableUnit> units = new ArrayList<>();
        for (long number = from; number < to; number++) {
            units.add(unit(number));
        }
        return units;
    }

    static JobRun open(Path stateDirectory, String id) {
        return assertInstanceOf(JobStart.Ready.class, new JobStore(stateDirectory).open(new JobId(id), IDENTITY))
                .run();
    }

    static List<DurableUnit> payloads(RunRecord run) {
        List<DurableUnit> units = new ArrayList<>();
        run.payloads().forEachRemaining(units::add);
        return units;
    }

    static Random random(String test) {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println(test + ": seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        return new Random(seed);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
