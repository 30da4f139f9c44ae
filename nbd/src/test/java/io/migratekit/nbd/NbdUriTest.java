package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.Nbdkit;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Does every address mean what it says, and is every mistake explained? */
class NbdUriTest {
    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "nbd://hub:10810/disk1,          hub,           10810, disk1",
                "nbd://hub/disk1,                hub,           10809, disk1",
                "nbd://hub:/disk1,               hub,           10809, disk1",
                "nbd://hub,                      hub,           10809, ''",
                "nbd://hub/,                     hub,           10809, ''",
                "nbd:///disk1,                   localhost,     10809, disk1",
                "nbd://:10810/disk1,             localhost,     10810, disk1",
                "nbd://192.0.2.7:1/x,            192.0.2.7,         1, x",
                "nbd://hub:65535/x,              hub,           65535, x",
                "nbd://[::1]/x,                  ::1,           10809, x",
                "nbd://[2001:db8::7]:10810/x,    2001:db8::7,   10810, x",
                "nbd://[fe80::1%25eth0]:7/x,     fe80::1%eth0,      7, x",
                "nbd://hub/a/b/c,                hub,           10809, a/b/c",
                "nbd://hub//a,                   hub,           10809, /a",
                "nbd://hub/a%20b%2Fc%3F,         hub,           10809, a b/c?",
                "nbd://hub/a%23b,                hub,           10809, a#b",
                "nbd://hub/%C3%A4%e2%82%ac,      hub,           10809, ä€",
                "nbd://hub/ä,                    hub,           10809, ä",
                "nbd://hub/a+b&c=d,              hub,           10809, a+b&c=d",
                "nbd://hub/a@b:c,                hub,           10809, a@b:c",
                "nbd://hub/x?,                   hub,           10809, x",
                "nbd://hub/x?&,                  hub,           10809, x",
                "nbd://h%75b/x,                  hub,           10809, x",
            })
    void tcpAddresses(String text, String host, int port, String name) {
        NbdUri uri = NbdUri.parse(text);
        assertEquals(new NbdUri.Tcp(host, port), uri.transport());
        assertEquals(name, uri.exportName());
        assertEquals(Optional.empty(), uri.tls());
        assertEquals(text, uri.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "nbd+unix:///disk1?socket=/run/nbd.sock, /run/nbd.sock, disk1",
        "nbd+unix://?socket=/run/nbd.sock,       /run/nbd.sock, ''",
        "nbd+unix:///?socket=/run/a%20b%26c,     /run/a b&c,    ''",
        "nbd+unix:///?socket=relative.sock,      relative.sock, ''",
        "nbd+unix:///a/b?socket=/a?b,            /a?b,          a/b",
    })
    void unixSockets(String text, String socket, String name) {
        NbdUri uri = NbdUri.parse(text);
        assertEquals(new NbdUri.Unix(socket), uri.transport());
        assertEquals(name, uri.exportName());
        assertEquals(Optional.empty(), uri.tls());
    }

    @Test
    void encryptionIsTheSchemeAndItsParametersSayHow() {
        NbdUri keys = NbdUri.parse("nbds://alice@hub/x?tls-psk-file=/etc/keys.psk");
        assertEquals(
                new NbdUri.Tls(
                        Optional.of("alice"), Optional.of("/etc/keys.psk"), Optional.empty(), Optional.empty(), true),
                keys.tls().orElseThrow());
        NbdUri certificates = NbdUri.parse(
                "nbds+unix://bob%40site@/x?socket=/s&tls-certificates=/etc/pki&tls-hostname=hub.example&tls-verify-peer=true");
        assertEquals(
                new NbdUri.Tls(
                        Optional.of("bob@site"),
                        Optional.empty(),
                        Optional.of("/etc/pki"),
                        Optional.of("hub.example"),
                        true),
                certificates.tls().orElseThrow());
        // The machine's own authorities decide, and the peer has to prove who it is: both are the default.
        assertEquals(
                new NbdUri.Tls(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), true),
                NbdUri.parse("nbds://hub").tls().orElseThrow());
    }

    @ParameterizedTest
    @CsvSource({"true,true", "yes,true", "on,true", "1,true", "false,false", "no,false", "off,false", "0,false"})
    void peerVerificationTakesTheUsualWords(String word, boolean meaning) {
        assertEquals(
                meaning,
                NbdUri.parse("nbds://hub?tls-verify-peer=" + word)
                        .tls()
                        .orElseThrow()
                        .verifyPeer());
    }

    @Test
    void anotherExportOfTheSameServer() {
        NbdUri uri = NbdUri.parse("nbd://hub:7/a").withExportName("b c");
        assertEquals("b c", uri.exportName());
        assertEquals("nbd://hub:7/b%20c", uri.canonical());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                     | has no scheme; write nbd://",
                "hub:10809                              | has no scheme; write nbd://",
                "nbd:hub:10809:exportname=x             | has no scheme",
                "nbd:unix:/run/nbd.sock                 | qemu's old form; write nbd+unix:///",
                "http://hub/x                           | the scheme http is not known; use nbd, nbds, nbd+unix",
                "nbd+vsock://1:10809/x                  | the scheme nbd+vsock is not known",
                "nbdss://hub/x                          | the scheme nbdss is not known",
                "nbd://hub/a#b                          | write %23 for a #",
                "nbd://hub:port/x                       | port 'port' is not a number from 1 to 65535",
                "nbd://hub:0/x                          | port '0' is not a number",
                "nbd://hub:65536/x                      | port '65536' is not a number",
                "nbd://hub:-1/x                         | port '-1' is not a number",
                "nbd://hub:99999999999999999999/x       | is not a number from 1 to 65535",
                "nbd://::1/x                            | an IPv6 address needs brackets, as in nbd://[::1]:10809",
                "nbd://[::1/x                           | brackets around the IPv6 address do not fit",
                "nbd://[::1]x/y                         | brackets around the IPv6 address do not fit",
                "nbd://hub/%2                           | a % that is not followed by two hexadecimal digits",
                "nbd://hub/%zz                          | a % that is not followed by two hexadecimal digits",
                "nbd://hub/%C3                          | does not stand for UTF-8 text",
                "nbd://hub/a%00b                        | a zero byte cannot be part of it",
                "nbd://hub/x?socket=/s                  | socket= belongs to nbd+unix:",
                "nbd+unix://hub/x?socket=/s             | a unix socket has no host; write three slashes",
                "nbd+unix:///x                          | the path of the socket is missing; add ?socket=PATH",
                "nbd+unix:///x?socket=                  | the parameter socket has no value",
                "nbd+unix:///x?socket                   | the parameter socket has no value",
                "nbd://hub/x?tls-psk-file=/k            | needs encryption; write nbds: instead of nbd:",
                "nbd://hub/x?tls-certificates=/k        | needs encryption; write nbds:",
                "nbd://hub/x?tls-hostname=h             | needs encryption; write nbds:",
                "nbd://alice@hub/x                      | needs encryption; write nbds:",
                "nbds://hub/x?tls-psk-file=/k&tls-certificates=/c | exclude each other",
                "nbds://hub/x?tls-verify-peer=maybe     | tls-verify-peer is true or false, not 'maybe'",
                "nbds://hub/x?tls-verify_peer=true      | tls-verify_peer is not known; there are socket, tls-cert",
                "nbds://hub/x?TLS-PSK-FILE=/k           | TLS-PSK-FILE is not known",
            })
    void mistakesAreExplained(String text, String explanation) {
        String message = mistake(text);
        assertTrue(message.contains(explanation), message);
        assertTrue(message.startsWith("cannot use the address '" + text + "': "), message);
    }

    @Test
    void aZeroByteAndAnEndlessNameAreRefused() {
        assertTrue(mistake("nbd://hub/a\0b").contains("a zero byte cannot be part of it"));
        assertFalse(mistake("nbd://hub/a\0b").contains("\0"));
        assertEquals(
                4096, NbdUri.parse("nbd://hub/" + "x".repeat(4096)).exportName().length());
        assertTrue(mistake("nbd://hub/" + "x".repeat(4097)).contains("longer than the protocol allows"));
        assertTrue(mistake("nbd://hub/" + "ä".repeat(2049)).contains("longer than the protocol allows"));
    }

    /** Whatever somebody takes for a password, and wherever: it is refused, and no message repeats it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "nbds://alice:s3cret@hub/x",
                "nbd://alice:s3cret@hub/x",
                "nbds://alice:s3cret@hub:10809/x",
                "nbds://alice:s3cret@[::1]:10809/x",
                "nbds+unix://alice:s3cret@/x?socket=/s",
                "nbds://alice:s3cret@hub:port/x",
                "nbds://alice:s3cret@hub/x?wrong=1",
                "nbds://:s3cret@hub/x",
                "nbds://alice:s3cret%zz@hub/x",
                "nbds://alice:%zzs3cret@hub/x",
                "nbds://alice:s3cret%C3@hub/x",
                "nbds://alice:p@s3cret@hub/x",
                "nbds://alice:s3cret/p@hub/x",
                "nbds://alice:p/s3cret@hub/x",
                "nbds://alice:s3cret?p@hub/x",
                "nbds://alice:p?s3cret@hub/x",
                "nbds://alice:p?s3cret=1@hub/x",
                "nbds://alice:s3cret#p@hub/x",
                "nbds://alice%3As3cret@hub/x",
                "nbds://alice%3as3cret@hub/x",
                "http://alice:s3cret@hub/x",
                "nbds:alice:s3cret@hub/x",
                "alice:s3cret@hub",
            })
    void passwordsAreNeitherTakenNorRepeated(String text) {
        String message = mistake(text);
        assertFalse(message.contains("s3cret"), message);
    }

    private static String mistake(String text) {
        return String.valueOf(assertThrows(NbdException.BadUri.class, () -> NbdUri.parse(text), text)
                .getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "nbd://hub/disk1,                     nbd://hub:10809/disk1",
                "nbd://hub,                           nbd://hub:10809/",
                "nbd://[::1]:7/x,                     nbd://[::1]:7/x",
                "nbd://hub/a%20b/c%3F%25,             nbd://hub:10809/a%20b/c%3F%25",
                "nbd://hub/ä,                         nbd://hub:10809/%C3%A4",
                "nbd+unix:///x?socket=/run/a%20b,     nbd+unix:///x?socket=/run/a%20b",
                "nbds://al%40ice@hub/x?tls-psk-file=/k, nbds://al%40ice@hub:10809/x?tls-psk-file=/k",
                "nbds://hub/x?tls-certificates=/c d,  nbds://hub:10809/x?tls-certificates=/c%20d",
            })
    void canonicalForm(String text, String canonical) {
        assertEquals(canonical, NbdUri.parse(text).canonical());
        NbdUri again = NbdUri.parse(canonical);
        assertEquals(NbdUri.parse(text).transport(), again.transport());
        assertEquals(NbdUri.parse(text).exportName(), again.exportName());
        assertEquals(NbdUri.parse(text).tls(), again.tls());
        assertEquals(canonical, again.canonical(), "the canonical form is its own canonical form");
    }

    /** libnbd is the reference for the canonical form: nbdinfo prints it. */
    @ParameterizedTest
    @ValueSource(
            strings = {"", "disk1", "a b", "a/b//c", "50%", "ä€", "a?b#c", "$&+,;=@:[]", "-_.!~*'()", "\"<>\\^`{|}"})
    void canonicalFormIsThatOfLibnbd(String name) {
        try (Nbdkit tcp = Nbdkit.plugin("null", "1M")
                        .loopbackPort(0)
                        .exportName(name)
                        .start();
                Nbdkit unix = Nbdkit.plugin("null", "1M").exportName(name).start()) {
            for (String uri : new String[] {tcp.uri(), unix.uri()}) {
                assertEquals(name, NbdUri.parse(uri).exportName());
                String json = Tool.run("nbdinfo", "--json", uri);
                String canonical =
                        NbdUri.parse(uri).canonical().replace("\\", "\\\\").replace("\"", "\\\"");
                assertTrue(json.contains("\"uri\": \"" + canonical + "\""), () -> canonical + " is not in " + json);
            }
        }
    }
}
