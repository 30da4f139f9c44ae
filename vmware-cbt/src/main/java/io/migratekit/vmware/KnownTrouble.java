package io.migratekit.vmware;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * If a server's output holds this sign, what is the cause and what helps?
 *
 * @param sign looked for in the whole output, in either case
 * @param explanation cause and remedy, in one or two sentences
 */
record KnownTrouble(Pattern sign, String explanation) {
    /**
     * Said besides a cause, or instead of one: never what a person should read first. That a reply could not be written, or that
     * nothing is tried again for nobody, only tells that we had left.
     */
    private static final Pattern NOISE = Pattern.compile(
            "Please verify whether the \"thumbprint\"|phone ?home|CEIP|^\\s*$|debug:|warning:"
                    + "|\\bwrite (?:error )?(?:reply|data)\\b.*(?:Broken pipe|Connection reset)"
                    + "|aborting sleep because of connection close",
            Pattern.CASE_INSENSITIVE);

    /** A disk's name, which its owner chose: no sign may be found in it. */
    private static final Pattern DISK = Pattern.compile("\\[[^\\]\\n]*] [^\\n]*?\\.vmdk");

    /** What nbdkit puts in front of each error. */
    private static final Pattern PREFIX = Pattern.compile("^nbdkit: (?:[^ :]+: )?error: ");

    KnownTrouble(String sign, String explanation) {
        this(Pattern.compile(sign, Pattern.CASE_INSENSITIVE), explanation);
    }

    /**
     * The first one in the list whose sign is found, with the line in which it was; else the last error quoted; nothing
     * if none was said.
     */
    static Optional<String> explain(List<KnownTrouble> known, String said) {
        List<String> lines = said.lines().filter(KnownTrouble::counts).toList();
        String searched = DISK.matcher(String.join("\n", lines)).replaceAll("[disk]");
        for (KnownTrouble trouble : known) {
            Matcher found = trouble.sign.matcher(searched);
            if (found.find()) {
                int line = Math.toIntExact(searched.substring(0, found.start())
                        .chars()
                        .filter(c -> c == '\n')
                        .count());
                return Optional.of(trouble.explanation + " (it said: " + bare(lines.get(line)) + ")");
            }
        }
        return lastError(lines).map(line -> "it said: " + line);
    }

    /** What a talkative server says besides is full of words that look like signs, but for the true thumbprint. */
    private static boolean counts(String line) {
        return !line.contains(" debug: ") || line.contains("actual thumbprint=");
    }

    private static Optional<String> lastError(List<String> lines) {
        List<String> words =
                lines.stream().filter(line -> !NOISE.matcher(line).find()).toList();
        List<String> errors =
                words.stream().filter(line -> PREFIX.matcher(line).find()).toList();
        List<String> candidates = errors.isEmpty() ? words : errors;
        return candidates.isEmpty() ? Optional.empty() : Optional.of(bare(candidates.getLast()));
    }

    private static String bare(String line) {
        return PREFIX.matcher(line).replaceFirst("").strip();
    }
}
