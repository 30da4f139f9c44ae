package io.migratekit.hub.api;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;

import io.migratekit.hub.api.Tokens.Token;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.Promise;

/**
 * What becomes of a request? Its route is found, its token checked, its content read without a thread waiting for a slow
 * client, and it is carried out by threads of its kind: what takes long never keeps what is short from its answer.
 */
final class Doorman extends Handler.Abstract.NonBlocking implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Doorman.class.getName());
    private static final int SHORT_THREADS = 16;
    private static final int LONG_THREADS = 48;
    private static final int STREAM_THREADS = 64;
    private static final int WAITING = 2000;

    private final List<Route> routes;
    private final Tokens tokens;
    private final Function<Exception, Problem> explain;
    private final HttpLimits limits;
    private final Visitors visitors;
    private final ThreadPoolExecutor shortWork = pool("hub-short", SHORT_THREADS, WAITING);
    private final ThreadPoolExecutor longWork = pool("hub-long", LONG_THREADS, WAITING);
    private final ThreadPoolExecutor streams = pool("hub-stream", STREAM_THREADS, STREAM_THREADS);
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("hub-clock").factory());

    /**
     * Lets requests in.
     *
     * @param explain what a failure of an action means to a client
     */
    Doorman(List<Route> routes, Tokens tokens, Function<Exception, Problem> explain, HttpLimits limits) {
        this.routes = routes;
        this.tokens = tokens;
        this.explain = explain;
        this.limits = limits;
        this.visitors = new Visitors(limits.request());
        long every = limits.request().toMillis() / 4;
        Future<?> _ = clock.scheduleWithFixedDelay(visitors::showOut, every, every, TimeUnit.MILLISECONDS);
    }

    Visitors visitors() {
        return visitors;
    }

    private static ThreadPoolExecutor pool(String name, int threads, int waiting) {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                threads,
                threads,
                30,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(waiting),
                Thread.ofPlatform().daemon().name(name + "-", 0).factory());
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        visitors.asks(request);
        Answering answering = new Answering(request, response, callback);
        try {
            Browsers.check(request);
            Found found = find(request);
            Route route = found.route();
            Optional<Token> token = route.access() == Route.Access.OPEN ? Optional.empty() : token(request);
            Fields query = query(request, route);
            mustTake(request, route);
            if (route.way() == Route.Way.JSON || route.way() == Route.Way.LONG) {
                CompletableFuture<byte[]> _ = content(request)
                        .orTimeout(limits.content().toMillis(), TimeUnit.MILLISECONDS)
                        .whenComplete((content, failure) -> {
                            if (failure != null) {
                                answering.send(Reply.problem(unreadable(failure)));
                            } else {
                                begin(
                                        route,
                                        call(request, answering, found.parts(), query, token, ByteBuffer.wrap(content)),
                                        answering);
                            }
                        });
            } else {
                begin(route, call(request, answering, found.parts(), query, token, ByteBuffer.allocate(0)), answering);
            }
        } catch (Problem problem) {
            answering.send(Reply.problem(problem));
        } catch (IOException | RuntimeException e) {
            answering.send(Reply.problem(explained(e, answering)));
        }
        return true;
    }

    private CompletableFuture<byte[]> content(Request request) {
        CompletableFuture<byte[]> content = new CompletableFuture<>();
        if (request.getLength() > limits.jsonBytes()) {
            content.completeExceptionally(new IllegalStateException("too large"));
            return content;
        }
        Content.Source.asByteArrayAsync(request, limits.jsonBytes(), new Promise.Invocable.NonBlocking<>() {
            @Override
            public void succeeded(byte[] bytes) {
                content.complete(bytes);
            }

            @Override
            public void failed(Throwable failure) {
                content.completeExceptionally(failure);
            }
        });
        return content;
    }

    private Call call(
            Request request,
            Answering answering,
            Map<String, String> parts,
            Fields query,
            Optional<Token> token,
            ByteBuffer content) {
        return new Call(
                parts,
                query,
                token,
                content,
                most -> new Incoming(Content.Source.asInputStream(request), limits, most),
                answering::begin,
                answering::isClientGone);
    }

    private record Found(Route route, Map<String, String> parts) {}

    private Found find(Request request) {
        String path = String.valueOf(request.getHttpURI().getCanonicalPath());
        boolean known = false;
        for (Route route : routes) {
            Optional<Map<String, String>> match = route.match(path);
            if (match.isPresent()) {
                known = true;
                if (route.method().equals(request.getMethod())) {
                    return new Found(route, match.get());
                }
            }
        }
        throw known
                ? new Problem(405, "method-not-allowed", "this path knows no " + request.getMethod())
                : new Problem(404, "not-found", "there is no such path; the contract is hub/openapi.yaml");
    }

    private static Fields query(Request request, Route route) {
        Fields query;
        try {
            query = Request.extractQueryParameters(request);
        } catch (RuntimeException e) {
            throw Problem.badRequest("the query cannot be read");
        }
        for (Fields.Field field : query) {
            if (!route.query().contains(field.getName()) || field.getValues().size() > 1) {
                throw Problem.badRequest("the query may hold, once each: " + route.query());
            }
        }
        return query;
    }

    /** A client that says what it sends has to send what is wanted; one that does not say is taken at its word. */
    private static void mustTake(Request request, Route route) {
        String said = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
        if (said != null
                && route.way() != Route.Way.PLAIN
                && !said.strip()
                        .toLowerCase(Locale.ROOT)
                        .matches(Pattern.quote(route.takes()) + "(; *charset=\"?utf-8\"?)?")) {
            throw new Problem(415, "unsupported-media-type", "the content has to be " + route.takes());
        }
    }

    /** Nobody but its owner can enter the unix socket; loopback is open to every user of the host. */
    private Optional<Token> token(Request request) throws IOException {
        if (!(request.getConnectionMetaData().getLocalSocketAddress() instanceof InetSocketAddress)) {
            Browsers.mustMeanUs(request);
            return Optional.empty();
        }
        String header = String.valueOf(request.getHeaders().get(HttpHeader.AUTHORIZATION));
        Optional<Token> token = header.regionMatches(true, 0, "Bearer ", 0, 7)
                ? tokens.find(header.substring(7).strip())
                : Optional.empty();
        if (token.isEmpty()) {
            throw new Problem(
                    401,
                    "unauthorized",
                    request.getHeaders().contains(HttpHeader.AUTHORIZATION)
                            ? "this token is not known here, or was removed; `migratekit hub token list` shows those that are"
                            : "a token is needed: `Authorization: Bearer ...`, from `migratekit hub token add`");
        }
        return token;
    }

    private void begin(Route route, Call call, Answering answering) {
        Executor threads = switch (route.way()) {
            case LONG -> longWork;
            case STREAM -> streams;
            case PLAIN, JSON -> shortWork;
        };
        if (route.access() == Route.Access.OPEN) {
            carryOut(route, call, answering); // Short, and right whatever the threads are busy with.
            return;
        }
        if (route.way() == Route.Way.LONG) {
            answering.soothe(clock);
        }
        try {
            threads.execute(() -> carryOut(route, call, answering));
        } catch (RejectedExecutionException e) {
            answering.send(
                    Reply.problem(new Problem(503, "busy", "too many requests at once; ask again a little later")));
        }
    }

    private void carryOut(Route route, Call call, Answering answering) {
        try {
            call.mustBe(route.access());
            answering.send(route.action().answer(call));
        } catch (Problem problem) {
            answering.send(Reply.problem(problem));
        } catch (IOException | RuntimeException e) {
            if (answering.hasClientHungUp()) {
                LOG.log(DEBUG, () -> "request=" + answering.asked() + " the client hung up: " + e.getMessage());
                answering.fail(e);
            } else {
                answering.send(Reply.problem(explained(e, answering)));
            }
        } catch (Error e) {
            LOG.log(ERROR, "request=" + answering.asked() + " failed", e);
            answering.fail(e);
            throw e;
        }
    }

    private Problem explained(Exception failure, Answering answering) {
        Problem problem = explain.apply(failure);
        if (problem.status() >= 500) {
            // Of a failure that nobody has thought of, its kind says more than its words.
            Object words = problem.status() == 500 ? failure : failure.getMessage();
            LOG.log(ERROR, "request=" + answering.asked() + " status=" + problem.status() + " " + words);
            LOG.log(DEBUG, "details", failure);
        }
        return problem;
    }

    private Problem unreadable(Throwable failure) {
        if (failure instanceof java.util.concurrent.TimeoutException) {
            return new Problem(
                    408,
                    "too-slow",
                    "the content did not come within " + limits.content().toSeconds() + " s");
        }
        if (failure instanceof IllegalStateException) {
            return new Problem(413, "too-large", "the content has more than " + limits.jsonBytes() + " bytes");
        }
        return Problem.badRequest("the content did not come completely");
    }

    /** What is answered where Jetty itself finds a request wrong. */
    static Reply malformed(int status, String message) {
        return new Reply(
                status,
                "application/problem+json",
                new Problem(status, status >= 500 ? "failed" : "bad-request", message).toJson() + "\n");
    }

    @Override
    public void close() {
        shortWork.shutdownNow();
        longWork.shutdown(); // A seal that runs is not broken off.
        streams.shutdownNow();
        clock.shutdownNow();
    }
}
