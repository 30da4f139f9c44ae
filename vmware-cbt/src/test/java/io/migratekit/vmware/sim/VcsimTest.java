package io.migratekit.vmware.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.migratekit.vmware.Thumbprint;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.Test;

/** Can vcsim be started, seen and ended? */
class VcsimTest {
    @Test
    void vcsimAnswersWithTheCertificateItTold() throws Exception {
        int port;
        try (Vcsim vcsim = Vcsim.start("-vms", "1")) {
            port = vcsim.endpoint().port();
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Anybody()}, null);
            try (SSLSocket socket =
                    (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout(30_000);
                X509Certificate shown = (X509Certificate) socket.getSession().getPeerCertificates()[0];
                assertEquals(vcsim.sha1(), Thumbprint.sha1(shown));
                assertEquals(vcsim.sha256(), Thumbprint.sha256(shown));
            }
        }
        assertThrows(ConnectException.class, () -> new Socket(InetAddress.getLoopbackAddress(), port).close());
    }

    private static final class Anybody implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
