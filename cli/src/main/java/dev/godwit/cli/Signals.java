package dev.godwit.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * Signal handlers, by {@code sun.misc.Signal}: the only way in Java to see a second Ctrl-C. By reflection, since the
 * compiler's warning about that class cannot be switched off; where it is missing, the JVM's own handling stays.
 */
final class Signals {

    private Signals() {}

    static void handle(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler onSignal = (_, method, _) -> {
                if ("handle".equals(method.getName())) {
                    action.run();
                }
                return null;
            };
            Object proxy = Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler}, onSignal);
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            System.getLogger(Signals.class.getName())
                    .log(System.Logger.Level.DEBUG, "no handler for SIG" + name + "; the JVM's own stays", e);
        }
    }
}
