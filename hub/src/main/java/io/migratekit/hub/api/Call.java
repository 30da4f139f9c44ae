package io.migratekit.hub.api;

import io.migratekit.hub.api.Tokens.Scope;
import io.migratekit.hub.api.Tokens.Token;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.eclipse.jetty.util.Fields;

/**
 * Who asks for what? One request whose route and token are known. Without a token it came over the private unix socket.
 *
 * @param parts what stands in the path where the route has a name in braces
 * @param content the whole content, if the route reads JSON
 * @param isGone whether the client of a long request was found to have left
 */
record Call(
        Map<String, String> parts,
        Fields query,
        Optional<Token> token,
        ByteBuffer content,
        Function<Long, InputStream> in,
        Function<String, OutputStream> out,
        BooleanSupplier isGone) {

    /** The id in the path. */
    String id(String name) {
        String id = parts.getOrDefault(name, "");
        if (!Body.isId(id)) {
            throw Problem.badRequest("the " + name + " in the path is no id: 1 to 64 letters, digits, '.', '_' or '-'");
        }
        return id;
    }

    /** The key of a disk in the path. */
    int disk() {
        String disk = parts.getOrDefault("disk", "");
        if (!disk.matches("0|[1-9][0-9]{0,8}")) {
            throw Problem.badRequest("a disk's key is a whole number");
        }
        return Integer.parseInt(disk);
    }

    /** The content of a route that streams, of so many bytes at the most. */
    InputStream content(long mostBytes) {
        return in.apply(mostBytes);
    }

    /** Begins an answer that is too large for memory, or that has no end. */
    OutputStream begin(String contentType) {
        return out.apply(contentType);
    }

    Optional<String> query(String name) {
        return Optional.ofNullable(query.getValue(name));
    }

    boolean queryTruth(String name) {
        String written = query(name).orElse("false");
        if (!written.equals("true") && !written.equals("false")) {
            throw Problem.badRequest("'" + name + "' has to be true or false");
        }
        return written.equals("true");
    }

    boolean maySee(String vm) {
        return token.isEmpty() || token.get().maySee(vm);
    }

    /** Refuses a token that is not for this VM. */
    void mustSee(String vm) {
        if (!maySee(vm)) {
            throw new Problem(
                    403, "forbidden", "the token is not for this VM; add one with `migratekit hub token add`");
        }
    }

    private Scope scope() {
        return token.isEmpty() ? Scope.ADMIN : token.get().scope();
    }

    boolean mayBe(Route.Access access) {
        return switch (access) {
            case OPEN, LOOK -> true;
            case WRITE -> scope() != Scope.READ;
            case ADMIN -> scope() == Scope.ADMIN;
        };
    }

    void mustBe(Route.Access access) {
        if (!mayBe(access)) {
            throw new Problem(403, "forbidden", "a token with the scope " + scope() + " may not do this");
        }
    }
}
