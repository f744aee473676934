package dev.godwit.linux;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Processor time of this process's threads, as {@code /proc/self/task} tells it. */
public final class ThreadTimes {

    private static final Path TASKS = Path.of("/proc/self/task");

    private ThreadTimes() {}

    /**
     * {@return how long the living threads whose name begins so have run, in ns; 0 where the kernel does not tell}
     *
     * @param namePrefix at most 15 letters
     */
    public static long nanoseconds(String namePrefix) {
        long sum = 0;
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(TASKS)) {
            for (Path task : tasks) {
                sum += nanoseconds(task, namePrefix);
            }
        } catch (IOException | DirectoryIteratorException _) {
            return sum; // no such folder, no times
        }
        return sum;
    }

    /** A thread may end meanwhile. */
    private static long nanoseconds(Path task, String namePrefix) {
        try {
            if (!Files.readString(task.resolve("comm")).startsWith(namePrefix)) {
                return 0;
            }
            String[] numbers = Files.readString(task.resolve("schedstat")).split(" ", 2);
            return Long.parseLong(numbers[0]);
        } catch (IOException | NumberFormatException _) {
            return 0;
        }
    }
}
