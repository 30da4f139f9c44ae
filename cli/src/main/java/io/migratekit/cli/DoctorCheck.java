package io.migratekit.cli;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What does {@code doctor} ask? All of its checks in the order of the hops from vCenter to the hub's disk, each with its
 * question, the check without which it makes no sense, and what helps if nothing better is known. Names are a contract
 * with scripts.
 */
enum DoctorCheck {
    DESCRIPTORS(
            Part.MACHINE,
            "descriptor limit",
            null,
            "May the job open as many connections as it plans?",
            "raise the limit (LimitNOFILE= of the unit, ulimit -n), or plan fewer --connections"),
    STATE(
            Part.MACHINE,
            "state directory",
            null,
            "Can the job be remembered on this machine?",
            "give a --state-dir that this user may write to"),
    LIBRARIES(
            Part.MACHINE,
            "libraries",
            null,
            "Can the libraries be loaded that talk NBD and hash what is copied?",
            "install libnbd0 and libxxhash0"),
    JOB(
            Part.MACHINE,
            "job",
            null,
            "May the job of this id begin, or go on?",
            "`migratekit why` tells what it waits for; wait for its end"),
    NBDKIT(
            Part.MACHINE,
            "nbdkit",
            null,
            "Is nbdkit here, with the plugin that reads the disks?",
            "install it, and name program and plugin with --nbdkit and --vddk-plugin"),
    VDDK(
            Part.MACHINE,
            "vddk library",
            null,
            "Is VMware's library where the job looks for it?",
            "unpack VDDK 6.7 or newer (x86-64, from Broadcom) and name the folder that holds lib64 with --vddk-libdir"),

    VCENTER_ADDRESS(
            Part.SOURCE,
            "vcenter address",
            null,
            "Has the name of the vCenter an address?",
            "correct --vmware-endpoint, or let the name service of this machine know it"),
    VCENTER_PORT(
            Part.SOURCE,
            "vcenter port",
            VCENTER_ADDRESS,
            "Does somebody accept connections there?",
            "check address, route and firewalls (TCP 443 from this machine to the vCenter)"),
    CERTIFICATE(
            Part.SOURCE,
            "certificate",
            VCENTER_PORT,
            "Is it the vCenter that we trust?",
            "compare with the server's own console, then pin what it shows: --vmware-thumbprint (`migratekit vmware"
                    + " thumbprint HOST`), or name its authority with --vmware-ca-file"),
    EXPIRY(
            Part.SOURCE,
            "certificate expiry",
            VCENTER_PORT,
            "Will its certificate be good for a while?",
            "renew it there, then pin the new one"),
    LOGIN(
            Part.SOURCE,
            "login",
            CERTIFICATE,
            "Are we let in?",
            "check --vmware-username and the password; too many attempts lock an account"),
    VCENTER_CLOCK(
            Part.SOURCE,
            "vcenter clock",
            LOGIN,
            "Is it as late there as here?",
            "let both follow a time server (NTP): leases of snapshots and certificates are judged by clocks"),
    VM(
            Part.SOURCE,
            "vm",
            LOGIN,
            "Is the VM there, and can we see it?",
            "correct --vmware-path; `migratekit vmware list` shows what this user sees"),
    PRIVILEGES(
            Part.SOURCE,
            "privileges",
            VM,
            "May this user do what a backup does?",
            "give them to the user's role at the vCenter, and that role to the user on the VM and its datastores"),
    VM_STATE(
            Part.SOURCE,
            "vm state",
            VM,
            "Can the VM be frozen by a snapshot?",
            "bring the VM into a state in which vSphere takes snapshots of it"),
    DISKS(
            Part.SOURCE,
            "disks",
            VM,
            "Can each of its disks be read the way that was chosen?",
            "leave the disk out with --skip-disk, change it, or choose another --source"),
    FILES(
            Part.SOURCE,
            "disk files",
            DISKS,
            "Does the datastore give us the files of the disks by HTTPS?",
            "open https://VCENTER/folder as the same user, or read through VDDK"),
    TRACKING(
            Part.SOURCE,
            "change tracking",
            VM,
            "Does vSphere write down what changes on each disk?",
            "switch it on while the VM has no snapshots: migratekit vmware enable-cbt"),
    OUR_SNAPSHOTS(
            Part.SOURCE,
            "our snapshots",
            VM,
            "Has another backup frozen the VM, or left a snapshot?",
            "wait for the end of that backup"),
    OTHER_SNAPSHOTS(
            Part.SOURCE,
            "other snapshots",
            VM,
            "Does the VM carry snapshots of somebody else?",
            "remove them in vSphere, if nobody needs them"),
    CONSOLIDATION(
            Part.SOURCE,
            "consolidation",
            VM,
            "Are there files of snapshots that nobody merged?",
            "consolidate the VM's disks in vSphere before the next backup"),
    ESXI_ADDRESS(
            Part.SOURCE,
            "esxi address",
            VM,
            "Has the name of the ESXi host, from which VDDK reads, an address?",
            "vCenter tells names, not addresses: let the name service of this machine know the ESXi hosts, or add them"
                    + " to /etc/hosts"),
    ESXI_PORT(
            Part.SOURCE,
            "esxi port",
            ESXI_ADDRESS,
            "Does the ESXi host accept connections for reading disks?",
            "allow TCP 902 from this machine to each ESXi host"),
    NFC(
            Part.SOURCE,
            "nfc limits",
            VM,
            "Has the ESXi host room for so many disks at once?",
            "plan fewer --disks-at-once"),

