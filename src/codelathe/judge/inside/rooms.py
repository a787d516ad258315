"""Namespaces, and the small read-only file system that a slot sees.

The root is a fresh tmpfs that holds libraries (in a process slot also compilers), three
devices and `/w` to write in. There is no `/proc`, no `/etc`, no `/home`, nothing of the
project. With real root the mounts are made before the
identity is dropped (the sandbox cannot undo them, and an interpreter below a closed
home still works); an ordinary user makes them in a user namespace of its own.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH114, PTH115, PTH120, PTH211
from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

from codelathe.judge.inside import syscalls

NEWUSER = 0x10000000
#: feature -> flag of unshare(2)
NAMESPACES = {
    "mount namespace": 0x00020000,
    "pid namespace": 0x20000000,
    "network namespace": 0x40000000,
    "ipc namespace": 0x08000000,
    "uts namespace": 0x04000000,
    "cgroup namespace": 0x02000000,
}
INSIDE_ID = 1000
WRITABLE = "/w"
KITS = "/kits"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")

_SHOWN = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/usr/share/zoneinfo")
_PACKAGES = ("site-packages", "dist-packages")

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT = 1, 2, 4, 8, 32
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_LOCKED_DOWN = (7).to_bytes(8, "little") + bytes(24)  # RDONLY | NOSUID | NODEV
_ATTR_READ_ONLY = (1).to_bytes(8, "little") + bytes(24)


class Layout(NamedTuple):
    """What a slot sees of the machine.

    `shown` are the folders, files and links (kept as links) that stand inside where they stand
    outside; `covered` the folders below them that are covered with nothing; `kits` a folder of
    the outside that is shown as `/kits`, or nothing. `size` and `inodes` bound `/w`. `packages`
    are folders shown although what is around them may be covered. `devices` can be read and
    written.
    """

    shown: list[str]
    covered: list[str]
    kits: str
    size: str
    inodes: int
    packages: tuple[str, ...] = ()
    devices: tuple[str, ...] = DEVICES

    @property
    def sources(self) -> list[str]:
        """All that is shown of the outside, but for devices."""
        return [*self.shown, *self.packages, *filter(None, [self.kits])]


def tools(shown: list[str], kits: str) -> Layout:
    """What a process slot sees: the system's shared libraries, and `shown`.

    No `/dev/zero`: by it programs could share memory that no limit of theirs counts.
    """
    devices = tuple(path for path in DEVICES if path != "/dev/zero")
    return Layout(sorted({*shown, *_SHOWN}), [], kits, "256m", 8192, devices=devices)


def libraries(packages: Iterable[str]) -> Layout:
    """What a slot for Python sees.

    Shown are the interpreter's own library, the system's shared libraries and its time
    zones; covered are installed packages, so that every machine judges with the same library,
    but for `packages`.
    """
    standard = [path for path in sys.path if os.path.isdir(path)]
    shown = {*standard, *_SHOWN}
    if sys.base_prefix != "/usr":
        shown.add(f"{sys.base_prefix}/lib")
    covered = [f"{path}/{name}" for path in standard for name in _PACKAGES]
    covered.append("/usr/lib/python3/dist-packages")
    return Layout(sorted(shown), covered, "", "8m", 512, tuple(packages))


def unshare(flags: int, feature: str) -> None:
    """Leave the namespaces of `flags`.

    Raises:
        SetupError: the kernel or a policy refused it.
    """
    try:
        syscalls.libc("unshare", flags)
    except OSError as e:
        raise syscalls.SetupError(feature, str(e), e.errno or 0) from e


def map_identity(proc: int, uid: int, gid: int) -> None:
    """Map one user and one group into the new user namespace.

    `proc` is a descriptor of the /proc of the outside, since there is none inside.

    Raises:
        SetupError: a policy (AppArmor on recent Ubuntu) refuses it.
    """
    lines = (
        ("setgroups", "deny"),
        ("uid_map", f"{INSIDE_ID} {uid} 1"),
        ("gid_map", f"{INSIDE_ID} {gid} 1"),
    )
    try:
        for name, line in lines:
            fd = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
            try:
                os.write(fd, line.encode())
            finally:
                os.close(fd)
    except OSError as e:
        raise syscalls.SetupError("user namespace", f"{name}: {e}", e.errno or 0) from e


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    try:
        syscalls.libc(
            "mount", source.encode(), target.encode(), kind.encode(), flags, data.encode() or None
        )
    except OSError as e:
        raise syscalls.SetupError("mounts", f"{source} on {target}: {e}", e.errno or 0) from e


def _lock_down(target: str, attributes: bytes, recursive: bool) -> None:
    try:
        syscalls.call(
            "mount_setattr",
            _AT_FDCWD,
            target.encode(),
            _AT_RECURSIVE if recursive else 0,
            attributes,
            len(attributes),
        )
    except OSError as e:
        raise syscalls.SetupError("mounts", f"{target}: {e}", e.errno or 0) from e


def _bind(root: str, path: str, place: str = "") -> None:
    """Show `path` of the outside, read-only, at the same place inside, or at another."""
    target = root + (place or path)
    if os.path.isdir(path):
        os.makedirs(target, 0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(path, target, "", _BIND | _REC)
    if path not in DEVICES:
        _lock_down(target, _ATTR_LOCKED_DOWN, recursive=True)


def build(layout: Layout, owner: tuple[int, int]) -> None:
    """Make the new root, step into it and let go of the old one. `owner` may write in `/w`.

    Raises:
        SetupError: a mount was refused.
    """
    os.umask(0o022)
    trees = layout.shown
    root = _cover(layout.sources)
    _mount("none", "/", "", _REC | _PRIVATE)
    held = _outermost(p for p in trees if not os.path.islink(p) and os.path.exists(p))
    links = [p for p in trees if os.path.islink(p) and not _below(p, held)]
    sources = {path: os.readlink(path) for path in links}
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=16m,nr_inodes=4k,mode=755")
    for path in held:
        _bind(root, path)
    if layout.kits:
        _bind(root, layout.kits, KITS)
    for path, destination in sources.items():
        os.makedirs(os.path.dirname(root + path), 0o755, exist_ok=True)
        os.symlink(destination, root + path)
    covers = [root + path for path in layout.covered if os.path.isdir(root + path)]
    for path in covers:
        _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, "size=4k")
    for path in layout.packages:
        _bind(root, path)
    for path in covers:
        _lock_down(path, _ATTR_READ_ONLY, recursive=False)
    for path in layout.devices:
        _bind(root, path)
    _writable(root + WRITABLE, owner, layout)
    _pivot(root)
    os.umask(0o077)


def _cover(trees: Iterable[str]) -> str:
    """A folder to build in: covered in this mount namespace alone, so not above a tree."""
    for folder in ("/tmp", "/mnt", "/srv", "/media"):  # noqa: S108
        if os.path.isdir(folder) and not any(t.startswith(folder + "/") for t in trees):
            return folder
    raise syscalls.SetupError("mounts", f"no folder to build in beside {trees}", 2)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Outermost trees only: what lies below another tree comes with it."""
    outer: list[str] = []
    for path in sorted(set(paths)):
        if not _below(path, outer):
            outer.append(path)
    return outer


def _below(path: str, trees: Iterable[str]) -> bool:
    return any(path.startswith(tree + "/") for tree in trees)


def _writable(target: str, owner: tuple[int, int], layout: Layout) -> None:
    os.mkdir(target, 0o755)
    options = f"size={layout.size},nr_inodes={layout.inodes},mode=700"
    _mount("tmpfs", target, "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
    if owner != (os.geteuid(), os.getegid()):
        os.chown(target, *owner)


def _pivot(root: str) -> None:
    try:
        os.chdir(root)
        syscalls.call("pivot_root", b".", b".")
        syscalls.libc("umount2", b".", _DETACH)
        os.chdir("/")
    except OSError as e:
        raise syscalls.SetupError("pivot_root", str(e), e.errno or 0) from e
    _lock_down("/", _ATTR_READ_ONLY, recursive=False)
