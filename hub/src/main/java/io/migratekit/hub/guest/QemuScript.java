package io.migratekit.hub.guest;

import java.util.List;
import java.util.StringJoiner;

/** How is the restored VM started with nothing but qemu? A shell script that lies beside the disks. */
final class QemuScript {
    static final String FILE = "run-qemu.sh";

    private static final String OPTIONS = """
            set -eu
            case $0 in */*) cd -- "${0%/*}/" ;; esac
            qemu=${QEMU:-qemu-system-x86_64}
            command -v "$qemu" > /dev/null || {
                echo "run-qemu.sh: $qemu is not installed (Debian: apt-get install qemu-system-x86)" >&2
                exit 1
            }
            serial='' throw_away='' network=yes
            while [ $# -gt 0 ]; do
                case $1 in
                    --serial) serial=yes ;;
                    --throw-away) throw_away=yes ;;
                    --no-network) network='' ;;
                    *) break ;;
                esac
                shift
            done
            if [ -n "$serial" ]; then set -- -display none -serial mon:stdio "$@"; else set -- -serial null "$@"; fi
            if [ -n "$throw_away" ]; then set -- -snapshot "$@"; fi
            """;

    private QemuScript() {}

    static String of(Machine machine, List<GuestDisk> disks) {
        boolean isEfi = machine.firmware() == Firmware.EFI;
        StringBuilder script = new StringBuilder(head(machine.name(), isEfi));
        script.append(Wording.comments("#", Wording.notes(machine, disks))).append(OPTIONS);
        if (isEfi) {
            script.append(firmware());
        }
        network(machine, script);
        script.append("case ${DISKS:-same} in\n");
        seats("same", Wiring.seats(machine, disks, Bus::inQemu), script);
        seats("sata", Wiring.seats(machine, disks, (_, _) -> Bus.SATA), script);
        seats("virtio", Wiring.seats(machine, disks, (_, _) -> Bus.VIRTIO), script);
        script.append("    *) echo \"run-qemu.sh: DISKS is same, sata or virtio, not $DISKS\" >&2; exit 2 ;;\nesac\n");
        for (int i = disks.size() - 1; i >= 0; i--) {
            // In front of what came before, so from the last one on.
            GuestDisk disk = disks.get(i);
            script.append("set -- -drive ")
                    .append(Shell.word("if=none,id=disk" + i + ",format=" + disk.format() + ",file=./"
                            + QemuDisks.escaped(disk.file())))
                    .append(" \"$@\"\n");
        }
        return script.append(start(machine)).toString();
    }

    private static String head(String name, boolean isEfi) {
        return """
            #!/bin/sh
            # Starts the restored VM %s with qemu-system-x86_64 (Debian: qemu-system-x86%s).
            #
            #   sh run-qemu.sh [--serial] [--throw-away] [--no-network] [more words for qemu]
            #
            #   --serial        no window: the VM's first serial port is this terminal (end it with Ctrl-A X)
            #   --throw-away    what the VM writes is forgotten when it ends; the disks stay as they are
            #   --no-network    the VM has no network card; otherwise it sees the world through this host, and nobody sees it
            #
            # DISKS=same|sata|virtio sh run-qemu.sh: what the disks hang on. 'same' is as near as qemu has it to what the VM
            # had. virtio is the fastest, once the guest has its drivers (Linux has; Windows needs those of virtio-win).
            # MEMORY=4096M, CPUS=2, ACCEL=tcg and QEMU=/usr/bin/... choose what else it gets. Within a VM KVM may be slower than TCG.
            """.formatted(Shell.comment(name), isEfi ? " and ovmf" : "");
    }

    /** The variables are the machine's own, and may be written to. */
    private static String firmware() {
        StringJoiner pairs = new StringJoiner(" \\\n    ");
        Ovmf.KNOWN.forEach(one -> pairs.add(one.code() + ":" + one.variables()));
        return """
            firmware=''
            for pair in %s
            do
                if [ -r "${pair%%:*}" ] && [ -r "${pair#*:}" ]; then firmware=$pair; break; fi
            done
            [ -n "$firmware" ] || {
                echo "run-qemu.sh: the VM needs the firmware OVMF, which is not installed (Debian: apt-get install ovmf)" >&2
                exit 1
            }
            [ -e efi-variables.fd ] || cp -- "${firmware#*:}" efi-variables.fd
            set -- -drive "if=pflash,unit=0,format=raw,readonly=on,file=${firmware%%%%:*}" \\
                -drive if=pflash,unit=1,format=raw,file=./efi-variables.fd "$@"
            """.formatted(pairs);
    }

    private static void network(Machine machine, StringBuilder script) {
        if (machine.nics().isEmpty()) {
            return;
        }
        script.append("if [ -n \"$network\" ]; then\n");
        for (int i = machine.nics().size() - 1; i >= 0; i--) {
            MachineNic nic = machine.nics().get(i);
            script.append("    set -- -netdev user,id=net" + i + " -device "
                            + nic.model().word() + ",netdev=net" + i)
                    .append(nic.mac().isEmpty() ? "" : ",mac=" + nic.mac())
                    .append(" \"$@\"\n");
        }
        script.append("fi\n");
    }

    private static void seats(String name, List<Seat> seats, StringBuilder script) {
        script.append("    ").append(name).append(") set --");
        List<String> words = QemuDisks.words(seats);
        for (int i = 0; i < words.size(); i += 2) {
            script.append(" \\\n        ").append(words.get(i)).append(' ').append(words.get(i + 1));
        }
        script.append(" \"$@\" ;;\n");
    }

    private static String start(Machine machine) {
        return """
            # KVM if a machine can be made with it, which within another VM is not so everywhere.
            if [ -z "${ACCEL:-}" ]; then
                if echo quit | "$qemu" -nodefaults -machine q35 -accel kvm -cpu max -S -display none -monitor stdio > /dev/null 2>&1; then
                    ACCEL=kvm
                else
                    ACCEL=tcg
                fi
            fi
            set -- -accel "$ACCEL" "$@"
            exec "$qemu" -nodefaults -no-user-config -name %s -machine %s -cpu max \\
                -smp "${CPUS:-%s}" -m "${MEMORY:-%dM}"%s -device VGA \\
                -rtc base=%s -nic none "$@"
            """.formatted(
                        Shell.word("guest=" + QemuDisks.escaped(Plain.line(machine.name()))),
                        Wiring.qemuMachine(machine),
                        "sockets=" + machine.sockets() + ",cores=" + machine.coresPerSocket(),
                        machine.memoryBytes() >> 20,
                        machine.uuid().isEmpty() ? "" : " -uuid " + machine.uuid(),
                        Wiring.isWindows(machine) ? "localtime" : "utc");
    }
}
