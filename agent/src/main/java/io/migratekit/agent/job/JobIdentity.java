package io.migratekit.agent.job;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is a job about? Two runs belong to the same job if, and only if, all of this is equal: then
 * what the first one finished need not be done by the second.
 *
 * @param source the canonical URI, without secrets
 * @param target the canonical URI, without secrets
 * @param rangesFingerprint hexadecimal; stands for the list of ranges, or for "the whole disk"
 * @param unitBytes a unit's number means something only together with its size
 * @param hashing whether units have hashes: a run without them cannot complete one with them
 * @param more what else has to be equal, by name, for instance the VM and its disk
 */
public record JobIdentity(
        String source,
        String target,
        long diskBytes,
        String rangesFingerprint,
        long unitBytes,
        boolean hashing,
        Map<String, String> more) {

    private static final Set<String> OWN_WORDS =
            Set.of("source", "target", "size of the disk", "list of ranges", "size of a unit", "hashing");

    public JobIdentity {
        if (diskBytes < 0 || unitBytes <= 0) {
            throw new IllegalArgumentException("diskBytes=" + diskBytes + " unitBytes=" + unitBytes);
        }
        more = Map.copyOf(more);
        for (String name : more.keySet()) {
            if (OWN_WORDS.contains(name)) {
                // It would hide the field of that name where two identities are compared.
                throw new IllegalArgumentException("there is a field for the " + name);
            }
        }
    }

    /** What differs, one clause each, for instance "the target was A, now it is B"; empty if nothing does. */
    List<String> differencesTo(JobIdentity now) {
        Map<String, String> before = words();
        Map<String, String> after = now.words();
        List<String> differences = new ArrayList<>();
        TreeSet<String> others = new TreeSet<>(after.keySet());
        others.removeAll(before.keySet());
        List<String> names = new ArrayList<>(before.keySet());
        names.addAll(others);
        for (String name : names) {
            String was = before.getOrDefault(name, "not given");
            String is = after.getOrDefault(name, "not given");
            if (!was.equals(is)) {
                differences.add("the " + name + " was " + was + ", now it is " + is);
            }
        }
        return differences;
    }

    private Map<String, String> words() {
        Map<String, String> words = new LinkedHashMap<>();
        words.put("source", source);
        words.put("target", target);
        words.put("size of the disk", diskBytes + " bytes");
        words.put("list of ranges", "fingerprint " + rangesFingerprint);
        words.put("size of a unit", unitBytes + " bytes");
        words.put("hashing", hashing ? "on" : "off");
        words.putAll(new TreeMap<>(more));
        return words;
    }

    /** 32 bytes that stand for all of it, so that a progress log can tell whose it is. Part of a file format. */
    byte[] digest() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            DataOutputStream out = new DataOutputStream(bytes);
            for (String text : List.of(source, target, rangesFingerprint)) {
                writeText(out, text);
            }
            out.writeLong(diskBytes);
            out.writeLong(unitBytes);
            out.writeBoolean(hashing);
            for (Map.Entry<String, String> entry : new TreeMap<>(more).entrySet()) {
                writeText(out, entry.getKey());
                writeText(out, entry.getValue());
            }
            return MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException("writing into memory cannot fail", e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static void writeText(DataOutputStream out, String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }
}
