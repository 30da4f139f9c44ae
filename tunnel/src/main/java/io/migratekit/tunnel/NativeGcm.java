package io.migratekit.tunnel;

import com.jcraft.jsch.Cipher;
import com.jcraft.jsch.HubSession;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import org.jspecify.annotations.Nullable;

/**
 * What is AES-GCM in SSH (RFC 5647)? A nonce of four fixed bytes and a counter of eight, which goes up
 * by one with each packet; the packet's length is authenticated, not encrypted.
 *
 * <p>jsch makes one for each direction, by the name of the class, whenever there are new keys. The key
 * is freed with them (see {@link HubSession#releaseWithKeys}).
 */
public abstract sealed class NativeGcm implements Cipher {
    private static final int COUNTER_AT = 4;
    /** What the padding of packets goes by; jsch takes as much of a key exchange for the nonce, which is longer. */
    private static final int BLOCK_BYTES = 16;

    private final int keyBytes;
    private final ByteBuffer nonce = ByteBuffer.allocate(GnuTls.NONCE_BYTES);
    private byte[] authenticated = new byte[0];
    private boolean encrypting;
    private long firstCounter;
    private @Nullable GnuTls key;

    private NativeGcm(int keyBytes) {
        this.keyBytes = keyBytes;
    }

    /** aes128-gcm@openssh.com. */
    public static final class Aes128 extends NativeGcm {
        public Aes128() {
            super(16);
        }
    }

    /** aes256-gcm@openssh.com. */
    public static final class Aes256 extends NativeGcm {
        public Aes256() {
            super(32);
        }
    }

    @Override
    public int getIVSize() {
        return BLOCK_BYTES;
    }

    /** What jsch calls so is the size of the key. */
    @Override
    public int getBlockSize() {
        return keyBytes;
    }

    @Override
    public int getTagSize() {
        return GnuTls.TAG_BYTES;
    }

    @Override
    public void init(int mode, byte[] newKey, byte[] newNonce) {
        GnuTls made = new GnuTls(Arrays.copyOf(newKey, keyBytes));
        nonce.put(0, newNonce, 0, GnuTls.NONCE_BYTES);
        firstCounter = nonce.getLong(COUNTER_AT);
        encrypting = mode == ENCRYPT_MODE;
        key = made;
        HubSession.releaseWithKeys(made::close);
    }

    @Override
    public void updateAAD(byte[] bytes, int offset, int length) {
        if (authenticated.length != length) {
            authenticated = new byte[length];
        }
        System.arraycopy(bytes, offset, authenticated, 0, length);
    }

    /** jsch has room for the tag behind the packet, and wants the result where the packet was. */
    @Override
    @SuppressWarnings("ReferenceEquality") // The very same array is meant.
    public void doFinal(byte[] bytes, int offset, int length, byte[] into, int intoOffset)
            throws AEADBadTagException, IOException {
        GnuTls open = key;
        if (open == null || bytes != into || offset != intoOffset) {
            throw new IllegalStateException("only packets where they are, and not before init");
        }
        try {
            if (encrypting) {
                open.seal(nonce.array(), authenticated, bytes, offset, length);
            } else if (!open.open(nonce.array(), authenticated, bytes, offset, length - GnuTls.TAG_BYTES)) {
                throw new AEADBadTagException("the packet is not what the server has sent");
            }
        } catch (IllegalStateException e) { // The session ends, and its keys with it.
            throw new IOException(String.valueOf(e.getMessage()), e);
        }
        long next = nonce.getLong(COUNTER_AT) + 1;
        if (next == firstCounter) {
            throw new IllegalStateException("the counter has come round; no nonce may be used twice");
        }
        nonce.putLong(COUNTER_AT, next);
    }

    @Override
    public void update(byte[] bytes, int offset, int length, byte[] into, int intoOffset) {
        throw new UnsupportedOperationException("AES-GCM takes whole packets");
    }

    @Override
    public boolean isCBC() {
        return false;
    }

    @Override
    public boolean isAEAD() {
        return true;
    }
}
