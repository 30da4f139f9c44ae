package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.jcraft.jsch.Cipher;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import javax.crypto.AEADBadTagException;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Is our AES-GCM the same as everybody's, nonce by nonce, and does it take nothing that was tampered with? */
class NativeGcmTest {
    private static final int TAG = GnuTls.TAG_BYTES;
    private static final int LENGTH = 4;

    @Test
    void theLibraryIsThere() {
        assertTrue(GnuTls.isUsable(), "libgnutls, which libnbd needs, cannot be used");
    }

    /** Test cases 4 and 16 of the paper that defines GCM (McGrew and Viega): with data that is only authenticated. */
    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void knownAnswers(int keyBytes) {
        byte[] key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        byte[] plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        byte[] expected = keyBytes == 16
                ? hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                        + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                        + "5bc94fbc3221a5db94fae95ae7121a47")
                : hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                        + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                        + "76fc6ece0f4e1768cddf8853bb2d551b");
        byte[] nonce = hex("cafebabefacedbaddecaf888");
        byte[] authenticated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        byte[] packet = Arrays.copyOf(plain, plain.length + TAG);
        try (GnuTls gcm = new GnuTls(Arrays.copyOf(key, keyBytes))) {
            gcm.seal(nonce, authenticated, packet, 0, plain.length);
            assertArrayEquals(expected, packet);
            assertTrue(gcm.open(nonce, authenticated, packet, 0, plain.length));
        }
        assertArrayEquals(plain, Arrays.copyOf(packet, plain.length));
    }

    /** Many packets in a row, so that the counter moves, across the border of a byte and of the whole counter. */
    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void everyPacketIsWhatTheJdkMakesOfIt(int keyBytes) throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (long counter : new long[] {random.nextLong(), 0xffL, -3, Long.MAX_VALUE - 1}) {
            byte[] key = bytes(random, keyBytes);
            byte[] nonce = bytes(random, 16); // jsch gives more than is needed.
            ByteBuffer.wrap(nonce).putLong(4, counter);
            Cipher sender = cipher(keyBytes, Cipher.ENCRYPT_MODE, key, nonce);
            Cipher receiver = cipher(keyBytes, Cipher.DECRYPT_MODE, key, nonce);
            for (int i = 0; i < 50; i++) {
                int length = 16 * random.nextInt(1, i % 10 == 0 ? 2100 : 20);
                byte[] packet = bytes(random, LENGTH + length + TAG + 9);
                byte[] plain = packet.clone();
                sender.updateAAD(packet, 0, LENGTH);
                sender.doFinal(packet, LENGTH, length, packet, LENGTH);
                byte[] expected = jdk(key, nonce, counter + i, plain, length);
                assertArrayEquals(expected, Arrays.copyOfRange(packet, LENGTH, LENGTH + length + TAG), "packet " + i);
                receiver.updateAAD(packet, 0, LENGTH);
                receiver.doFinal(packet, LENGTH, length + TAG, packet, LENGTH);
                System.arraycopy(packet, LENGTH + length, plain, LENGTH + length, TAG); // The tag stays.
                assertArrayEquals(plain, packet, "packet " + i);
            }
        }
    }

    @Test
    void whatWasTamperedWithIsRefused() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        byte[] key = bytes(random, 16);
        byte[] nonce = bytes(random, 16);
        int length = 1024;
        byte[] sealed = bytes(random, LENGTH + length + TAG);
        Cipher sender = cipher(16, Cipher.ENCRYPT_MODE, key, nonce);
        sender.updateAAD(sealed, 0, LENGTH);
        sender.doFinal(sealed, LENGTH, length, sealed, LENGTH);
        for (int at : new int[] {0, LENGTH, LENGTH + length - 1, LENGTH + length, LENGTH + length + TAG - 1}) {
            byte[] packet = sealed.clone();
            packet[at] ^= (byte) (1 << random.nextInt(8));
            Cipher receiver = cipher(16, Cipher.DECRYPT_MODE, key, nonce);
            receiver.updateAAD(packet, 0, LENGTH);
            assertThrows(
                    AEADBadTagException.class,
                    () -> receiver.doFinal(packet, LENGTH, length + TAG, packet, LENGTH),
                    "byte " + at);
        }
        Cipher late = cipher(16, Cipher.DECRYPT_MODE, key, nonce);
        byte[] first = sealed.clone();
        late.updateAAD(first, 0, LENGTH);
        late.doFinal(first, LENGTH, length + TAG, first, LENGTH);
        late.updateAAD(sealed, 0, LENGTH);
        assertThrows(
                AEADBadTagException.class,
                () -> late.doFinal(sealed, LENGTH, length + TAG, sealed, LENGTH),
                "the same packet again");
    }

    @Test
    void aKeyThatIsFreedIsNotUsed() {
        GnuTls gcm = new GnuTls(new byte[16]);
        gcm.close();
        gcm.close();
        assertThrows(
                IllegalStateException.class,
                () -> gcm.seal(new byte[GnuTls.NONCE_BYTES], new byte[4], new byte[32], 0, 16));
    }

    private static Cipher cipher(int keyBytes, int mode, byte[] key, byte[] nonce) throws Exception {
        Cipher cipher = keyBytes == 16 ? new NativeGcm.Aes128() : new NativeGcm.Aes256();
        assertEquals(keyBytes, cipher.getBlockSize());
        cipher.init(mode, key, nonce);
        return cipher;
    }

    private static byte[] jdk(byte[] key, byte[] nonce, long counter, byte[] packet, int length) throws Exception {
        byte[] ours = Arrays.copyOf(nonce, GnuTls.NONCE_BYTES);
        ByteBuffer.wrap(ours).putLong(4, counter);
        javax.crypto.Cipher cipher = javax.crypto.Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(
                javax.crypto.Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(8 * TAG, ours));
        cipher.updateAAD(packet, 0, LENGTH);
        return cipher.doFinal(packet, LENGTH, length);
    }

    private static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }
}
