package com.jcraft.jsch;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * One forwarded connection as SSH sees it: how do bytes get through without jsch's own forwarding?
 *
 * <p>jsch's forwarding has windows for 1995, refills them when its sink has swallowed the data
 * whether or not anybody took it, and knows no half-closed connection. Here the window is ours: it is
 * refilled when the receiver says that data is gone, so that the thread that reads the session never
 * has to wait for a slow client.
 *
 * <p>One thread sends. What arrives is told on the thread that reads the session.
 */
public final class HubChannel {
    /** A packet's data starts here, behind its length, padding, type, recipient and data length. */
    private static final int DATA_AT = 14;

    private static final int MSG_CHANNEL_DATA = 94;
    private static final int MSG_CHANNEL_WINDOW_ADJUST = 93;
    private static final int WAIT_MILLIS = 100;
    private static final int OPEN_CONNECT_FAILED = 2;
    /** Never more data in one packet, whatever a server allows. */
    private static final int LARGEST_PACKET_BYTES = 32 * 1024;

    private static final int BATCH = 8;
    /** Padding and the tag of the cipher come behind the data. */
    private static final int BEHIND_DATA = 512;

    /** Who takes what arrives; called on the thread that reads the session, and must not block. */
    public interface Receiver {
        /** Bytes arrived; the array belongs to the caller. */
        void arrived(byte[] bytes, int offset, int length);

        /** Nothing more will arrive. May be called more than once. */
        void ended();
    }

    /** The server did not open the channel. */
    public static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient HubSession.Refusal refusal;

        RefusedException(HubSession.Refusal refusal) {
            super(refusal.words());
            this.refusal = refusal;
        }

