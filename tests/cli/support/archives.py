"""Archives for tests/cli/unpack.sh, in the current folder: good ones, of the folder "good", and
hostile-*, each of which tries to get out of its folder or to fill the disk."""
import io
import os
import pathlib
import tarfile
import zipfile

HERE = os.getcwd()


def tar(name, members, mode="w", form=tarfile.USTAR_FORMAT):
    """members: (name, bytes or None for a folder, changes to the header)"""
    with tarfile.open(name, mode, format=form) as archive:
        for path, data, changes in members:
            entry = tarfile.TarInfo(path)
            entry.mode = 0o644
            if data is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            else:
                entry.size = len(data)
            for key, value in changes.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(data or b""))


def special(kind, **more):
    return dict(more, type=kind, size=0)


def hostile(name, *members, **options):
    tar(f"hostile-{name}", members, **options)


long_name = "/".join(["a name of some length"] * 6) + "/größe.txt"
good = [("readme.txt", b"hello\n", {}), ("data", None, {}), ("data/zeros.bin", bytes(70000), {}),
        ("data/one", b"1", {}), ("deep/er/still", b"x", {})]
for path, data, _ in good + [(long_name, b"long", {})]:
    place = pathlib.Path("good") / path
    if data is None:
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
more = good + [(long_name, b"long", {})]
tar("good.tar", more)
tar("good.tar.gz", [("./" + path, data, change) for path, data, change in more], "w:gz")
tar("good-pax.tar.gz", more, "w:gz", tarfile.PAX_FORMAT)
tar("good-gnu.tar", more, "w", tarfile.GNU_FORMAT)
with zipfile.ZipFile("good.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for path, data, _ in more:
        archive.writestr(path + ("/" if data is None else ""), data or b"")
tar("modes.tar", [("setuid", b"x", {"mode": 0o6777}), ("nothing", b"x", {"mode": 0})])

out = ("../outside/new", b"x", {})
hostile("absolute.tar", ("a", b"1", {}), (f"{HERE}/outside/new", b"x", {}))
hostile("up.tar", ("a", b"1", {}), out)
hostile("inner-up.tar", ("a/../../outside/new", b"x", {}))
hostile("up-folder.tar", ("..", None, {}))
hostile("link.tar", ("a", b"1", {}), ("link", b"", special(tarfile.SYMTYPE, linkname="/etc/passwd")))
hostile("link-and-through.tar", ("way", b"", special(tarfile.SYMTYPE, linkname="../outside")),
        ("way/new", b"x", {}))
hostile("hard-link.tar", ("a", b"1", {}),
        ("hard", b"", special(tarfile.LNKTYPE, linkname="../outside/mine")), ("hard", b"new", {}))
hostile("device.tar", ("null", b"", special(tarfile.CHRTYPE, devmajor=1, devminor=3)))
hostile("block.tar", ("disk", b"", special(tarfile.BLKTYPE, devmajor=8, devminor=0)))
hostile("pipe.tar", ("pipe", b"", special(tarfile.FIFOTYPE)))
hostile("twice.tar", ("a", b"1", {}), ("a", b"2", {}))
hostile("file-then-folder.tar", ("a", b"1", {}), ("a", None, {}))
hostile("through-file.tar", ("a", b"1", {}), ("a/b", b"2", {}))
hostile("control.tar", ("a\x1b[31mb", b"1", {}))
hostile("long.tar", ("x" * 2000, b"1", {}), form=tarfile.GNU_FORMAT)
hostile("deep.tar", ("d/" * 40 + "f", b"1", {}))
hostile("nothing.tar")
hostile("bomb.tar.gz", ("zeros", bytes(30_000_000), {}), mode="w:gz")
hostile("many.tar", *[(str(i), b"", {}) for i in range(20)])
with zipfile.ZipFile("hostile-bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("zeros", bytes(30_000_000))
with zipfile.ZipFile("hostile-up.zip", "w") as archive:
    archive.writestr("../outside/new", b"x")
with zipfile.ZipFile("hostile-absolute.zip", "w") as archive:
    archive.writestr(zipfile.ZipInfo("/tmp/new"), b"x")
with zipfile.ZipFile("hostile-link.zip", "w") as archive:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    archive.writestr(entry, "/etc/passwd")
# A file of 100 GB of which nothing is in the archive.
hostile("sparse.tar", ("hole", b"", {"pax_headers": {
    "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "hole",
    "GNU.sparse.size": "100000000000", "GNU.sparse.numblocks": "0", "GNU.sparse.map": "",
    "GNU.sparse.realsize": "100000000000"}}), form=tarfile.PAX_FORMAT)
whole = pathlib.Path("good.tar.gz").read_bytes()
pathlib.Path("hostile-cut.tar.gz").write_bytes(whole[:len(whole) // 2])
middle = bytearray(whole)
middle[len(whole) // 2] ^= 0x55
pathlib.Path("hostile-damaged.tar.gz").write_bytes(middle)
pathlib.Path("hostile-text.tar").write_text("no archive at all\n" * 100)
