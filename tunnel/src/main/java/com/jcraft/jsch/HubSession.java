package com.jcraft.jsch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What does jsch keep to itself that a tunnel has to know and to do? This class lives in jsch's own
 * package, on the class path, because what it overrides and reads is package-private there.
 *
 * <ul>
 *   <li>It sees every message on its way in: how far the handshake is, the words with which a server
 *       refuses a channel (jsch throws them away), answers to global requests, forwarded connections.
 *   <li>It keeps data out of a key exchange. jsch looks whether one is under way, and only then waits
 *       for the lock of the socket; so a server that renews its keys (OpenSSH does every 64 GiB of
 *       AES-GCM) may get data behind our KEXINIT, which the protocol forbids. OpenSSH 9.2 bears it.
 * </ul>
 */
public final class HubSession extends Session {
    static final int MSG_KEXINIT = 20;
    static final int MSG_NEWKEYS = 21;
    /** Below lie the messages of the transport layer, which are allowed while keys are exchanged. */
    private static final int FIRST_MSG_ABOVE_TRANSPORT = 50;

    private static final int MSG_REQUEST_SUCCESS = 81;
    private static final int MSG_REQUEST_FAILURE = 82;
    private static final int MSG_CHANNEL_OPEN = 90;
    private static final int MSG_CHANNEL_OPEN_CONFIRMATION = 91;
    private static final int MSG_CHANNEL_OPEN_FAILURE = 92;
    private static final int RETRY_MILLIS = 2;

    /** Who wants to know what arrives; called on the thread that reads, and must not block. */
    public interface Events {
        /** The host has proved nothing yet, but a key exchange has begun. */
        void keyExchangeBegan();

        /** From here on everything is encrypted with new keys. */
        void newKeys();

        /** The answer to the oldest global request that is still unanswered. */
        void requestAnswered(boolean granted);

        /** Somebody connected to a port of ours over there; {@link HubChannel#accept} or refuse it. */
        void forwarded(HubChannel channel, String address, int port);

        /** The server ends the session and says why. */
        void disconnected(String words);
    }

    /** Why the server did not open a channel. */
    public record Refusal(int code, String words) {}

    /** Whose new keys are being taken into use on this thread: jsch makes its ciphers by the name of their class. */
    private static final ThreadLocal<HubSession> TAKING_KEYS = new ThreadLocal<>();

    private final Events events;
    private final Map<Integer, Refusal> refusals = new ConcurrentHashMap<>();
    private final Set<Integer> abandoned = ConcurrentHashMap.newKeySet();
    /** Who has more to send at once; what others send meanwhile takes all along that waits. */
    private volatile Thread batching;

    private volatile boolean rekeying;
    private volatile boolean newKeysSent;
    /** How to release the keys that are in use, and those that soon will not be any more. */
    private final List<Runnable> current = new ArrayList<>();

    private final List<Runnable> former = new ArrayList<>();

    public HubSession(JSch jsch, String user, String host, int port, Events events) throws JSchException {
        super(jsch, user, host, port);
        this.events = events;
    }

    @Override
    Buffer read(Buffer buffer) throws Exception {
        if (newKeysSent) { // jsch asks for the next message only when it uses the new keys.
            newKeysSent = false;
            rekeying = false;
        }
        if (TAKING_KEYS.get() != null) {
            TAKING_KEYS.remove();
            release(former);
        }
        while (true) {
            Buffer message = readOrSayWhy(buffer);
            if (!isOurs(message)) {
                return message;
            }
        }
    }

    private Buffer readOrSayWhy(Buffer buffer) throws Exception {
        try {
            return super.read(buffer);
        } catch (JSchSessionDisconnectException e) {
            events.disconnected(e.getDescription());
            throw e;
        }
    }

    /** Looks at a message; true if jsch need not see it. */
    private boolean isOurs(Buffer message) throws Exception {
        int start = message.s;
        try {
            message.s = start + 6; // behind length, padding length and type
            return switch (message.getCommand() & 0xff) {
                case MSG_KEXINIT -> {
                    events.keyExchangeBegan();
                    yield false;
                }
                case MSG_NEWKEYS -> {
                    events.newKeys();
                    takeKeys();
                    yield false;
                }
                case MSG_REQUEST_SUCCESS -> {
                    events.requestAnswered(true);
                    yield true;
                }
                case MSG_REQUEST_FAILURE -> {
                    events.requestAnswered(false);
                    yield true;
                }
                case MSG_CHANNEL_OPEN -> accept(message);
                case MSG_CHANNEL_OPEN_CONFIRMATION -> closeIfAbandoned(message);
                case MSG_CHANNEL_OPEN_FAILURE -> {
                    int channel = message.getInt();
                    if (!abandoned.remove(channel)) {
                        refusals.put(channel, new Refusal(message.getInt(), text(message)));
                    }
                    yield false;
                }
                default -> false;
            };
        } finally {
            message.s = start;
        }
    }

