package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Is what nbdkit and VDDK say translated into its cause? The lines are as users of real servers have reported them. */
class VddkTroubleTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            [NFC ERROR]NfcNewAuthdConnectionEx: Failed to connect to peer. Error: Failed to connect to server esx1:902 | allow TCP 902
            VixDiskLib_Open: [ds1] vm/vm.vmdk: The server refused connection | allow TCP 902
            [NFC ERROR]NfcNewAuthdConnectionEx: Failed to connect: Error reading from vmware-authd socket. Reason: Resource temporarily unavailable | allow TCP 902
            [NFC ERROR]NfcNewAuthdConnectionEx: Failed to connect: Host address lookup for server esx1 failed: Name or service not known | let the DNS here know
            [NFC ERROR] NfcFssrvrProcessErrorMsg: received NFC error 5 from server: Failed to allocate the requested 2097176 bytes | no buffers left
            VixDiskLib_ConnectEx: Cannot complete login due to an incorrect user name or password. | did not accept the user name
            VixDiskLibVim: Failed to verify SSL certificate: actual thumbprint=AA:BB expected=12 | somebody else answered
            VixDiskLib_Open: [ds1] vm/vm.vmdk: You do not have access rights to this file | Provisioning.DiskRandomRead
            VixDiskLib_Open: [ds1] vm/vm.vmdk: The file is already in use | another program has it open
            VixDiskLib_Open: [ds1] vm/vm.vmdk: A file was not found | begin anew with a new snapshot
            VixDiskLib_ConnectEx: The host is not licensed for this feature | the free ESXi does not
            VixDiskLib_Open: Too many connections to the server | accepts no further connection
            libvixDiskLib.so.8: cannot open shared object file: No such file or directory | Unpack VDDK 6.7 or newer
            required VDDK symbol "VixDiskLib_Wait" is missing. VDDK version must be >= 6.5. | Unpack VDDK 6.7 or newer
            """)
    void knownTroubleHasCauseAndRemedy(String line, String expected) {
        String explained =
                VddkTrouble.explain("nbdkit: vddk[1]: error: " + line).orElseThrow();
        assertTrue(explained.contains(expected), explained);
        assertTrue(explained.endsWith("(it said: " + line + ")"), explained);
    }

    @Test
    void unknownErrorWithTheHintIsTheThumbprintAndWithoutItIsQuoted() {
        String open = "nbdkit: vddk[1]: error: VixDiskLib_Open: [ds1] vm/vm.vmdk: Unknown error";
        String hint = "\nnbdkit: vddk[1]: error: Please verify whether the \"thumbprint\" parameter (AA) matches";
        assertTrue(VddkTrouble.explain(open + hint).orElseThrow().contains("it was renewed"));
        assertEquals(
                Optional.of("it said: VixDiskLib_Open: [ds1] vm/vm.vmdk: Unknown error"), VddkTrouble.explain(open));
    }

    /** VDDK says "Unknown error" with the hint after everything; what came before is the cause. */
    @Test
    void theParticularStandsBeforeTheGeneral() {
        String said = """
                nbdkit: vddk[1]: error: [NFC ERROR]NfcNewAuthdConnectionEx: Failed to connect to server esx1:902
                nbdkit: vddk[1]: error: VixDiskLib_Open: [ds1] vm/vm.vmdk: Unknown error
                nbdkit: vddk[1]: error: Please verify whether the "thumbprint" parameter (AA) matches""";
        String explained = VddkTrouble.explain(said).orElseThrow();
        assertTrue(explained.contains("allow TCP 902"), explained);
        assertTrue(explained.endsWith(
                "(it said: [NFC ERROR]NfcNewAuthdConnectionEx: Failed to connect to server esx1:902)"));
    }

    @Test
    void whatATalkativeServerSaysBesidesIsNoSignButForTheThumbprint() {
        String debug = "nbdkit: vddk[1]: debug: trying authd, file locked, licence\n";
        assertEquals(Optional.of("it said: new"), VddkTrouble.explain(debug + "nbdkit: vddk[1]: error: new"));
        assertTrue(VddkTrouble.explain("nbdkit: debug: actual thumbprint=AA expected=12")
                .orElseThrow()
                .contains("renewed"));
    }

    /** A file name of a user must not decide what a failure means. */
    @Test
    void namesInTheMessageAreNoSigns() {
        String said = "nbdkit: vddk[1]: error: VixDiskLib_Open: [license:902] locked/locked.vmdk: Something new";
        assertEquals(
                Optional.of("it said: VixDiskLib_Open: [license:902] locked/locked.vmdk: Something new"),
                VddkTrouble.explain(said));
    }

    @Test
    void theLastErrorIsQuotedAndNoiseIsNot() {
        assertEquals(Optional.empty(), VddkTrouble.explain(""));
        assertEquals(Optional.empty(), VddkTrouble.explain("nbdkit: warning: debug flag -D vddk.stats was not used"));
        assertEquals(
                Optional.of("it said: second"),
                VddkTrouble.explain(
                        "nbdkit: vddk[1]: error: first\nnbdkit: error: second\nnbdkit: vddk[1]: debug: third"));
        assertEquals(
                Optional.of("it said: VixDiskLib_Read: a read error"),
                VddkTrouble.explain("""
                        nbdkit: vddk[1]: error: VixDiskLib_Read: a read error
                        nbdkit: vddk[1]: error: write error reply: Broken pipe
                        nbdkit: vddk[1]: error: aborting sleep because of connection close or error
                        """),
                "that we had left is no news");
    }

    @Test
    void theRealNbdkitSaysWhatIsExpectedWhenAPluginIsMissing() {
        String said =
                Tool.outcome(List.of("nbdkit", "-f", "-U", "-", "no-such-vddk")).errors();
        assertTrue(VddkTrouble.explain(said).orElseThrow().contains("nbdkit-plugin-vddk in contrib"), said);
    }
}
