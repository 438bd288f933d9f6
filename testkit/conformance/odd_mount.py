"""Mounts a folder a second time, through FUSE, with the oddities of some network file systems.

    pip install mfusepy
    python odd_mount.py FOLDER MOUNT_POINT [--owner UID] [--inodes] [--fsync ERROR] ..

Runs in the foreground until the mount point is unmounted or the process gets SIGTERM.
"""

import argparse
import errno
import itertools
import os

import mfusepy

ROOT_OF_MOUNT = "/"


class OddMount(mfusepy.Operations):
    """Passes each operation through to a folder, and changes the answers that the options name."""

    use_ns = True
    # The attributes of stat(2) to pass on.
    ATTRIBUTES = (
        "st_atime_ns", "st_ctime_ns", "st_gid", "st_ino", "st_mode", "st_mtime_ns", "st_nlink",
        "st_size", "st_uid",
    )

    def __init__(self, args):
        self.args = args
        self.inodes = itertools.count(1_000_000)

    def at(self, path):
        return self.args.folder + path

    def getattr(self, path, fh=None):
        found = os.lstat(self.at(path)) if fh is None else os.fstat(fh)
        shown = {name.removesuffix("_ns"): getattr(found, name) for name in self.ATTRIBUTES}
        if self.args.owner is not None:
            shown["st_uid"] = self.args.owner
        if self.args.links is not None:
            shown["st_nlink"] = self.args.links
        if self.args.mode is not None and path != ROOT_OF_MOUNT:
            shown["st_mode"] = found.st_mode & ~0o777 | self.args.mode
        if self.args.inodes:
            shown["st_ino"] = next(self.inodes)
        return shown

    def create(self, path, mode, fi=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        if self.args.write and offset >= self.args.room:
            raise mfusepy.FuseOSError(getattr(errno, self.args.write))
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(self.at(path) if fh is None else fh, length)

    def fsync(self, path, datasync, fh):
        if self.args.fsync:
            raise mfusepy.FuseOSError(getattr(errno, self.args.fsync))
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)

    def link(self, target, source):
        os.link(self.at(source), self.at(target))
        if self.args.lost_replies:
            # The client repeats a request without a reply, and the second request fails.
            raise mfusepy.FuseOSError(errno.EEXIST)

    def rename(self, old, new):
        os.rename(self.at(old), self.at(new))
        # libfuse renames an open file itself, before it removes its name.
        if self.args.lost_replies and not new.startswith("/.fuse_hidden"):
            raise mfusepy.FuseOSError(errno.ENOENT)

    def chmod(self, path, mode):
        if self.args.mode is not None or self.args.owner is not None:
            raise mfusepy.FuseOSError(errno.EPERM)
        os.chmod(self.at(path), mode)

    def chown(self, path, uid, gid):
        if self.args.owner is not None:
            raise mfusepy.FuseOSError(errno.EPERM)
        os.chown(self.at(path), uid, gid)

    def unlink(self, path):
        os.unlink(self.at(path))

    def mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.at(path))]

    def statfs(self, path):
        found = os.statvfs(self.at(path))
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize", "f_namemax")
        return {name: getattr(found, name) for name in names}


def octal(text):
    return int(text, 8)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("mount_point")
    parser.add_argument("--owner", type=int, help="the owner shown for every file")
    parser.add_argument("--mode", type=octal, help="the permissions shown for every file, octal")
    parser.add_argument("--links", type=int, help="the number of links shown for every file")
    parser.add_argument("--inodes", action="store_true", help="a new inode number at each lookup")
    parser.add_argument("--fsync", help="the error of fsync, such as EINVAL")
    parser.add_argument("--write", help="the error of write, such as EDQUOT, after --room bytes")
    parser.add_argument("--room", type=int, default=500_000)
    parser.add_argument(
        "--lost-replies", action="store_true", help="link and rename succeed but answer an error"
    )
    parser.add_argument("--timeout", default="0", help="seconds that the kernel keeps attributes")
    return parser.parse_args()


def main():
    args = arguments()
    mfusepy.FUSE(
        OddMount(args), args.mount_point, foreground=True, nothreads=True, allow_other=True,
        use_ino=True, attr_timeout=args.timeout, entry_timeout=args.timeout, fsname="odd_mount",
    )


if __name__ == "__main__":
    main()
