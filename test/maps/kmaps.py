#!/usr/bin/env python3
"""Map commands of the running kernel's bpf(2), for the differential tests.

Reads JSON lines on stdin, each a list of operations, and answers each with a line: the list of their results. A
result is a negative errno, 0 or a descriptor, or (lookup, next, lad) the hex of a key or value (dump: of all).

  ["create", type, key_size, value_size, max_entries, flags, map_extra, numa_node, inner_map_fd]
  ["prog", type, expected_attach_type]           loads a program that returns 2
  ["lookup", fd, value_size, key_hex, flags]     value_size: the bytes that the system call copies
  ["update", fd, key_hex, value_hex, flags]
  ["delete", fd, key_hex]
  ["next", fd, key_size, key_hex or null]
  ["lad", fd, value_size, key_hex, flags]        lookup and delete
  ["dump", fd, key_size, value_size]             all keys and values by get_next_key, at most 100000
  ["max", fd]                                    max_entries as OBJ_GET_INFO_BY_FD says
  ["close", fd]
  ["restart"]                                    closes all
"""
import ctypes
import json
import os
import platform
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[platform.machine()]
CREATE, LOOKUP, UPDATE, DELETE, NEXT, LOAD, INFO, LAD = 0, 1, 2, 3, 4, 5, 15, 21


def bpf(cmd, attr):
    buf = ctypes.create_string_buffer(attr, 128)
    ret = libc.syscall(ctypes.c_long(SYS_BPF), ctypes.c_int(cmd), buf, ctypes.c_uint(128))
    return -ctypes.get_errno() if ret < 0 else ret


def memory(data, size=None):
    return ctypes.create_string_buffer(data, size if size is not None else max(len(data), 1))


def at(buf):
    return ctypes.addressof(buf) if buf is not None else 0


def elem(cmd, fd, key, value, flags):
    return bpf(cmd, struct.pack("<IIQQQ", fd, 0, at(key), at(value), flags))


def create(kind, key, value, entries, flags, extra=0, numa=0, inner=0):
    head = struct.pack("<IIIIIII", kind, key, value, entries, flags, inner, numa)
    return bpf(CREATE, head + bytes(36) + struct.pack("<Q", extra))


def load(kind, attach_type):
    insns = memory(bytes.fromhex("b7000000020000009500000000000000"))
    license = memory(b"GPL\0")
    head = struct.pack("<IIQQ", kind, 2, at(insns), at(license))
    return bpf(LOAD, head + bytes(44) + struct.pack("<I", attach_type))


def read(cmd, fd, size, key, flags=0):
    key = memory(bytes.fromhex(key)) if key is not None else None
    value = memory(b"", max(size, 1))
    ret = elem(cmd, fd, key, value, flags)
    return ret if ret < 0 else value.raw[:size].hex()


def run(op):
    what, fd, *rest = op + [None] * (2 - len(op))
    if what == "restart":
        os.closerange(3, 900)
        return 0
    if what == "create":
        return create(fd, *rest)
    if what == "prog":
        return load(fd, *rest)
    if what == "lookup" or what == "lad":
        size, key, flags = rest
        return read(LOOKUP if what == "lookup" else LAD, fd, size, key, flags)
    if what == "next":
        return read(NEXT, fd, *rest)
    if what == "update":
        key, value, flags = rest
        key = memory(bytes.fromhex(key)) if key is not None else None
        return elem(UPDATE, fd, key, memory(bytes.fromhex(value)), flags)
    if what == "delete":
        return elem(DELETE, fd, memory(bytes.fromhex(rest[0])) if rest[0] is not None else None, None, 0)
    if what == "dump":
        size, value_size = rest
        pairs, key = [], read(NEXT, fd, size, None)
        while isinstance(key, str) and len(pairs) < 100000:
            pairs.append([key, read(LOOKUP, fd, value_size, key)])
            key = read(NEXT, fd, size, key)
        return pairs
    if what == "max":
        info = memory(b"", 256)
        ret = bpf(INFO, struct.pack("<IIQ", fd, 88, at(info)))
        return ret if ret < 0 else struct.unpack_from("<I", info.raw, 16)[0]
    try:
        os.close(fd)
    except OSError as error:
        return -error.errno
    return 0


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # The standard streams may be sockets, which maps of sockets would take: they become files.
    lines, answers = os.fdopen(os.dup2(0, 900)), os.fdopen(os.dup2(1, 901), "w")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.close(null)
    for line in lines:
        print(json.dumps([run(op) for op in json.loads(line)]), file=answers, flush=True)


main()
