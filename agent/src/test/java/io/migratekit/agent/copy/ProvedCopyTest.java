package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobId;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of which it is known what the source has to read as: does a copy ever deliver another byte and say nothing? */
class ProvedCopyTest {
    private static final int DISK = (9 << 20) + 512;

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private CopyLab lab;

    @SuppressWarnings("NullAway.Init")
    private Path source;

    @SuppressWarnings("NullAway.Init")
    private Path hashes;

    private final long seed = Long.getLong("proof.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @BeforeEach
    void aDiskWithItsHashes() throws IOException {
        System.out.println("proof: seed=" + seed);
        lab = new CopyLab(folder);
        byte[] bytes = CopyLab.noise(DISK, seed);
        Arrays.fill(bytes, 2 << 20, (4 << 20) + 4096, (byte) 0);
        source = Files.write(folder.resolve("source"), bytes);
        lab.copyJob("before", CopyLab.spec(serve(source), serve(empty())));
        hashes = folder.resolve("hashes");
        Path made = lab.store().folderOf(new JobId("before")).path().resolve("hashes");
        Files.copy(made, hashes, StandardCopyOption.REPLACE_EXISTING);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private Path empty() throws IOException {
        Path file = lab.newFile(".raw");
        try (var raw = new RandomAccessFile(file.toFile(), "rw")) {
            raw.setLength(DISK);
        }
        return file;
    }

    private String serve(Path file) {
        return lab.serve(QemuNbd.of(file, QemuNbd.Format.RAW, 5).discard(QemuNbd.Discard.UNMAP));
    }

    private CopySpec proved(Path target, boolean salvage) {
        return CopyLab.spec(serve(source), serve(target)).withProof(new SourceProof(hashes, salvage));
    }

    private long flip() throws IOException {
        byte[] bytes = Files.readAllBytes(source);
        int at = random.nextInt(bytes.length);
        bytes[at] ^= (byte) (1 << random.nextInt(8));
        Files.write(source, bytes);
        return at;
    }

    @Test
    void whatIsRightIsCopied() throws IOException {
        Path target = empty();
        lab.copyJob("right", proved(target, false));
        assertArrayEquals(Files.readAllBytes(source), Files.readAllBytes(target));
    }

    @Test
    void oneWrongBitEndsTheCopyWithItsPlaceAndIsNeverCountedAsDone() throws IOException {
        for (int i = 0; i < 5; i++) {
            byte[] whole = Files.readAllBytes(source);
            long at = flip();
            Path target = empty();
            String id = "wrong-" + i;
            CopySpec spec = proved(target, false);
            CopyException.Unproved wrong =
                    assertThrows(CopyException.Unproved.class, () -> lab.copyJob(id, spec), "seed=" + seed);
            assertEquals(at / Grid.CELL_BYTES * Grid.CELL_BYTES, wrong.offset(), "seed=" + seed);
            assertTrue(String.valueOf(wrong.getMessage()).contains("from offset " + wrong.offset()), wrong::getMessage);

            // Mended, the same job goes on and what was wrong is copied again.
            Files.write(source, whole);
            lab.copyJob(id, spec);
            assertArrayEquals(whole, Files.readAllBytes(target), "seed=" + seed);
        }
    }

    @Test
    void salvageTakesWhatThereIsAndSaysWhatIsWrong() throws IOException {
        long at = flip();
        Path target = empty();
        CopyReport report = lab.copyJob("salvage", proved(target, true));
        assertArrayEquals(Files.readAllBytes(source), Files.readAllBytes(target));
        String place = "from offset " + at / Grid.CELL_BYTES * Grid.CELL_BYTES;
        assertTrue(report.warnings().stream().anyMatch(one -> one.contains(place)), report.warnings()::toString);
    }

    /** The map says which sectors a dying disk would not give. */
    private String dying(ByteRange... bad) throws IOException {
        StringBuilder map = new StringBuilder("# Mapfile\n0x00000000 + 1\n");
        long position = 0;
        for (ByteRange one : bad) {
            map.append(String.format(
                    "0x%x 0x%x +\n0x%x 0x%x -\n", position, one.offset() - position, one.offset(), one.length()));
            position = one.end();
        }
        if (position < DISK) {
            map.append(String.format("0x%x 0x%x +\n", position, DISK - position));
        }
        Path file = Files.writeString(lab.newFile(".map"), map);
        return lab.serve(
                Nbdkit.plugin("file", source.toString()).filter("ddrescue").parameter("ddrescue-mapfile=" + file));
    }

    @Test
    void salvageLeavesOutNothingButWhatCannotBeRead() throws IOException {
        ByteRange one = new ByteRange((5 << 20) + 8192, 4096);
        ByteRange last = new ByteRange(DISK - 512, 512);
        String from = dying(one, last);
        CopySpec all = CopyLab.spec(from, serve(empty())).withProof(new SourceProof(hashes, false));
        assertThrows(CopyException.EndFailed.class, () -> lab.copyJob("all", all));

        Path target = empty();
        CopySpec rest = CopyLab.spec(from, serve(target)).withProof(new SourceProof(hashes, true));
        CopyReport report = lab.copyJob("rest", rest);
        byte[] truth = Files.readAllBytes(source);
        for (ByteRange gone : List.of(one, last)) {
            Arrays.fill(truth, (int) gone.offset(), (int) gone.end(), (byte) 0);
            assertTrue(
                    report.warnings().stream().anyMatch(told -> told.contains(gone.length() + " of the")),
                    report.warnings()::toString);
        }
        assertArrayEquals(truth, Files.readAllBytes(target));
    }

    @Test
    void hashesOfAnotherDiskAreRefused() throws IOException {
        Files.write(source, new byte[1 << 20]);
        CopySpec spec = proved(empty(), false);
        assertThrows(CopyException.Refused.class, () -> lab.copy(spec));
    }
}
