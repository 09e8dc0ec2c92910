"""Values of the native API: lists of byte strings in a FlatBuffer, in both directions."""

import struct


def pack(elements):
    """A FlatBuffer of another layout than the vectors': tables first, then the data."""
    out = bytearray(struct.pack("<IHHHHiI", 12, 6, 8, 4, 0, 8, 4) + struct.pack("<I", len(elements)))
    tables = len(out) + 4 * len(elements)
    for i in range(len(elements)):
        out += struct.pack("<I", tables + 8 * i - len(out))
    data = tables + 8 * len(elements)
    for element in elements:
        out += struct.pack("<iI", len(out) - 4, data - len(out) - 4)
        data += 4 + len(element) + (-len(element)) % 4
    for element in elements:
        out += struct.pack("<I", len(element)) + element + bytes((-len(element)) % 4)
    return bytes(out)


def unpack(buffer):
    def number(form, at):
        return struct.unpack_from(form, buffer, at)[0]

    def field(table):
        vtable = table - number("<i", table)
        offset = number("<H", vtable + 4) if number("<H", vtable) > 4 else 0
        return table + offset + number("<I", table + offset) if offset else None

    files = field(number("<I", 0))
    elements = []
    for i in range(number("<I", files)):
        at = files + 4 + 4 * i
        data = field(at + number("<I", at))
        elements.append(buffer[data + 4:data + 4 + number("<I", data)])
    return elements
