package io.migratekit.vmware;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How is a disk read where there is no VDDK? Through the HTTPS folder of the datastore, by nbdkit's curl plugin: only
 * the flat file of a disk without a chain, of a VM that is off. It knows no holes, so all of the disk is read, through
 * vCenter: the slowest way.
 *
 * <p>A pinned certificate is given to curl as its only authority, and the folder of other authorities is an empty one.
 * curl insists on the name of the server besides: a pinned certificate has to carry the name by which we call it.
 */
public final class FolderSource {
    private static final Pattern FILE = Pattern.compile("\\[([^\\]]+)] ?(.+)\\.vmdk");
    private static final Pattern LINK_OF_A_CHAIN = Pattern.compile(".*-\\d{6}\\.vmdk");

    static final String NO_PLUGIN =
            "this nbdkit lacks the plugin curl, which reads by HTTPS; Debian has it in the package nbdkit, others as"
                    + " nbdkit-curl-plugin";

    private static final List<KnownTrouble> KNOWN = List.of(
            new KnownTrouble("cannot open plugin", NO_PLUGIN),
            new KnownTrouble(
                    "alternative certificate subject name|does not match target host|hostname verification",
                    "the certificate of the server does not carry the name by which we call it. A pin does not help here:"
                            + " use the name that is in the certificate, or read through VDDK"),
            new KnownTrouble(
                    "certificate|SSL peer|CAfile|CA cert",
                    "the certificate of the server is not the one that was pinned, no authority that we believe vouches"
                            + " for it, or it has expired"),
            new KnownTrouble(
                    "returned error: 401|Login denied",
                    "the server did not accept the user name and the password, or the session is over"),
            new KnownTrouble(
                    "returned error: 403",
                    "the user may not read files of this datastore. The role needs Datastore.Browse and"
                            + " Datastore.FileManagement"),
            new KnownTrouble(
                    "returned error: 404",
                    "there is no such file. The datacenter or the datastore has another name, or the disk is not a flat"
                            + " file"),
            new KnownTrouble(
                    "returned error: 5\\d\\d",
                    "vCenter could not give the file: it is locked because the VM runs, or too many HTTP sessions are"
                            + " open"),
            new KnownTrouble(
                    "range' \\(byte range\\)", "what answers there cannot give parts of files, so it is no vSphere"),
            new KnownTrouble("Could not resolve host", "the name of the server could not be resolved on this machine"),
            new KnownTrouble(
                    "Failed to connect|Connection refused|timed out",
                    "no connection to port 443 of the server came about, or it did not answer in time"));

    private FolderSource() {}

    /**
     * What decides whether a disk may be read this way. All of it as it was before we took a snapshot.
     *
     * @param running whether the VM is on or suspended
     * @param snapshots how many snapshots the VM has
     * @param rawDevice whether the disk is a raw device mapping
     * @param datastoreType as vSphere calls it, such as {@code VMFS}, {@code NFS}, {@code vsan} or {@code VVOL}
     */
    public record Facts(boolean running, int snapshots, boolean rawDevice, String datastoreType) {}

    /** Why this disk may not be read by HTTPS, in one sentence; nothing if it may. */
    public static Optional<String> refusal(VmDisk disk, Facts facts) {
        String cannot = "cannot read " + disk + " by HTTPS: ";
        String type = facts.datastoreType().toLowerCase(Locale.ROOT);
        if (facts.running()) {
            return Optional.of(cannot + "the VM is not powered off, and the host locks the files of a running VM."
                    + " Power it off, or use VDDK.");
        }
        if (disk.encrypted()) {
            return Optional.of(
                    cannot + "it is encrypted, and its file holds what nobody else could decrypt. Use VDDK.");
        }
        if (facts.rawDevice() || disk.backing().startsWith("RawDisk")) {
            return Optional.of(cannot + "it is a raw device, whose content is in no file. Use VDDK, or copy it on its"
                    + " storage.");
        }
        if (type.equals("vsan") || type.equals("vvol") || type.equals("vsand")) {
            return Optional.of(cannot + "its datastore is a " + facts.datastoreType()
                    + ", where disks are objects and not files. Use VDDK.");
        }
        if (disk.isClone()) {
            return Optional.of(cannot + "it is a linked clone, and a part of it is in "
                    + String.join(", ", disk.parents()) + ". Only VDDK can put them together.");
        }
        if (facts.snapshots() > 0 || LINK_OF_A_CHAIN.matcher(disk.file()).matches()) {
            return Optional.of(cannot + "the VM has snapshots, so the disk is a chain of files, which only VDDK can put"
                    + " together. Remove the snapshots, or use VDDK.");
        }
        if (!disk.backing().equals("FlatVer2")) {
            return Optional.of(cannot + "its file is a " + disk.backing() + " and no flat one. Use VDDK.");
        }
        return Optional.empty();
    }

