package io.migratekit.agent.watch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * How often, for how long and with which end has one worker waited, by name? Every wait is counted when it ends, during
 * the run or at its end. One thread counts; {@link #merge} reads the ledgers of all workers at any moment.
 */
@SuppressWarnings("EnumOrdinal") // Accounts are found by index because that costs nothing; no index leaves this class.
public final class WaitLedger {
    private static final int NAMES = WaitName.values().length;

    private final AtomicReferenceArray<Account> accounts = new AtomicReferenceArray<>(Layer.values().length * NAMES);

    WaitLedger() {}

    /** Counts a wait that is over. No allocation, except for the first wait of its name. */
    void add(Layer layer, WaitName name, Outcome outcome, long nanos) {
        int index = layer.ordinal() * NAMES + name.ordinal();
        Account account = accounts.getPlain(index);
        if (account == null) {
            account = new Account();
            accounts.setRelease(index, account);
        }
        account.add(outcome, Math.max(0, nanos));
    }

    /** The ledgers of several workers as one, what took the longest in all first. */
    static List<LedgerLine> merge(Collection<WaitLedger> ledgers) {
        List<LedgerLine> lines = new ArrayList<>();
        for (Layer layer : Layer.values()) {
            for (WaitName name : WaitName.values()) {
                LedgerLine line = merge(ledgers, layer, name);
                if (line.count() > 0) {
                    lines.add(line);
                }
            }
        }
        lines.sort(Comparator.comparingLong(LedgerLine::totalNanos).reversed());
        return lines;
    }

    private static LedgerLine merge(Collection<WaitLedger> ledgers, Layer layer, WaitName name) {
        Histogram.Counts counts = new Histogram.Counts();
        Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
        long total = 0;
        long max = 0;
        for (WaitLedger ledger : ledgers) {
            Account account = ledger.accounts.getAcquire(layer.ordinal() * NAMES + name.ordinal());
            if (account != null) {
                account.times.addTo(counts);
                total += account.figure(Account.TOTAL);
                max = Math.max(max, account.figure(Account.MAX));
                account.addOutcomes(outcomes);
            }
        }
        return new LedgerLine(layer, name, total, max, outcomes, counts);
    }

    /** The waits of one name. */
    private static final class Account {
        private static final VarHandle FIGURES = MethodHandles.arrayElementVarHandle(long[].class);
        private static final Outcome[] OUTCOMES = Outcome.values();
        static final int TOTAL = 0;
        static final int MAX = 1;
        private static final int FIRST_OUTCOME = 2;

        private final Histogram times = new Histogram();
        private final long[] figures = new long[FIRST_OUTCOME + OUTCOMES.length];

        void add(Outcome outcome, long nanos) {
            times.add(nanos);
            set(TOTAL, figures[TOTAL] + nanos);
            if (nanos > figures[MAX]) {
                set(MAX, nanos);
            }
            int index = FIRST_OUTCOME + outcome.ordinal();
            set(index, figures[index] + 1);
        }

        private void set(int index, long value) {
            FIGURES.setOpaque(figures, index, value);
        }

        long figure(int index) {
            return (long) FIGURES.getOpaque(figures, index);
        }

        void addOutcomes(Map<Outcome, Long> sum) {
            for (Outcome outcome : OUTCOMES) {
                long count = figure(FIRST_OUTCOME + outcome.ordinal());
                if (count > 0) {
                    sum.merge(outcome, count, Long::sum);
                }
            }
        }
    }
}