        public HubSession.Refusal refusal() {
            return refusal;
        }
    }

    /** The server did not say anything to our wish for a channel. */
    public static final class SilenceException extends Exception {
        private static final long serialVersionUID = 1L;

        SilenceException() {
            super("no answer");
        }
    }

    private final HubSession session;
    private final ChannelDirectTCPIP channel;
    /** What one call of {@link #send} can take: several packets that leave in one piece. */
    private final Buffer[] buffers = new Buffer[BATCH];

    private final Packet[] packets = new Packet[BATCH];
    private long firstWindow;

    private HubChannel(HubSession session) throws IOException {
        for (int i = 0; i < BATCH; i++) {
            buffers[i] = new Buffer(DATA_AT + LARGEST_PACKET_BYTES + BEHIND_DATA);
            packets[i] = new Packet(buffers[i]);
        }
        this.session = session;
        try {
            this.channel = (ChannelDirectTCPIP) session.openChannel("direct-tcpip");
        } catch (JSchException e) {
            throw new IOException("the session has ended", e);
        }
        if (channel == null) {
            throw new IOException("the session is ending");
        }
        channel.connected = true; // A server may close it the moment it is open.
    }

    /** A channel that the server asks for; it says nothing until it is accepted or refused. */
    static HubChannel forwarded(HubSession session, Buffer message) throws IOException {
        HubChannel channel = new HubChannel(session);
        channel.channel.setRecipient(message.getInt());
        channel.channel.setRemoteWindowSize(message.getUInt());
        channel.channel.setRemotePacketSize(message.getInt());
        channel.firstWindow = channel.channel.rwsize;
        return channel;
    }

    /** Asks the server to connect to a port. */
    public static HubChannel openTcp(
            HubSession session, String host, int port, int windowBytes, Receiver receiver, Duration limit)
            throws IOException, RefusedException, SilenceException, InterruptedException {
        Buffer details = new Buffer(100 + 4 * host.length());
        details.putString(host.getBytes(StandardCharsets.UTF_8));
        details.putInt(port);
        details.putString("127.0.0.1".getBytes(StandardCharsets.US_ASCII));
        details.putInt(0);
        return open(session, "direct-tcpip", details, windowBytes, receiver, limit);
    }

    /** Asks the server to connect to a unix socket. */
    public static HubChannel openUnix(
            HubSession session, String path, int windowBytes, Receiver receiver, Duration limit)
            throws IOException, RefusedException, SilenceException, InterruptedException {
        Buffer details = new Buffer(100 + 4 * path.length());
        details.putString(path.getBytes(StandardCharsets.UTF_8));
        details.putString(new byte[0]);
        details.putInt(0);
        return open(session, "direct-streamlocal@openssh.com", details, windowBytes, receiver, limit);
    }

    private static HubChannel open(
            HubSession session, String type, Buffer details, int windowBytes, Receiver receiver, Duration limit)
            throws IOException, RefusedException, SilenceException, InterruptedException {
        HubChannel opened = new HubChannel(session);
        ChannelDirectTCPIP channel = opened.channel;
        opened.receiveInto(receiver, windowBytes);
        Buffer buffer = new Buffer(300 + details.index);
        Packet packet = new Packet(buffer);
        packet.reset();
        buffer.putByte((byte) Session.SSH_MSG_CHANNEL_OPEN);
        buffer.putString(type.getBytes(StandardCharsets.US_ASCII));
        buffer.putInt(channel.id);
        buffer.putInt(channel.lwsize);
        buffer.putInt(channel.lmpsize);
        buffer.putByte(details.buffer, 0, details.index);
        opened.write(packet);
        opened.awaitAnswer(limit);
        if (!channel.open_confirmation) {
            session.delChannel(channel);
            throw new RefusedException(session.takeRefusal(channel.id));
        }
        opened.firstWindow = channel.rwsize;
        return opened;
    }

    private void awaitAnswer(Duration limit) throws IOException, SilenceException, InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        synchronized (channel) {
            while (channel.recipient == -1) {
                if (!session.isConnected()) {
                    throw new IOException("the session has ended");
                }
                if (System.nanoTime() - end >= 0) {
                    session.abandon(channel);
                    throw new SilenceException();
                }
                waitForNews();
            }
        }
    }

    /** Tells the server that its forwarded connection has found a place. */
    public void accept(Receiver receiver, int windowBytes) throws IOException {
        receiveInto(receiver, windowBytes);
        try {
            channel.sendOpenConfirmation();
        } catch (Exception e) {
            throw new IOException(e.toString(), e);
        }
    }

    /** Tells the server that nobody is there for its forwarded connection. */
    public void refuse() {
        channel.sendOpenFailure(OPEN_CONNECT_FAILED);
        session.delChannel(channel);
    }

    private void receiveInto(Receiver receiver, int windowBytes) {
        channel.lwsize_max = windowBytes;
        channel.lwsize = windowBytes;
        channel.lmpsize = LARGEST_PACKET_BYTES;
        channel.setOutputStream(new OutputStream() {
            @Override
            public void write(int one) {
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                channel.lwsize = channel.lwsize_max; // So jsch sees no reason to refill the window by itself.
                receiver.arrived(bytes, offset, length);
            }

            @Override
            public void close() {
                receiver.ended();
            }
        });
    }

    /**
     * Where the next bytes for {@link #send} are to be put; waits until the server takes some.
     *
     * @throws IOException when the channel is closed, by the server or with the session
     */
    public ByteBuffer[] awaitRoom() throws IOException, InterruptedException {
        int packetBytes = packetBytes();
        long enough = Math.min(packetBytes, Math.max(1, firstWindow / 2));
        synchronized (channel) {
            while (channel.rwsize < enough) {
                checkOpen();
                waitForNews();
            }
        }
        checkOpen();
        long room = Math.min((long) packetBytes * BATCH, channel.rwsize);
        ByteBuffer[] slices = new ByteBuffer[Math.toIntExact((room + packetBytes - 1) / packetBytes)];
        for (int i = 0; i < slices.length; i++) {
            long left = room - (long) i * packetBytes;
            slices[i] = ByteBuffer.wrap(buffers[i].buffer, DATA_AT, (int) Math.min(packetBytes, left));
        }
        return slices;
    }

    private int packetBytes() {
        return Math.min(LARGEST_PACKET_BYTES, channel.rmpsize);
    }

    /** Sends so many bytes out of the buffers that {@link #awaitRoom} gave, which are filled one after the other. */
    public void send(int lengthBytes) throws IOException {
        int packetBytes = packetBytes();
        // jsch answers a server's CLOSE under the same lock; data behind our own CLOSE would end the whole session.
        synchronized (channel) {
            try {
                int left = lengthBytes;
                for (int i = 0; left > 0; i++) {
                    checkOpen();
                    int count = Math.min(left, packetBytes);
                    left -= count;
                    session.moreComes(left > 0);
                    send(packets[i], count);
                }
            } finally {
                session.moreComes(false);
            }
        }
    }

    private void send(Packet packet, int lengthBytes) throws IOException {
        packet.reset();
        Buffer buffer = packet.buffer;
        buffer.putByte((byte) MSG_CHANNEL_DATA);
        buffer.putInt(channel.recipient);
        buffer.putInt(lengthBytes);
        buffer.skip(lengthBytes);
        try {
            session.write(packet, channel, lengthBytes);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e.toString(), e);
        }
    }

    /** So many bytes that arrived are gone: the server may send as many again. */
    public void refill(int lengthBytes) throws IOException {
        Buffer adjust = new Buffer(150);
        Packet message = new Packet(adjust);
        message.reset();
        adjust.putByte((byte) MSG_CHANNEL_WINDOW_ADJUST);
        adjust.putInt(channel.recipient);
        adjust.putInt(lengthBytes);
        synchronized (channel) {
            if (!channel.close) {
                write(message);
            }
        }
    }

    /** Nothing more will be sent; the other direction stays open. */
    public void end() {
        channel.eof();
    }

    /** True when the server, or we, have closed both directions. */
    public boolean isClosed() {
        return channel.close || !session.isConnected();
    }

    /** Closes both directions. It may block as long as the session's socket is full. */
    public void close() {
        channel.disconnect();
    }

    private void checkOpen() throws IOException {
        if (isClosed()) {
            throw new IOException("the channel is closed");
        }
    }

    private void waitForNews() throws InterruptedException {
        channel.notifyme++;
        try {
            channel.wait(WAIT_MILLIS);
        } finally {
            channel.notifyme--;
        }
    }

    private void write(Packet message) throws IOException {
        try {
            session.write(message);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e.toString(), e);
        }
    }
}
