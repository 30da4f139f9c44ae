package io.migratekit.hub.guest;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What do the guest's processors execute at this moment, as qemu's {@code info registers} shows it? Firmware and boot
 * loaders run with all rights, at low addresses. Only the kernel of an operating system lives in the upper half of the
 * addresses, and only such a kernel lets programs run with fewer rights. So this sees a guest that says nothing.
 */
final class Processors {
    private static final Pattern ONE =
            Pattern.compile("[ER]IP=([0-9a-f]+) [ER]FL=([0-9a-f]+) .*?CPL=([0-3]).*?CR0=([0-9a-f]+)", Pattern.DOTALL);
    private static final long PAGING = 1L << 31;
    private static final long VIRTUAL_8086 = 1L << 17;

    private Processors() {}

    /** {@link Sign#PROGRAMS}, {@link Sign#KERNEL} or {@link Sign#NOTHING}. */
    static Sign sign(String registers) {
        Sign furthest = Sign.NOTHING;
        Matcher one = ONE.matcher(registers);
        while (one.find()) {
            Sign sign = sign(one.group(1), hex(one.group(2)), one.group(3).equals("3"), hex(one.group(4)));
            furthest = sign.compareTo(furthest) > 0 ? sign : furthest;
        }
        return furthest;
    }

    private static Sign sign(String address, long flags, boolean isProgram, long cr0) {
        if ((cr0 & PAGING) == 0 || (flags & VIRTUAL_8086) != 0) {
            return Sign.NOTHING;
        }
        if (isProgram) {
            return Sign.PROGRAMS;
        }
        // With 32 bits the upper half begins at 2 or 3 GiB.
        return hex(address) < 0 || (address.length() == 8 && hex(address) >= 0x80000000L) ? Sign.KERNEL : Sign.NOTHING;
    }

    private static long hex(String digits) {
        return Long.parseUnsignedLong(digits, 16);
    }
}
