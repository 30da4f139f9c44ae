package io.migratekit.hub.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Do real parsers and a real shell read the files as they are meant, also when names are hostile? */
class GuestFilesTest {
    private static final String HOSTILE =
            "a'b\"c$(touch pwned)`touch pwned`\n</name>&<x a=\"'>\u0001\\,--;${HOME}\ud800";

    private static final String LONG =
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                    + "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"web01", HOSTILE, "", "-n", "..", "%s%n", "名前 ü", LONG})
    void theDomainIsXmlThatSaysWhatTheMachineWas(String name) throws Exception {
        write(Points.machine(name), disks());
        Document xml = DocumentBuilderFactory.newDefaultInstance()
                .newDocumentBuilder()
                .parse(folder.resolve(LibvirtXml.FILE).toFile());
        Element domain = xml.getDocumentElement();
        assertEquals("695c0894-33bf-449d-b1b6-2440b0d5bc21", text(domain, "uuid"));
        assertEquals("2048", text(domain, "memory"));
        assertEquals("4", text(domain, "vcpu"));
        assertFalse(text(domain, "name").matches("(?s).*[\\n/].*|[.-].*|.{200,}|"), text(domain, "name"));
        assertEquals(
                name.isEmpty() ? 0 : 1, domain.getElementsByTagName("title").getLength());
        List<String> sources = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            sources.add(((Element) domain.getElementsByTagName("source").item(i)).getAttribute("file"));
        }
        assertEquals(
                List.of(
                        folder.resolve("disk-2000.qcow2").toString(),
                        folder.resolve("d $(touch pwned)'\",;&<.raw").toString(),
                        folder.resolve("disk-32000.qcow2").toString()),
                sources);
        assertEquals(
                "00:50:56:00:00:e3",
                ((Element) domain.getElementsByTagName("mac").item(0)).getAttribute("address"));
        assertEquals(
                "vmpvscsi", ((Element) domain.getElementsByTagName("controller").item(0)).getAttribute("model"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"web01", HOSTILE, "", "-n", "%s%n"})
    void theShellHandsQemuWhatIsMeant(String name) throws IOException {
        write(Points.machine(name), disks());
        List<String> words = said(QemuScript.FILE, "qemu", "QEMU=" + recorder("qemu"));
        assertTrue(words.contains("if=none,id=disk1,format=raw,file=./d $(touch pwned)'\",,;&<.raw"), () -> "" + words);
        assertTrue(words.contains("vmxnet3,netdev=net0,mac=00:50:56:00:00:e3"), () -> "" + words);
        assertTrue(words.contains("scsi-hd,bus=pvscsi0.0,scsi-id=1,drive=disk1,bootindex=2"), () -> "" + words);
        assertTrue(words.contains("nvme,serial=nvme0,drive=disk2,bootindex=3"), () -> "" + words);
        assertEquals(
                "guest=" + Plain.line(name).replace(",", ",,"),
                words.get(words.indexOf("-name") + 1),
                () -> "" + words);
    }

    /** There is no Proxmox to try it with: what is looked at is what its commands would be told. */
    @ParameterizedTest
    @ValueSource(strings = {"web01", HOSTILE, "", "-n", "%s%n"})
    void theShellHandsProxmoxWhatIsMeant(String name) throws IOException {
        write(Points.machine(name), disks());
        recorder("qm");
        List<String> words = said(ProxmoxScript.FILE, "qm", "PATH=" + folder + ":/usr/bin:/bin", "VMID=77");
        assertTrue(words.get(words.indexOf("--name") + 1).matches("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"));
        assertTrue(words.contains("vmxnet3=00:50:56:00:00:E3,bridge=vmbr0,link_down=1"), () -> "" + words);
        assertTrue(words.contains("local-lvm:0,import-from=" + folder + "/disk-2000.qcow2"), () -> "" + words);
        assertTrue(words.contains("local-lvm:0,import-from=" + folder + "/disk-2001-link.raw"), () -> "" + words);
        assertEquals(
                "./d $(touch pwned)'\",;&<.raw",
                Files.readSymbolicLink(folder.resolve("disk-2001-link.raw")).toString());
        assertTrue(words.contains("order=scsi0"), () -> "" + words);
    }

