package io.migratekit.agent.plan;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.Ranges;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A source, a target and ranges, drawn at random; what servers say of them is true, but maybe not all of it. */
final class PlannedDisk {
    private final Random random;
    final byte[] source;
    final byte[] target;
    final long grain;
    final Ranges ranges;

    PlannedDisk(Random random) {
        this.random = random;
        this.grain = List.of(512L, 4096L, 64L << 10).get(random.nextInt(3));
        int size = 1 + random.nextInt(5 << 19);
        this.source = content(size);
        this.target = content(size);
        List<ByteRange> drawn = new ArrayList<>();
        for (int i = random.nextInt(12); i > 0; i--) {
            int offset = random.nextInt(size);
            drawn.add(new ByteRange(offset, 1 + random.nextInt(Math.min(size - offset, 1 << 19))));
        }
        this.ranges = random.nextInt(4) == 0 ? Ranges.whole(size) : Ranges.of(drawn);
    }

    /** Stretches of zeroes and of other bytes, whose borders lie on anything from bytes to several grains. */
    private byte[] content(int size) {
        byte[] content = new byte[size];
        int position = 0;
        while (position < size) {
            int unit = random.nextBoolean() ? 1 : 1 << (9 + random.nextInt(8));
            int end = (int) Math.min(size, (position / unit + 1L + random.nextInt(1 << 17) / unit) * unit);
            if (random.nextBoolean()) {
                Arrays.fill(content, position, end, (byte) (1 + random.nextInt(255)));
            }
            position = end;
        }
        return content;
    }

    byte[] expected() {
        byte[] expected = target.clone();
        for (ByteRange range : ranges) {
            System.arraycopy(source, (int) range.offset(), expected, (int) range.offset(), (int) range.length());
        }
        return expected;
    }

    /** What a server may say: all, nothing, too little or too much; zeroes as data, but never data as zeroes. */
    List<Extent> extents(byte[] content, ByteRange span) {
        List<Extent> extents = new ArrayList<>();
        int end = (int) (random.nextBoolean() ? content.length : span.end());
        int lies = random.nextInt(6);
        if (lies == 0) {
            return extents;
        }
        if (lies == 1) {
            end -= random.nextInt((int) span.length());
        }
        int position = (int) span.offset();
        while (position < end) {
            int stop = position + 1;
            while (stop < end && (content[stop] == 0) == (content[position] == 0)) {
                stop++;
            }
            if (random.nextInt(4) == 0) {
                stop = position + 1 + random.nextInt(stop - position);
            }
            boolean zero = content[position] == 0 && random.nextInt(8) != 0;
            long flags = (zero ? Extent.ZERO : 0) | (random.nextBoolean() ? Extent.HOLE : 0);
            extents.add(new Extent(position, stop - position, flags));
            position = stop;
        }
        return extents;
    }

    void carryOut(List<CopyStep> steps) {
        for (CopyStep step : steps) {
            int offset = (int) step.range().offset();
            int length = (int) step.range().length();
            switch (step) {
                case CopyStep.Copy _ -> System.arraycopy(source, offset, target, offset, length);
                case CopyStep.Zero _ -> Arrays.fill(target, offset, offset + length, (byte) 0);
                case CopyStep.Skip _ -> {}
            }
        }
    }
}
