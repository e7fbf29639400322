# SPDX-License-Identifier: Apache-2.0
"""A file system of the test's own that answers what it likes: the protocol of /dev/fuse, no library."""
import ctypes
import os
import stat
import struct
import threading

from live import Skip

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE, MNT_DETACH = 16384, 1 << 18, 2

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, RENAME, OPEN, READ, STATFS, RELEASE = \
    1, 2, 3, 4, 9, 10, 12, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 36, 42
ENOENT, EINTR, ENOSYS = 2, 4, 38
ROOT = 1
TEXT = b"on a file system of ours\n"


def _check(result, what):
    if result != 0:
        raise Skip(f"{what}: {os.strerror(ctypes.get_errno())}")


def enter():
    """Into a user and mount namespace of our own, where an ordinary user may mount."""
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        _check(_libc.unshare(CLONE_NEWUSER), "user namespace")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _check(_libc.unshare(CLONE_NEWNS), "mount namespace")
    _check(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")


def needed():
    """Raises Skip where there cannot be a FileSystem."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Skip("/dev/fuse is not ours to open")


class FileSystem:
    """
    Every name is a file but `folder`, a directory, and `missing`. A name such as `hang-LOOKUP` is a file of which this one operation
    is answered by nothing but release(); interruptible: by EINTR as well, if the kernel asks for it. folds: upper
    and lower case are the same.
    """

    def __init__(self, path, interruptible=False, folds=False):
        self.path, self.interruptible, self.folds = path, interruptible, folds
        self.names, self.held, self.lock = {ROOT: "folder"}, {}, threading.Condition()
        self.released = False
        needed()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        _check(_libc.mount(b"test", os.fsencode(path), b"fuse.test", 0, options.encode()), "mount")
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.release()
        _libc.umount2(os.fsencode(self.path), MNT_DETACH)
        # The kernel ends the last read with the mount. Before that the number must not be another one's.
        self.thread.join(10)
        if not self.thread.is_alive():
            os.close(self.device)

    def wait_for(self, count):
        """Until so many requests hang."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.held) >= count, 60):
                raise AssertionError(f"only {len(self.held)} of {count} requests came")

    def release(self):
        """Answers everything, from now on."""
        with self.lock:
            self.released = True
            for unique, (opcode, node, body) in self.held.items():
                self._answer(unique, opcode, node, body)
            self.held.clear()

    def _reply(self, unique, data=b"", error=0):
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(data), -error, unique) + data)
        except OSError:
            pass  # it has been interrupted, or all is over

    def _attributes(self, node):
        folder = self.names[node] == "folder"
        mode = stat.S_IFDIR | 0o755 if folder else stat.S_IFREG | 0o644
        return struct.pack("=6Q10I", node, len(TEXT), 1, 0, 0, 0, 0, 0, 0, mode, 1, os.getuid(),
                           os.getgid(), 0, 4096, 0)

    def _entry(self, name):
        node = next((n for n, known in self.names.items() if known == name and n != ROOT), 0)
        if not node:
            node = max(self.names) + 1
            self.names[node] = name
        return struct.pack("=4Q2I", node, 0, 0, 0, 0, 0) + self._attributes(node)

    def _answer(self, unique, opcode, node, body):
        if opcode == LOOKUP:
            name = body.rstrip(b"\0").decode()
            name = name.lower() if self.folds else name
            if name in ("missing", "hang-MKDIR"):
                self._reply(unique, error=ENOENT)
            else:
                self._reply(unique, self._entry(name))
        elif opcode in (GETATTR, SETATTR):
            self._reply(unique, struct.pack("=QII", 0, 0, 0) + self._attributes(node))
        elif opcode == MKDIR:
            self._reply(unique, self._entry("folder"))
        elif opcode in (OPEN, OPENDIR):
            self._reply(unique, struct.pack("=QIi", 0, 0, 0))
        elif opcode == READ:
            offset, size = struct.unpack_from("=QI", body, 8)
            self._reply(unique, TEXT[offset:offset + size])
        elif opcode == STATFS:
            self._reply(unique, bytes(80))
        elif opcode in (READDIR, RELEASE, RELEASEDIR, FLUSH, UNLINK, RENAME):
            self._reply(unique)
        else:
            self._reply(unique, error=ENOSYS)

    def _operation_name(self, opcode, node, body):
        """What this request is about, in the words of a name that hangs."""
        about = {LOOKUP: "LOOKUP", GETATTR: "GETATTR", SETATTR: "SETATTR", OPEN: "OPEN", FLUSH: "FLUSH",
                 UNLINK: "UNLINK", MKDIR: "MKDIR", RENAME: "RENAME", OPENDIR: "OPENDIR"}.get(opcode)
        if opcode in (LOOKUP, UNLINK):
            name = body.rstrip(b"\0").decode()
        elif opcode in (MKDIR, RENAME):
            name = body[8:].split(b"\0")[0].decode()
        else:
            name = self.names.get(node, "")
        return name == f"hang-{about}"

    def _serve(self):
        while True:
            try:
                data = os.read(self.device, 1 << 20)
            except OSError:
                return
            if not data:
                return  # __exit__() has put something else in its place
            length, opcode, unique, node = struct.unpack_from("=IIQQ", data)
            body = data[40:length]
            with self.lock:
                if opcode == INIT:
                    self._reply(unique, struct.pack("=4IHH2IHHI7I", 7, 31, 65536, 0, 16, 12, 65536, 1, 1,
                                                    *[0] * 9))
                elif opcode in (FORGET, BATCH_FORGET):
                    pass
                elif opcode == INTERRUPT:
                    other, = struct.unpack_from("=Q", body)
                    if self.interruptible and self.held.pop(other, None):
                        self._reply(other, error=EINTR)
                elif not self.released and self._operation_name(opcode, node, body):
                    self.held[unique] = (opcode, node, body)
                    self.lock.notify_all()
                else:
                    self._answer(unique, opcode, node, body)
