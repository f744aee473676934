package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;

/**
 * A 16550 at ports 0x3f8 to 0x3ff: device {@code godwit/serial}, version 1. Sends at once while its output has room;
 * where it has none, the transmitter stays busy, and the guest waits.
 *
 * <table>
 * <caption>Registers</caption>
 * <tr><th>offset</th><th>read</th><th>write</th></tr>
 * <tr><td>0</td><td>received byte (divisor, low)</td><td>byte to send (divisor, low)</td></tr>
 * <tr><td>1</td><td>interrupts enabled (divisor, high)</td><td>the same</td></tr>
 * <tr><td>2</td><td>which interrupt</td><td>FIFO control</td></tr>
 * <tr><td>3</td><td>line control; bit 7 shows the divisor</td><td>the same</td></tr>
 * <tr><td>4</td><td>modem control; bit 4 loops back</td><td>the same</td></tr>
 * <tr><td>5</td><td>line status</td><td>-</td></tr>
 * <tr><td>6</td><td>modem status</td><td>-</td></tr>
 * <tr><td>7</td><td>scratch</td><td>the same</td></tr>
 * </table>
 */
final class SerialPort implements SavedDevice {

    static final int BASE_PORT = 0x3f8;
    static final int IRQ = 4;
    static final String IDSTR = "godwit/serial";

    /** How many bytes of input wait for the guest at most. */
    static final int INPUT_BYTES = 1024;

    private static final int VERSION = 1;
    private static final int IER_RECEIVED = 1;
    private static final int IER_SENDER_EMPTY = 2;
    private static final int IIR_NONE = 1;
    private static final int IIR_SENDER_EMPTY = 2;
    private static final int IIR_RECEIVED = 4;
    private static final int IIR_FIFOS = 0xc0;
    private static final int LCR_DIVISOR = 0x80;
    private static final int MCR_LOOP = 0x10;
    private static final int LSR_RECEIVED = 1;
    private static final int LSR_SENDER_EMPTY = 0x60;
    private static final int MSR_CONNECTED = 0xb0;

    /** Where sent bytes go. */
    interface Output {
        /** {@return whether a byte can be taken now; if not, {@link SerialPort#outputHasRoom} is called later} */
        boolean hasRoom();

        /** Takes a byte; there is room. */
        void send(byte value);
    }

    /** The interrupt line. */
    interface Line {
        void set(boolean isHigh);
    }

    private final Output output;
    private final Line line;
    private final byte[] input = new byte[INPUT_BYTES];
    private int inputStart;
    private int inputBytes;
    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int scratch;
    private int divisorLow = 1; // 115,200 baud
    private int divisorHigh;
    private boolean senderEmptyPending;
    private boolean lineIsHigh;

    SerialPort(Output output, Line line) {
        this.output = output;
        this.line = line;
    }

    /** {@return how many of the bytes were taken; the rest did not fit} */
    int receive(byte[] bytes, int from) {
        int taken = 0;
        while (from + taken < bytes.length && inputBytes < INPUT_BYTES) {
            put(bytes[from + taken]);
            taken++;
        }
        update();
        return taken;
    }

    private void put(byte value) {
        input[(inputStart + inputBytes) % INPUT_BYTES] = value;
        inputBytes++;
    }

    /** The output has room again after it had none. */
    void outputHasRoom() {
        senderEmptyPending = true;
        update();
    }

    @Override
    public int read(int port) {
        boolean divisor = (lcr & LCR_DIVISOR) != 0;
        int value = switch (port - BASE_PORT) {
            case 0 -> divisor ? divisorLow : take();
            case 1 -> divisor ? divisorHigh : ier;
            case 2 -> identify();
            case 3 -> lcr;
            case 4 -> mcr;
            case 5 -> (inputBytes > 0 ? LSR_RECEIVED : 0) | (output.hasRoom() ? LSR_SENDER_EMPTY : 0);
            case 6 -> modemStatus();
            default -> scratch;
        };
        update();
        return value;
    }

    private int take() {
        if (inputBytes == 0) {
            return 0;
        }
        int value = input[inputStart] & 0xff;
        inputStart = (inputStart + 1) % INPUT_BYTES;
        inputBytes--;
        return value;
    }

