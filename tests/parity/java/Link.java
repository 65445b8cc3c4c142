import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;

import javax.net.SocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;

/** One connection that carries frames, in TLS unless there is no context for it. Every read has a deadline. */
final class Link implements AutoCloseable {
    private static final int ANSWER_MS = 8_000;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private int correlation;
    private boolean ended;

    Link(SSLContext tls, String address) throws IOException {
        int colon = address.lastIndexOf(':');
        SocketFactory sockets = tls == null ? SocketFactory.getDefault() : tls.getSocketFactory();
        socket = sockets.createSocket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(ANSWER_MS);
        in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), 1 << 16));
        out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream(), 1 << 16));
    }

    int nextCorrelation() {
        return ++correlation;
    }

    boolean ended() {
        return ended;
    }

    void send(ByteBuffer frame) {
        try {
            out.writeInt(frame.remaining());
            out.write(frame.array(), frame.arrayOffset() + frame.position(), frame.remaining());
            out.flush();
        } catch (IOException closed) {
            ended = true;
        }
    }

    /** A frame, or null when the other side closed. */
    byte[] read() throws IOException {
        if (ended) return null;
        try {
            var frame = new byte[in.readInt()];
            in.readFully(frame);
            return frame;
        } catch (SocketTimeoutException silent) {
            ended = true;
            throw silent;
        } catch (EOFException | SocketException | SSLException closed) {
            ended = true;
            return null;
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException gone) {
            ended = true;
        }
    }
}
