import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.security.auth.x500.X500Principal;

/**
 * What the JDK, and so Kafka, calls a certificate's subject: reads names in DER and writes the RFC 2253 text of each in
 * UTF-8. Before each stands its length in four bytes.
 */
public final class Names {
    public static void main(String[] args) throws IOException {
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(Path.of(args[0]))));
                var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(Path.of(args[1]))))) {
            while (true) {
                byte[] der;
                try {
                    der = new byte[in.readInt()];
                } catch (EOFException end) {
                    return;
                }
                in.readFully(der);
                String text = new X500Principal(der).getName(X500Principal.RFC2253);
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                out.writeInt(bytes.length);
                out.write(bytes);
            }
        }
    }
}