    /** What jsch makes from now on, until it reads on, belongs to the new keys, in both directions. */
    private void takeKeys() {
        TAKING_KEYS.set(this);
        synchronized (current) {
            former.addAll(current);
            current.clear();
        }
    }

    /**
     * A cipher was made on this thread: its key is to be released when the session has newer ones or is
     * over. If it was not made for a session, nothing happens.
     */
    public static void releaseWithKeys(Runnable release) {
        HubSession session = TAKING_KEYS.get();
        if (session != null) {
            synchronized (session.current) {
                session.current.add(release);
            }
        }
    }

    private void release(List<Runnable> keys) {
        List<Runnable> released;
        synchronized (current) {
            released = List.copyOf(keys);
            keys.clear();
        }
        released.forEach(Runnable::run);
    }

    /** The thread that reads calls it last of all. It may block while the socket is full. */
    @Override
    public void disconnect() {
        try {
            super.disconnect();
        } finally {
            release(former);
            release(current);
        }
    }

    private boolean accept(Buffer message) throws Exception {
        if (!text(message).equals("forwarded-tcpip")) {
            return false;
        }
        HubChannel channel = HubChannel.forwarded(this, message);
        events.forwarded(channel, text(message), message.getInt());
        return true;
    }

    /** The answer came after we had given up: the server must not keep a channel that nobody uses. */
    private boolean closeIfAbandoned(Buffer message) throws Exception {
        if (!abandoned.remove(message.getInt())) {
            return false;
        }
        int recipient = message.getInt();
        Buffer buffer = new Buffer(100);
        Packet packet = new Packet(buffer);
        packet.reset();
        buffer.putByte((byte) SSH_MSG_CHANNEL_CLOSE);
        buffer.putInt(recipient);
        write(packet);
        return true;
    }

    private static String text(Buffer message) {
        return new String(message.getString(), StandardCharsets.UTF_8);
    }

    /** The calling thread announces that what it sends next is not its last. */
    void moreComes(boolean more) {
        if (more) {
            batching = Thread.currentThread();
        } else if (isMoreComing()) {
            batching = null;
        }
    }

    /** Whether what the calling thread has just sent may wait for what it sends next. */
    public boolean isMoreComing() {
        return Thread.currentThread().equals(batching);
    }

    /** What the server said when it refused this channel, once. */
    Refusal takeRefusal(int channel) {
        Refusal refusal = refusals.remove(channel);
        return refusal == null ? new Refusal(0, "no reason given") : refusal;
    }

    /** Nobody waits for this channel any more. */
    void abandon(Channel channel) {
        abandoned.add(channel.id);
        delChannel(channel);
    }

    /** Called under the lock of the socket: what passes here goes out in this order. */
    @Override
    void encode(Packet packet) throws Exception {
        int command = packet.buffer.getCommand() & 0xff;
        if (command == MSG_KEXINIT) {
            rekeying = true;
        } else if (rekeying && command >= FIRST_MSG_ABOVE_TRANSPORT) {
            throw new KeyExchangeUnderWay();
        }
        super.encode(packet);
        if (command == MSG_NEWKEYS) {
            newKeysSent = true;
        }
    }

    @Override
    void write(Packet packet) throws Exception {
        while (true) {
            try {
                super.write(packet);
                return;
            } catch (KeyExchangeUnderWay e) {
                pause();
            }
        }
    }

    /** The caller has made sure that the window is large enough, so jsch never cuts the packet in two. */
    @Override
    void write(Packet packet, Channel channel, int lengthBytes) throws Exception {
        while (true) {
            try {
                super.write(packet, channel, lengthBytes);
                return;
            } catch (KeyExchangeUnderWay e) {
                channel.addRemoteWindowSize(lengthBytes); // It was taken off, but nothing has gone out.
                pause();
            }
        }
    }

    private void pause() throws IOException, InterruptedException {
        if (!isConnected()) {
            throw new IOException("the session has ended");
        }
        Thread.sleep(RETRY_MILLIS);
    }

    /** Asks the server something that concerns no channel, and wants an answer. It may block. */
    public void request(String name, byte[] details) throws IOException {
        Buffer buffer = new Buffer(200 + name.length() + details.length);
        Packet packet = new Packet(buffer);
        packet.reset();
        buffer.putByte((byte) SSH_MSG_GLOBAL_REQUEST);
        buffer.putString(name.getBytes(StandardCharsets.UTF_8));
        buffer.putByte((byte) 1);
        buffer.putByte(details);
        try {
            write(packet);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e.toString(), e);
        }
    }

    /** Not an error: the packet has not gone out and is to be tried again. */
    private static final class KeyExchangeUnderWay extends Exception {
        private static final long serialVersionUID = 1L;

        KeyExchangeUnderWay() {
            super("keys are being exchanged", null, false, false);
        }
    }
}
