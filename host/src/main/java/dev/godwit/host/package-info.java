/** Guest RAM as memory of this process, and the engine's ports over what the kernel knows of it. */
package dev.godwit.host;
