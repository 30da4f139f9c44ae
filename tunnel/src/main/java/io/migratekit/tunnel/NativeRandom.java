package io.migratekit.tunnel;

import com.jcraft.jsch.Random;

/**
 * Where does jsch get the random bytes that pad every packet? From libgnutls: those of the JDK cost a
 * round of SHA-1 in Java each time, under a lock that all sessions share.
 */
public final class NativeRandom implements Random {
    @Override
    public void fill(byte[] into, int offset, int length) {
        GnuTls.random(into, offset, length);
    }
}
