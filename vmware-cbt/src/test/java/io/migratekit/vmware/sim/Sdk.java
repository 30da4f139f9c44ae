package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Answers {@code POST /sdk}: finds the session, the troubles and the method, and wraps what comes of it. */
final class Sdk {
    private static final Set<String> WITHOUT_SESSION =
            Set.of("RetrieveServiceContent", "Login", "Logout", "SessionIsActive", "RetrieveInternalContent");
    private static final Set<String> PROPERTY_READS =
            Set.of("RetrieveProperties", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx");
    private static final String XML = "text/xml; charset=utf-8";

    /** A call with what surrounds it. */
    record Call(String method, Node body, MoRef self, String session, String version, List<Trouble> troubles) {
        <T extends Trouble> Optional<T> trouble(Class<T> kind) {
            return Http.first(troubles, kind);
        }

        Optional<MoRef> ref(String name) {
            return body.find(name).filter(n -> !n.text().isEmpty()).map(Node::ref);
        }

        boolean isTrue(String name) {
            return body.value(name).map(v -> v.equals("true") || v.equals("1")).orElse(false);
        }
    }

    private final Faults faults;
    private final RequestLog log;
    private final Sessions sessions;
    private final Methods methods;
    private final String newestVersion;

    Sdk(Faults faults, RequestLog log, Sessions sessions, Methods methods, String newestVersion) {
        this.faults = faults;
        this.log = log;
        this.sessions = sessions;
        this.methods = methods;
        this.newestVersion = newestVersion;
    }

    Http.Answer answer(Http.Request request) {
        String text = request.text();
        Node body;
        try {
            body = Xml.readCall(text);
        } catch (SimFault.Thrown e) {
            return soap(500, Xml.fault(e.fault()));
        }
        String method = body.name();
        String action = request.header("soapaction").replace("\"", "");
        log.add(new RequestLog.Entry(
                method, java.time.Instant.now(), request.target(), action, "", text, request.connection()));
        List<Trouble> troubles = faults.strike(method);
        Http.first(troubles, Trouble.Meanwhile.class)
                .ifPresent(meanwhile -> meanwhile.what().run());
        if (Http.first(troubles, Trouble.NoAnswer.class).isPresent()
                || Http.first(troubles, Trouble.CutBefore.class).isPresent()) {
            return soap(200, "").with(troubles);
        }
        Http.first(troubles, Trouble.Delay.class).ifPresent(delay -> sleep(delay.howLong()));
        Optional<Trouble.HttpStatus> refusal = Http.first(troubles, Trouble.HttpStatus.class);
        if (refusal.isPresent()) {
            return Http.Answer.text(
                    refusal.get().code(), "text/html", refusal.get().body());
        }
        if (Http.first(troubles, Trouble.SessionLost.class).isPresent()) {
            sessions.endAll();
        }
        int status = 200;
        List<String> cookies = new ArrayList<>();
        String answer;
        try {
            answer = result(method, body, request, action, troubles, cookies);
        } catch (SimFault.Thrown e) {
            status = 500;
            answer = Xml.fault(e.fault());
        } catch (RuntimeException e) {
            status = 500;
            SimFault own = new SimFault("SystemError", "the simulator itself failed: " + e);
            answer = Xml.fault(own.with("reason", e.toString()));
        }
        for (Trouble trouble : troubles) {
            if (trouble instanceof Trouble.Doctype doctype) {
                answer = answer.replaceFirst("\\?>\n", "?>\n" + doctype.declaration() + "\n");
            } else if (trouble instanceof Trouble.Rewritten rewritten) {
                answer = rewritten.how().apply(answer);
            }
        }
        Http.Answer http = soap(status, answer).with(troubles);
        for (String cookie : cookies) {
            http.with("Set-Cookie", Sessions.COOKIE + "=\"" + cookie + "\"; Path=/; HttpOnly; Secure");
        }
        return http;
    }

    private String result(
            String method,
            Node body,
            Http.Request request,
            String action,
            List<Trouble> troubles,
            List<String> cookies) {
        Optional<Trouble.Fails> fails = Http.first(troubles, Trouble.Fails.class);
        if (fails.isPresent()) {
            throw fails.get().fault().asException();
        }
        String version = action.startsWith("urn:vim25/") ? action.substring("urn:vim25/".length()) : "2.5";
        if (compare(version, newestVersion) > 0) {
            throw new SimFault("UnsupportedVimApiVersion", "The version " + version + " is not supported.")
                    .asException();
        }
        MoRef self = body.find("_this")
                .filter(Node::isRef)
                .orElseThrow(() -> new SimFault("InvalidRequest", "no _this with a type").asException())
                .ref();
        String session = request.session().filter(sessions::use).orElse("");
        Sdk.Call call = new Call(method, body, self, session, version, new ArrayList<>(troubles));
        if (session.isEmpty() && !WITHOUT_SESSION.contains(method)) {
            SimFault lost = SimFault.named("NotAuthenticated");
            if (!PROPERTY_READS.contains(method) || !faults.lostSessionIsMissing()) {
                throw lost.asException();
            }
            call.troubles().add(new Trouble.Missing(lost));
        }
        List<Node> results = methods.call(call, cookies);
        return Xml.answer(method, faults.isStrange() ? Strange.all(results) : results);
    }

    static int compare(String version, String other) {
        String[] mine = version.split("\\.", -1);
        String[] theirs = other.split("\\.", -1);
        for (int i = 0; i < Math.max(mine.length, theirs.length); i++) {
            int a = i < mine.length ? Integer.parseInt(mine[i]) : 0;
            int b = i < theirs.length ? Integer.parseInt(theirs[i]) : 0;
            if (a != b) {
                return Integer.compare(a, b);
            }
        }
        return 0;
    }

    static void sleep(java.time.Duration howLong) {
        try {
            Thread.sleep(howLong);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Http.Answer soap(int status, String xml) {
        Http.Answer answer = Http.Answer.text(status, XML, xml);
        return answer;
    }
}
