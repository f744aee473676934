/**
 * The commands, each a thin class over an operation of another room.
 *
 * <p>A command is a {@code Callable<Integer>} with a {@link dev.godwit.cli.CommonOptions} mixin. It collects all that
 * it has to say before it prints: with {@code --json} one document by {@link dev.godwit.cli.JsonOutput}, otherwise text
 * in which everything that came from a file or a socket goes through {@link dev.godwit.cli.Printable}. It throws what
 * goes wrong; {@link dev.godwit.cli.Failures} turns that into a line and an {@link dev.godwit.cli.ExitStatus}.
 *
 * <p>Long work reports to the {@link dev.godwit.cli.StatusLine} and is registered for Ctrl-C:
 *
 * <pre>{@code
 * try (StatusLine progress = common.progress();
 *         Receive receive = new Receive(request, progress);
 *         Interruption.Registration _ = common.interruption().register(receive)) {
 *     result = receive.run();
 * }
 * }</pre>
 */
@NullMarked
package dev.godwit.cli;

import org.jspecify.annotations.NullMarked;
