/** Programs that use Godwit as a library, built and run by the tests. */
@org.jspecify.annotations.NullMarked
package dev.godwit.samples;