    private int identify() {
        int fifos = (fcr & 1) != 0 ? IIR_FIFOS : 0;
        if (wantsReceived()) {
            return fifos | IIR_RECEIVED;
        }
        if (wantsSenderEmpty()) {
            senderEmptyPending = false; // reading it is the acknowledgement
            return fifos | IIR_SENDER_EMPTY;
        }
        return fifos | IIR_NONE;
    }

    /** Looped back, the outputs are the inputs: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD. */
    private int modemStatus() {
        if ((mcr & MCR_LOOP) == 0) {
            return MSR_CONNECTED;
        }
        return ((mcr & 2) << 3) | ((mcr & 1) << 5) | ((mcr & 4) << 4) | ((mcr & 8) << 4);
    }

    @Override
    public void write(int port, int value) {
        boolean divisor = (lcr & LCR_DIVISOR) != 0;
        switch (port - BASE_PORT) {
            case 0 -> {
                if (divisor) {
                    divisorLow = value;
                } else {
                    send(value);
                }
            }
            case 1 -> {
                if (divisor) {
                    divisorHigh = value;
                } else {
                    if ((value & ~ier & IER_SENDER_EMPTY) != 0 && output.hasRoom()) {
                        senderEmptyPending = true;
                    }
                    ier = value & 0xf;
                }
            }
            case 2 -> {
                fcr = value;
                if ((value & 2) != 0) {
                    inputBytes = 0;
                }
            }
            case 3 -> lcr = value;
            case 4 -> mcr = value & 0x1f;
            case 7 -> scratch = value;
            default -> {
                // line and modem status are read only
            }
        }
        update();
    }

    private void send(int value) {
        if ((mcr & MCR_LOOP) != 0) {
            if (inputBytes < INPUT_BYTES) {
                put((byte) value);
            }
        } else if (output.hasRoom()) { // a guest that does not ask loses the byte, as on a real line
            output.send((byte) value);
        }
        senderEmptyPending = output.hasRoom();
    }

    private boolean wantsReceived() {
        return (ier & IER_RECEIVED) != 0 && inputBytes > 0;
    }

    private boolean wantsSenderEmpty() {
        return (ier & IER_SENDER_EMPTY) != 0 && senderEmptyPending;
    }

    private void update() {
        boolean high = wantsReceived() || wantsSenderEmpty();
        if (high != lineIsHigh) {
            lineIsHigh = high;
            line.set(high);
        }
    }

    @Override
    public String idstr() {
        return IDSTR;
    }

    @Override
    public DeviceState save() {
        byte[] waiting = new byte[INPUT_BYTES];
        for (int i = 0; i < inputBytes; i++) {
            waiting[i] = input[(inputStart + i) % INPUT_BYTES];
        }
        return DeviceState.of(IDSTR, 0, VERSION)
                .uint8("ier", ier)
                .uint8("fcr", fcr)
                .uint8("lcr", lcr)
                .uint8("mcr", mcr)
                .uint8("scr", scratch)
                .uint8("dll", divisorLow)
                .uint8("dlm", divisorHigh)
                .uint8("thr_ipending", senderEmptyPending ? 1 : 0)
                .uint32("input_bytes", inputBytes)
                .buffer("input", waiting)
                .build();
    }

    @Override
    public void load(DeviceState saved) throws IOException {
        DeviceState state = saved.atMostVersion(VERSION);
        int waitingBytes = state.uint32("input_bytes");
        if (waitingBytes < 0 || waitingBytes > INPUT_BYTES) {
            throw new IOException("%s: expected up to %d bytes of input, found %s"
                    .formatted(IDSTR, INPUT_BYTES, Integer.toUnsignedString(waitingBytes)));
        }
        System.arraycopy(state.buffer("input", INPUT_BYTES), 0, input, 0, INPUT_BYTES);
        inputStart = 0;
        inputBytes = waitingBytes;
        ier = (int) state.number("ier", "uint8") & 0xf;
        fcr = (int) state.number("fcr", "uint8");
        lcr = (int) state.number("lcr", "uint8");
        mcr = (int) state.number("mcr", "uint8") & 0x1f;
        scratch = (int) state.number("scr", "uint8");
        divisorLow = (int) state.number("dll", "uint8");
        divisorHigh = (int) state.number("dlm", "uint8");
        senderEmptyPending = state.number("thr_ipending", "uint8") != 0;
        // An edge that the old machine had under way would be lost; one too many does no harm.
        lineIsHigh = false;
        line.set(false);
        update();
    }
}
