package io.migratekit.agent.watch;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** How is a JSON object written? Field by field, in the order in which the calls come. */
final class JsonText {
    private final StringBuilder text = new StringBuilder();
    private boolean first = true;

    JsonText begin() {
        separate();
        return open('{');
    }

    JsonText begin(String name) {
        return name(name).open('{');
    }

    JsonText end() {
        return close('}');
    }

    JsonText beginList(String name) {
        return name(name).open('[');
    }

    JsonText endList() {
        return close(']');
    }

    JsonText field(String name, long value) {
        name(name).text.append(value);
        return this;
    }

    JsonText field(String name, boolean value) {
        name(name).text.append(value);
        return this;
    }

    JsonText field(String name, @Nullable String value) {
        name(name);
        quote(value);
        return this;
    }

    /** An element of a list. */
    JsonText value(String value) {
        separate();
        quote(value);
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }

    private JsonText name(String name) {
        separate();
        quote(name);
        text.append(':');
        return this;
    }

    private void separate() {
        if (!first) {
            text.append(',');
        }
        first = false;
    }

    private JsonText open(char bracket) {
        text.append(bracket);
        first = true;
        return this;
    }

    private JsonText close(char bracket) {
        text.append(bracket);
        first = false;
        return this;
    }

    private void quote(@Nullable String value) {
        if (value == null) {
            text.append("null");
            return;
        }
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                text.append("\\u").append(HexFormat.of().toHexDigits(c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
