import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Gives the classes in JAR files the form of today, where they are older than Java 6: java ModernClasses.java JAR...
 *
 * <p>Classes of that age have no stack maps. The JVM cannot keep them in an ahead-of-time cache, and verifies them slowly at
 * each start: those of picocli took a quarter of the start of a command. Run by ./godwit, once after each build.
 */
class ModernClasses {

    /** The first version that has stack maps: Java 6. */
    private static final int FIRST_WITH_STACK_MAPS = 50;

    private final Map<String, byte[]> entries = new LinkedHashMap<>();
    private final ClassFile classFile = ClassFile.of(
            ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(this::inJar)
                    .orElse(ClassHierarchyResolver.defaultResolver())));

    public static void main(String[] jars) throws IOException {
        for (String jar : jars) {
            new ModernClasses().rewrite(Path.of(jar));
        }
    }

    private void rewrite(Path path) throws IOException {
        try (JarFile jar = new JarFile(path.toFile())) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                try (InputStream content = jar.getInputStream(entry)) {
                    entries.put(entry.getName(), content.readAllBytes());
                }
            }
        }
        if (entries.entrySet().stream().noneMatch(entry -> isOld(entry.getKey(), entry.getValue()))) {
            return;
        }
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try (JarOutputStream written = new JarOutputStream(Files.newOutputStream(part))) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                written.putNextEntry(new JarEntry(entry.getKey()));
                written.write(isOld(entry.getKey(), entry.getValue()) ? modern(entry.getValue()) : entry.getValue());
                written.closeEntry();
            }
        }
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static boolean isOld(String name, byte[] content) {
        return name.endsWith(".class")
                && content.length > 7
                && ((content[6] & 0xff) << 8 | content[7] & 0xff) < FIRST_WITH_STACK_MAPS;
    }

    private byte[] modern(byte[] old) {
        return classFile.transformClass(classFile.parse(old), ModernClasses::copy);
    }

    private static void copy(ClassBuilder target, ClassElement element) {
        switch (element) {
            case ClassFileVersion _ -> target.withVersion(ClassFile.JAVA_25_VERSION, 0);
            case MethodModel method ->
                target.transformMethod(method, MethodTransform.transformingCode(CodeTransform.ACCEPT_ALL));
            default -> target.with(element);
        }
    }

    private InputStream inJar(ClassDesc type) {
        String descriptor = type.descriptorString();
        byte[] content = entries.get(descriptor.substring(1, descriptor.length() - 1) + ".class");
        return content == null ? null : new ByteArrayInputStream(content);
    }
}
