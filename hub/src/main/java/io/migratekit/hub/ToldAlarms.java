package io.migratekit.hub;

import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Of which alarms was told that they began, and not yet that they ended? In a file, so that a hub that is started again neither
 * repeats what is known nor keeps to itself what ended meanwhile.
 */
final class ToldAlarms {
    private static final System.Logger LOG = System.getLogger(ToldAlarms.class.getName());

    private final Path file;
    private final Map<String, Alarm> all = new LinkedHashMap<>();

    ToldAlarms(Path file) {
        this.file = file;
        try {
            Optional<String> text = SafeFiles.read(file);
            if (text.isPresent()) {
                for (JsonElement element :
                        JsonParser.parseString(text.get()).getAsJsonObject().getAsJsonArray("alarms")) {
                    Alarm alarm = alarm(element.getAsJsonObject());
                    all.put(alarm.identity(), alarm);
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(WARNING, () -> "file=" + file + " is not readable, alarms are told anew: " + e.getMessage());
        }
    }

    private static Alarm alarm(JsonObject json) {
        @Nullable JsonElement vm = json.get("vm");
        return new Alarm(
                json.get("alarm").getAsString(),
                Optional.ofNullable(vm).map(JsonElement::getAsString),
                json.get("words").getAsString());
    }

    synchronized List<Alarm> all() {
        return List.copyOf(all.values());
    }

    /** It was told that this one began, or that it ended. */
    synchronized void note(Alarm alarm, boolean isBeginning) {
        if (isBeginning) {
            all.put(alarm.identity(), alarm);
        } else {
            all.remove(alarm.identity());
        }
        JsonArray array = new JsonArray();
        for (Alarm one : all.values()) {
            JsonObject json = new JsonObject();
            json.addProperty("alarm", one.kind());
            one.vm().ifPresent(vm -> json.addProperty("vm", vm));
            json.addProperty("words", one.words());
            array.add(json);
        }
        JsonObject whole = new JsonObject();
        whole.add("alarms", array);
        try {
            SafeFiles.replace(file, whole.toString().getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.CRASH);
        } catch (IOException e) {
            LOG.log(WARNING, () -> "it could not be noted which alarms were told: " + e.getMessage());
        }
    }
}