    @Test
    void optionsOfTheScriptReachQemu() throws IOException {
        write(Points.machine("web01"), disks());
        List<String> words = said(
                QemuScript.FILE + " --serial --throw-away --no-network -S",
                "qemu",
                "QEMU=" + recorder("qemu"),
                "DISKS=virtio",
                "MEMORY=1G");
        assertTrue(words.containsAll(List.of("mon:stdio", "-snapshot", "-S", "1G")), () -> "" + words);
        assertFalse(String.join(" ", words).contains("netdev"), () -> "" + words);
        assertTrue(words.contains("virtio-scsi-pci,id=virtio0"), () -> "" + words);
    }

    /** Without it a Linux starts its boot loader from the disk, and then does not find it: bin/soak boot has seen that. */
    @Test
    void aDiskOnSasHasAName() throws IOException {
        write(Points.machine(Firmware.BIOS, DiskBus.LSI_LOGIC_SAS), List.of(new GuestDisk(2000, "disk.raw", "raw")));
        assertTrue(said(QemuScript.FILE, "qemu", "QEMU=" + recorder("qemu"))
                .contains("scsi-hd,bus=mptsas0.0,scsi-id=0,drive=disk0,bootindex=1,wwn=0x5000c29000000001"));
        assertTrue(Files.readString(folder.resolve(LibvirtXml.FILE)).contains("<wwn>5000c29000000001</wwn>"));
    }

    @Test
    void anEfiMachineSaysWhatIsNotAsItWas() throws IOException {
        write(Points.machine(Firmware.EFI, DiskBus.LSI_LOGIC_SAS), List.of(new GuestDisk(2000, "disk.raw", "raw")));
        String text = Files.readString(folder.resolve(RestoreText.FILE));
        assertTrue(text.contains("NVRAM"), text);
        assertTrue(text.contains("-firmware efi"), text);
        assertTrue(text.contains("-disk.controller lsilogic-sas"), text);
        String xml = Files.readString(folder.resolve(LibvirtXml.FILE));
        assertTrue(xml.contains("LSI Logic SAS hang on SATA here"), xml);
    }

    private void write(Machine machine, List<GuestDisk> disks) throws IOException {
        List<Path> written = GuestFiles.write(machine, List.of("restore point web-1"), disks, folder);
        assertEquals(4, written.size());
        for (Path file : written) {
            if (file.toString().endsWith(".sh")) {
                Tool.run("sh", "-n", file.toString());
            }
        }
    }

    private static List<GuestDisk> disks() {
        return List.of(
                new GuestDisk(32000, "disk-32000.qcow2", "qcow2"),
                new GuestDisk(2000, "disk-2000.qcow2", "qcow2"),
                new GuestDisk(2001, "d $(touch pwned)'\",;&<.raw", "raw"));
    }

    /** A program that writes down what it is told, a zero byte behind each word. */
    private Path recorder(String name) throws IOException {
        Path program = folder.resolve(name);
        Files.writeString(program, "#!/bin/sh\nprintf '%s\\0' \"$@\" >> \"" + program + ".words\"\n");
        assertTrue(program.toFile().setExecutable(true));
        return program;
    }

    /** Runs a script of the folder from elsewhere, and gives the words that it hands over. */
    private List<String> said(String script, String program, String... variables) throws IOException {
        List<String> line = new ArrayList<>(List.of("env", "-C", "/"));
        line.addAll(List.of(variables));
        line.add("sh");
        List<String> words = List.of(script.split(" "));
        line.add(folder.resolve(words.getFirst()).toString());
        line.addAll(words.subList(1, words.size()));
        Tool.run(line.toArray(String[]::new));
        assertFalse(Files.exists(folder.resolve("pwned")), "the shell ran a part of a name");
        return Arrays.asList(Files.readString(folder.resolve(program + ".words"), StandardCharsets.UTF_8)
                .split("\0"));
    }

    private static String text(Element parent, String name) {
        return parent.getElementsByTagName(name).item(0).getTextContent();
    }
}
