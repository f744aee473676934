/** QMP as a machine of ours serves it: sessions, commands with QEMU's arguments, answers and errors, events. */
package dev.godwit.qmp.server;