    TUNNEL(
            Part.ROAD,
            "tunnel service",
            null,
            "Is the tunnel up?",
            "`migratekit tunnel status` tells how it is, `systemctl status migratekit-tunnel@NAME` whether it runs"),
    SSH_ADDRESS(Part.ROAD, "ssh address", null, "Has the name of the SSH server an address?", "correct --ssh"),
    SSH_CONNECTION(Part.ROAD, "ssh connection", SSH_ADDRESS, "Does somebody accept connections there?", ""),
    SSH_VERSION(Part.ROAD, "ssh version", SSH_CONNECTION, "Is it an SSH server, and does it answer?", ""),
    HOST_KEY(Part.ROAD, "ssh host key", SSH_VERSION, "Is it the SSH server that we trust?", ""),
    PRIVATE_KEY(Part.ROAD, "ssh private key", null, "Can our key be used?", ""),
    AUTHENTICATION(Part.ROAD, "ssh authentication", HOST_KEY, "Are we let in?", ""),
    ROUND_TRIP(Part.ROAD, "round trip", AUTHENTICATION, "How long is the road?", ""),
    KEEPALIVE(
            Part.ROAD,
            "keepalive",
            null,
            "How soon is a dead road noticed?",
            "let [tunnel.NAME] have a shorter keepalive, or fewer misses"),

    TARGETS(
            Part.EXPORT,
            "targets",
            VM,
            "Is there one export for each disk?",
            "name an export for each disk with --nbd-target DISK=URI"),
    FORWARD(Part.EXPORT, "forward", AUTHENTICATION, "Does the SSH server let us through to it?", ""),
    LISTENING(Part.EXPORT, "listening", FORWARD, "Does anybody listen at the far end?", ""),
    NBD_ADDRESS(Part.EXPORT, "nbd address", LISTENING, "Has the name of the NBD server an address?", ""),
    NBD_CONNECTION(Part.EXPORT, "nbd connection", NBD_ADDRESS, "Does somebody accept connections there?", ""),
    GREETING(Part.EXPORT, "nbd greeting", NBD_CONNECTION, "Does an NBD server greet us?", ""),
    NBD_TLS(Part.EXPORT, "nbd encryption", GREETING, "Do we agree on encryption?", ""),
    OPTIONS(Part.EXPORT, "nbd options", NBD_TLS, "Does it answer after its greeting?", ""),
    EXPORT(Part.EXPORT, "export", OPTIONS, "Is there such an export?", ""),
    CONTEXTS(Part.EXPORT, "contexts", EXPORT, "What does it tell about the disk?", ""),
    OPEN(Part.EXPORT, "open", EXPORT, "Can the export be opened?", ""),
    BLOCK_STATUS(
            Part.EXPORT,
            "block status",
            OPEN,
            "Does it say where the disk is empty (base:allocation)?",
            "use a server that offers base:allocation, as qemu-nbd does"),
    LATENCY(Part.EXPORT, "latency", OPEN, "How long does one answer take?", ""),
    SLOTS(Part.EXPORT, "slots", OPEN, "Are as many clients served at once as the job plans?", ""),
    MULTI_CONN(
            Part.EXPORT,
            "multi-conn",
            SLOTS,
            "May several connections write to it?",
            "start qemu-nbd with --shared=N, which lets it say so; or plan --connections 1"),
    SIZE(
            Part.EXPORT,
            "size",
            EXPORT,
            "Does the disk fit into the export?",
            "make the image behind the export as large as the disk (qemu-img resize)"),
    WRITABLE(
            Part.EXPORT,
            "writable",
            EXPORT,
            "May the export be written to?",
            "start the server without --read-only, as a user who may write to the image"),

