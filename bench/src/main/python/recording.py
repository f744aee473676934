"""Records every connection of a live migration, byte by byte, and decodes what the source has sent.

The decoder is made to be read, not to be fast, and shares no code with Godwit: a page's content is what the last record
of it says, where the k-th end of a RAM section on the main connection comes after the k-th SYNC of every multifd channel
(qemu-migration specification sections 2.1, 4.3 and 4.5, as QEMU 7.2 does it, and 10.0 with a machine type as old).
QEMU 7.2 may send a page twice between two syncs, in packets that follow each other; the later packet counts.
"""

import ctypes
import ctypes.util
import socket
import struct
import threading
import time
import zlib

PAGE = 4096
HEADER = 1344


class Connection:
    def __init__(self, source):
        self.source = source
        self.content = bytearray()
        self.times = []  # (seconds, how many bytes there were then)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            piece = self.source.recv(1 << 18)
            if not piece:
                return
            self.content += piece
            self.times.append((time.monotonic(), len(self.content)))

    def seconds_at(self, position):
        return next((at for at, length in self.times if length > position), float("nan"))


class Recorder:
    """A destination that answers nothing, which is all that a source without a return path asks for."""

    def __init__(self, path, connections):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.expected = connections
        self.connections = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for _ in range(self.expected):
            self.connections.append(Connection(self.listener.accept()[0]))
        self.listener.close()

    def replay(self, path):
        """Sends the recording to another destination, all connections at once."""
        threads = [threading.Thread(target=replay, args=(path, connection.content)) for connection in self.connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def await_end(self):
        self.thread.join()
        for connection in self.connections:
            connection.thread.join()


def replay(path, content):
    with socket.socket(socket.AF_UNIX) as target:
        target.connect(path)
        target.sendall(content)


class Zstd:
    """One frame for the whole connection, flushed at the end of each packet."""

    def __init__(self):
        name = ctypes.util.find_library("zstd") or "libzstd.so.1"
        self.library = ctypes.CDLL(name)
        self.library.ZSTD_createDStream.restype = ctypes.c_void_p
        self.library.ZSTD_decompressStream.restype = ctypes.c_size_t
        self.stream = ctypes.c_void_p(self.library.ZSTD_createDStream())

    def decode(self, content, length):
        class Buffer(ctypes.Structure):
            _fields_ = [("bytes", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]

        source = ctypes.create_string_buffer(content, len(content))
        target = ctypes.create_string_buffer(length)
        given = Buffer(ctypes.addressof(source), len(content), 0)
        taken = Buffer(ctypes.addressof(target), length, 0)
        while given.position < given.size:
            before = given.position, taken.position
            result = self.library.ZSTD_decompressStream(self.stream, ctypes.byref(taken), ctypes.byref(given))
            if self.library.ZSTD_isError(ctypes.c_size_t(result)) or before == (given.position, taken.position):
                raise ValueError("no zstd")
        if taken.position != length:
            raise ValueError(f"{taken.position} bytes instead of {length}")
        return target.raw


class Zlib:
    def __init__(self):
        self.stream = zlib.decompressobj()

    def decode(self, content, length):
        pages = self.stream.decompress(content)
        if len(pages) != length:
            raise ValueError(f"{len(pages)} bytes instead of {length}")
        return pages


class Record:
    """One copy of one page: content is None for a zero page."""

    def __init__(self, block, offset, content, round_number, channel, position, packet):
        self.block, self.offset, self.content, self.round = block, offset, content, round_number
        self.channel, self.position, self.packet = channel, position, packet


def main_records(content):
    """The records of the main connection; a round ends with each RAM section."""
    at = 8
    name = struct.unpack_from(">I", content, at + 1)[0]
    at += 5 + name
    records, blocks, block, rounds, ram = [], {}, None, 0, None
    while True:
        kind = content[at]
        if kind == 1:
            ram, length = struct.unpack_from(">IB", content, at + 1)
            if content[at + 6:at + 6 + length] != b"ram":
                raise ValueError("another section than ram")
            at += 6 + length + 8
        elif kind in (2, 3):
            at += 5
        elif kind == 8:
            at += 5 + struct.unpack_from(">H", content, at + 3)[0]
            continue
        else:
            return records, blocks, rounds
        while True:
            start = at
            word = struct.unpack_from(">Q", content, at)[0]
            at += 8
            offset, flags = word & ~0xfff, word & 0xfff
            if flags == 0x10:
                rounds += 1
                at += 5  # the footer
                break
            if flags == 0x04:
                left = offset
                while left:
                    length = content[at]
                    name = bytes(content[at + 1:at + 1 + length]).decode()
                    blocks[name] = struct.unpack_from(">Q", content, at + 1 + length)[0]
                    left -= blocks[name]
                    at += 9 + length
                continue
            if not flags & 0x20:
                length = content[at]
                block = bytes(content[at + 1:at + 1 + length]).decode()
                at += 1 + length
            if flags & ~0x20 == 0x02:
                page, at = None, at + 1
            elif flags & ~0x20 == 0x08:
                page, at = bytes(content[at:at + PAGE]), at + PAGE
            else:
                raise ValueError(f"flags 0x{flags:x}")
            records.append(Record(block, offset, page, rounds, "main", start, -1))


def channel_records(content, method):
    decoder = {"none": None, "zlib": Zlib(), "zstd": Zstd()}[method]
    channel = f"channel {content[24]}"
    at, rounds, records = 64, 0, []
    while at < len(content):
        flags, _, pages, length, packet, zeros = struct.unpack_from(">IIIIQI", content, at + 8)
        block = bytes(content[at + 64:at + 320]).split(b"\0")[0].decode()
        offsets = struct.unpack_from(f">{pages + zeros}Q", content, at + 320)
        start, at = at, at + HEADER
        data = b""
        if pages:
            length = length if decoder else pages * PAGE
            data = bytes(content[at:at + length])
            at += length
            data = decoder.decode(data, pages * PAGE) if decoder else data
        for index, offset in enumerate(offsets):
            page = data[index * PAGE:(index + 1) * PAGE] if index < pages else None
            records.append(Record(block, offset, page, rounds, channel, start, packet))
        rounds += flags & 1
    return records, rounds


def decode(connections, method):
    """All records in the source's order, the blocks' lengths, and how many rounds there were."""
    records = []
    for connection in connections:
        if connection.content[:4] == b"QEVM":
            found, blocks, main_rounds = main_records(connection.content)
            records += found
    on_main = {(record.block, record.offset, record.round) for record in records}
    for connection in connections:
        if connection.content[:4] != b"QEVM":
            found, rounds = channel_records(connection.content, method)
            if rounds != main_rounds:
                raise ValueError(f"{rounds} SYNC for {main_rounds} RAM sections")
            if any((record.block, record.offset, record.round) in on_main for record in found):
                raise ValueError("a page on the main connection and on a channel in one round")
            records += found
    records.sort(key=lambda record: (record.round, record.packet))  # stable: a connection's own order stays
    return records, blocks, main_rounds


def memory(records, block, length):
    content = bytearray(length)
    for record in records:
        if record.block == block:
            content[record.offset:record.offset + PAGE] = record.content or bytes(PAGE)
    return content
