package io.migratekit.vmware;

import java.util.List;
import java.util.Optional;

/**
 * What do nbdkit and VDDK mean by what they say? Their known failures in the words of cause and remedy.
 *
 * <p>The signs are what the plugin's source, VMware's documents and other users' reports show. Order matters: what VDDK
 * says last ("Unknown error") is true of everything, so the particular stands before the general.
 */
final class VddkTrouble {
    private static final String HOST = "the ESXi host on which the VM runs";
    private static final String OTHER_CERTIFICATE =
            "the certificate of the server is not the one with the thumbprint that VDDK was given: it was renewed, or"
                    + " somebody else answered. 'migratekit vmware thumbprint HOST' shows the present one";

    static final String NO_PLUGIN =
            "this nbdkit lacks the plugin that reads VMware's disks. Debian 12 has no package of it: use a newer"
                    + " Debian (nbdkit-plugin-vddk in contrib), Ubuntu 25.04 or Fedora (nbdkit-vddk-plugin), or build"
                    + " nbdkit with it, and name that program and plugin (--nbdkit, --vddk-plugin); or read the VM"
                    + " while it is off, by HTTPS (--source folder)";

    private static final List<KnownTrouble> KNOWN = List.of(
            new KnownTrouble("cannot open plugin", NO_PLUGIN),
            new KnownTrouble(
                    "libvixDiskLib\\S*: cannot open shared object|required VDDK symbol|set libdir=",
                    "VMware's library VDDK was not found or cannot be loaded. Unpack VDDK 6.7 or newer (x86-64, from"
                            + " Broadcom) and let the library folder (libdir) name the folder that holds lib64"),
            new KnownTrouble(
                    "Failed to allocate the requested|NFC error 5\\b",
                    "the ESXi host has no buffers left for reading disks (NFC). Read fewer disks of this host at once,"
                            + " or wait until other backups are over; requests should not be larger than 2 MiB"),
            new KnownTrouble(
                    "too many (open )?(connections|sessions)|maximum number of (connections|sessions)|NFC_?SESSION"
                            + "|session limit|Out of HTTP sessions|the server is too busy",
                    "the vCenter or the ESXi host accepts no further connection (about 50 at once by vCenter). Read fewer"
                            + " disks at once, or wait until other backups are over"),
            new KnownTrouble(
                    "incorrect user ?name or password|InvalidLogin|Failed to log ?in|not authenticated",
                    "vCenter did not accept the user name and the password. Check them; too many attempts lock the"
                            + " account"),
            new KnownTrouble(
                    "actual thumbprint=|thumbprint (does not match|mismatch)|Failed to verify SSL certificate",
                    OTHER_CERTIFICATE),
            new KnownTrouble(
                    "licen[cs]e",
                    "the licence of the ESXi host does not allow reading disks over the network; the free ESXi does not."
                            + " Use a licensed host, or read the VM while it is off, by HTTPS (--source folder)"),
            new KnownTrouble(
                    "Host address lookup for server|Name or service not known|cannot resolve",
                    "the name of the ESXi host could not be resolved on this machine. vCenter tells names, not addresses:"
                            + " let the DNS here know the ESXi hosts, or add them to /etc/hosts"),
            new KnownTrouble(
                    ":902\\b|refused connecti|authd|CnxOpenTCPSocket|Couldn't connect to",
                    "no connection came about with port 902 of " + HOST + ". Disks are read from"
                            + " there, not from vCenter: allow TCP 902 from this machine to each ESXi host"),
            new KnownTrouble(
                    "locked|already in use|FileLock|Failed to lock",
                    "the file of the disk is locked: another program has it open, such as a second backup, or the VM runs"
                            + " on it without the snapshot. Let the other end, then try again"),
            new KnownTrouble(
                    "You do not have access rights|NoPermission|Insufficient permission|not have permission",
                    "the user may not read this disk, or it belongs to no snapshot any more. The role needs"
                            + " Provisioning.DiskRandomRead (allow read-only disk access) and"
                            + " Provisioning.GetVmFiles on the VM and Datastore.Browse"),
            new KnownTrouble(
                    "A file was not found|FileNotFound|file does not exist|could not find the file",
                    "the file of the disk is not there. It was moved (Storage vMotion) or its snapshot was removed"
                            + " meanwhile: begin anew with a new snapshot"),
            new KnownTrouble(
                    "LD_LIBRARY_PATH|GLIBC|symbol lookup error|undefined symbol",
                    "VDDK and this machine's libraries do not fit together. Keep VDDK out of the system's library folders"
                            + " and out of LD_LIBRARY_PATH"),
            new KnownTrouble(
                    ": Unknown error\\b(?s:.*)Please verify whether the \"thumbprint\"",
                    "most likely " + OTHER_CERTIFICATE));

    private VddkTrouble() {}

    /** The same, where it is known on which host the VM runs: that is whom the network has to let us reach. */
    static Optional<String> explain(String said, Optional<String> host) {
        return explain(said)
                .map(words -> host.map(name -> words.replace(HOST, "the ESXi host " + name + ", on which the VM runs"))
                        .orElse(words));
    }

    /** Cause and remedy; the last error quoted if it is none that we know; nothing if nothing was said. */
    static Optional<String> explain(String said) {
        return KnownTrouble.explain(KNOWN, said);
    }
}
