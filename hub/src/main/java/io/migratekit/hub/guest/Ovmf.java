package io.migratekit.hub.guest;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Where is the firmware of a machine with EFI? The build without secure boot, which starts signed systems as well.
 *
 * @param code what is executed; nobody writes to it
 * @param variables what a new machine's copy is made of
 */
record Ovmf(Path code, Path variables) {
    /** As distributions install it: Debian (two generations), Fedora, Arch, SUSE. */
    static final List<Ovmf> KNOWN = List.of(
            of("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
            of("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
            of("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
            of("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
            of("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"));

    private static Ovmf of(String code, String variables) {
        return new Ovmf(Path.of(code), Path.of(variables));
    }

    /** The first of these that is installed. */
    static Optional<Ovmf> find(List<Ovmf> candidates) {
        return candidates.stream()
                .filter(one -> Files.isReadable(one.code()) && Files.isReadable(one.variables()))
                .findFirst();
    }
}
