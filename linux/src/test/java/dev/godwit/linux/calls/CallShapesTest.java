package dev.godwit.linux.calls;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The Java machine makes a stub for each shape of a call, and each takes milliseconds of a start. */
class CallShapesTest {

    @Test
    void all_calls_have_one_of_five_shapes() throws Exception {
        Path folder = Path.of(
                LibC.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Set<MethodType> shapes = new HashSet<>();
        int calls = 0;
        try (DirectoryStream<Path> classes = Files.newDirectoryStream(
                folder.resolve(LibC.class.getPackageName().replace('.', '/')), "*Calls.class")) {
            for (Path file : classes) {
                String name = file.getFileName().toString().replace(".class", "");
                for (Field field :
                        Class.forName(LibC.class.getPackageName() + "." + name).getDeclaredFields()) {
                    if (field.getType() == MethodHandle.class) {
                        field.setAccessible(true);
                        shapes.add(((MethodHandle) field.get(null)).type());
                        calls++;
                    }
                }
            }
        }
        assertThat(calls).isGreaterThan(40);
        assertThat(shapes).as(shapes.toString()).hasSizeLessThanOrEqualTo(5);
    }
}