    HUB(Part.HUB, "hub", AUTHENTICATION, "Does a hub answer?", "start `migratekit hub serve` there, or correct --hub"),
    HUB_TOKEN(
            Part.HUB,
            "hub token",
            HUB,
            "Are we let in?",
            "give a token of `migratekit hub token add` by --hub-token-file"),
    HUB_VERSION(Part.HUB, "hub version", HUB, "Are agent and hub of one version?", "bring both to one version"),
    HUB_CLOCK(
            Part.HUB,
            "hub clock",
            HUB_TOKEN,
            "Is it as late there as here?",
            "let both follow a time server (NTP): leases and the age of restore points are judged by clocks"),
    HUB_ALARMS(
            Part.HUB,
            "hub alarms",
            HUB_TOKEN,
            "Is there something at the hub that somebody should look after?",
            "look after it at the hub"),
    HUB_RECORDS(
            Part.HUB,
            "hub records",
            HUB_TOKEN,
            "Can the hub read what it knows of its backups?",
            "restore the files that are named, at the hub, from what keeps its repository"),
    HUB_LEASE(
            Part.HUB,
            "hub lease",
            HUB_TOKEN,
            "Is another backup of the VM being written?",
            "wait for it, or end it: migratekit hub abandon ID"),
    HUB_SPACE(
            Part.HUB,
            "hub space",
            HUB_TOKEN,
            "Will the backup fit?",
            "make room at the hub, or let old restore points go: migratekit hub prune"),
    HUB_EXPORTS(
            Part.HUB,
            "hub exports",
            HUB_TOKEN,
            "Can the hub serve layers, and shall we get to them?",
            "let sshd allow the ports of all exports, in one line with the hub's own, as `migratekit hub sshd-config` prints it");

    /** Where is something looked at? */
    enum Part {
        MACHINE("this machine", ExitCode.LOCAL_STATE),
        SOURCE("the source", ExitCode.SOURCE_UNREACHABLE),
        ROAD("the road", ExitCode.TUNNEL),
        EXPORT("the export", ExitCode.NBD_SILENT),
        HUB("the hub", ExitCode.HUB_UNREACHABLE);

        private final String words;
        private final ExitCode silence;

        Part(String words, ExitCode silence) {
            this.words = words;
            this.silence = silence;
        }

        /** The code for a question that was not answered within its limit. */
        ExitCode silence() {
            return silence;
        }

        String words() {
            return words;
        }

        List<DoctorCheck> checks() {
            return Arrays.stream(DoctorCheck.values())
                    .filter(check -> check.part == this)
                    .toList();
        }
    }

    private final Part part;
    private final String word;
    private final @Nullable DoctorCheck needs;
    private final String question;
    private final String remedy;

    DoctorCheck(Part part, String word, @Nullable DoctorCheck needs, String question, String remedy) {
        this.part = part;
        this.word = word;
        this.needs = needs;
        this.question = question;
        this.remedy = remedy;
    }

    Part part() {
        return part;
    }

    String word() {
        return word;
    }

    /** Without this one being well it is not asked. */
    @Nullable
    DoctorCheck needs() {
        return needs;
    }

    String question() {
        return question;
    }

    /** What helps, if whoever asked knows nothing better. */
    String remedy() {
        return remedy;
    }
}
