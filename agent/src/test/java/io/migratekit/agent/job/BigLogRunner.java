package io.migratekit.agent.job;

import io.migratekit.nbd.Durations;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** A run with very many units, as several workers finish them: in turns, nearly in order. */
final class BigLogRunner {
    private static final int WORKERS = 8;
    private static final int BATCH = 8192;
    private static final int HASH_BYTES = 32;

    private BigLogRunner() {}

    public static void main(String[] words) {
        long units = Long.parseLong(words[1]);
        try (JobRun run = Jobs.open(Path.of(words[0]), "big")) {
            long began = System.nanoTime();
            for (long start = 0; start < units; start += BATCH) {
                List<DurableUnit> batch = new ArrayList<>();
                for (int worker = 0; worker < WORKERS; worker++) {
                    for (long unit = start + worker; unit < Math.min(start + BATCH, units); unit += WORKERS) {
                        batch.add(new DurableUnit(unit, hash(unit)));
                    }
                }
                run.append(batch);
            }
            System.out.println("recorded " + seconds(began));
        }
        long began = System.nanoTime();
        try (JobRun run = Jobs.open(Path.of(words[0]), "big")) {
            System.out.println("opened " + seconds(began));
            began = System.nanoTime();
            long next = 0;
            for (Iterator<DurableUnit> payloads = run.payloads(); payloads.hasNext(); next++) {
                DurableUnit unit = payloads.next();
                if (unit.unit() != next || unit.payload()[0] != (byte) next) {
                    throw new AssertionError("unit " + next + " came as " + unit.unit());
                }
            }
            System.out.println("streamed " + next + " " + seconds(began));
            run.finished("{}");
        }
    }

    private static byte[] hash(long unit) {
        byte[] hash = new byte[HASH_BYTES];
        hash[0] = (byte) unit;
        return hash;
    }

    private static String seconds(long began) {
        return Durations.show(Duration.ofNanos(System.nanoTime() - began));
    }
}
