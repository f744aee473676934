package dev.godwit.qmp.server;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The commands of a server by name. */
final class CommandTable {

    private final Map<String, QmpCommand> commands = new LinkedHashMap<>();

    CommandTable(List<QmpCommand> all) {
        for (QmpCommand command : all) {
            if (commands.put(command.name(), command) != null) {
                throw new IllegalArgumentException("two commands of the name " + command.name());
            }
        }
    }

    Optional<QmpCommand> find(String name) {
        return Optional.ofNullable(commands.get(name));
    }

    Collection<String> names() {
        return commands.keySet();
    }
}