    /**
     * Serves the flat file of a disk.
     *
     * @param datacenter the path of its datacenter in the inventory; {@code ha-datacenter} on a host alone
     * @param cookie a living session ({@code vmware_soap_session=...}), so that reads open no sessions of their own;
     *     without it user name and password go along with each read
     * @param seen the certificate that the server has shown and that was found trustworthy
     * @throws VSphereException.DiskServerFailed with cause and remedy, if it does not come to serve
     */
    public static DiskServer start(
            VCenterSpec vc,
            VmDisk disk,
            String datacenter,
            Optional<Secret> cookie,
            X509Certificate seen,
            DiskServerSpec spec,
            DiskServer.Listener listener) {
        Nbdkit.Builder nbdkit = DiskServer.builder(spec, "curl", listener)
                .parameter("url=" + url(vc.endpoint(), disk, datacenter))
                .parameter("protocols=https")
                .parameter("followlocation=false")
                .parameter("timeout=" + Math.max(1, spec.limits().httpRequest().toSeconds()));
        trust(nbdkit, vc, seen);
        if (cookie.isPresent()) {
            nbdkit.secretParameter("cookie", DiskServer.secret("session cookie", cookie.get()));
        } else {
            nbdkit.parameter("user=" + vc.username())
                    .secretParameter("password", DiskServer.secret("password", vc.password()));
        }
        return DiskServer.start(nbdkit, disk, spec, disk + " by HTTPS", FolderSource::explain, listener);
    }

    /** The name of the datastore that holds its file; empty if the file's name does not tell. */
    static String datastore(VmDisk disk) {
        Matcher file = FILE.matcher(disk.file());
        return file.matches() ? file.group(1) : "";
    }

    static Optional<String> explain(String said) {
        return KnownTrouble.explain(KNOWN, said);
    }

    static String url(Endpoint server, VmDisk disk, String datacenter) {
        Matcher file = FILE.matcher(disk.file());
        if (!file.matches()) {
            throw new VSphereException.BadSpec(
                    "the name of the disk's file is not like [datastore] folder/name.vmdk: " + disk.file());
        }
        return "https://" + server + "/folder/" + escaped(file.group(2)).replace("%2F", "/") + "-flat.vmdk?dcPath="
                + escaped(datacenter) + "&dsName=" + escaped(file.group(1));
    }

    private static String escaped(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static void trust(Nbdkit.Builder nbdkit, VCenterSpec vc, X509Certificate seen) {
        switch (vc.trust()) {
            case Trust.Pin(Thumbprint pinned) -> {
                if (!pinned.matches(seen)) {
                    throw new VSphereException.Untrusted("The certificate of " + vc.endpoint() + " has the thumbprint "
                            + Thumbprint.sha256(seen) + ", but " + pinned + " was expected.");
                }
                nbdkit.parameter(folder -> "cainfo=" + pem(folder, seen)).parameter(FolderSource::noOtherAuthority);
            }
            case Trust.CaFile(Path file) ->
                nbdkit.parameter("cainfo=" + file.toAbsolutePath()).parameter(FolderSource::noOtherAuthority);
            case Trust.SystemCa() -> {} // What curl believes by itself.
        }
    }

    private static Path pem(Path folder, X509Certificate certificate) {
        try {
            String encoded = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded());
            return Files.writeString(
                    folder.resolve("pinned.pem"),
                    "-----BEGIN CERTIFICATE-----\n" + encoded + "\n-----END CERTIFICATE-----\n");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the pinned certificate into " + folder, e);
        } catch (CertificateEncodingException e) {
            throw new VSphereException.Untrusted("the certificate of the server cannot be read: " + e.getMessage());
        }
    }

    /** Without this, curl would believe every authority of this machine besides the pinned certificate. */
    private static String noOtherAuthority(Path folder) {
        try {
            return "capath=" + Files.createDirectories(folder.resolve("no-authorities"));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make a folder in " + folder, e);
        }
    }
}
