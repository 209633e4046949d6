#!/bin/sh
# gradus data unpack: archives, also hostile ones, each refused by the name of what is wrong in it.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
if ! "$GRADUS" --version | grep -q ' archive'; then
    : >a.tar
    run data unpack a.tar to
    exits 3
    err "made without libarchive (Debian package libarchive-dev)"
    done_testing
fi
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
python3 "$GRADUS_SOURCE/tests/cli/support/archives.py" || { echo "skipped: no archives"; exit 77; }

# unpacked ARCHIVE: to the folder "to", with the files of "good" and nothing beside it.
unpacked() {
    run data unpack "$1" to
    exits 0
    silent
    out "to: "
    diff -r good to >differences 2>&1 || fault "$(cat differences)"
    [ -z "$(find . -name '*.part-*')" ] || fault "a folder is left"
    rm -r to
}
for archive in good.tar good.tar.gz good-pax.tar.gz good-gnu.tar good.zip; do unpacked $archive; done
# Permissions are those of new files, whatever the archive says.
umask 027
run data unpack modes.tar to
exits 0
[ "$(stat -c %a to to/setuid to/nothing)" = "750
640
640" ] || fault "the modes are $(stat -c %a to to/setuid to/nothing)"
rm -r to
umask 022

mkdir outside
echo mine >outside/mine
find . | sort >before

# hostile ARCHIVE TEXT [OPTIONS…]: refused with this message; nothing is left anywhere.
hostile() {
    archive=hostile-$1
    text=$2
    shift 2
    run data unpack "$archive" to "$@"
    refused "$archive: $text"
    mv out err .. 2>/dev/null
    find . | sort >../after
    mv ../out ../err .
    diff before ../after >differences || fault "it leaves $(cat differences)"
    rm differences
    [ "$(cat outside/mine)" = mine ] || fault "a file outside was changed"
}
rm -f out err differences
find . | sort >before
find . | sort >before # with itself in it

hostile absolute.tar "$WORK/outside/new is an absolute path"
hostile up.tar "../outside/new leads out of the folder"
hostile inner-up.tar "a/../../outside/new leads out of the folder"
hostile up-folder.tar "../ leads out of the folder"
hostile up.zip "../outside/new leads out of the folder"
hostile absolute.zip "/tmp/new is an absolute path"
hostile link.tar "link is a symbolic link, and only files and folders are unpacked"
hostile link-and-through.tar "way is a symbolic link"
hostile hard-link.tar "hard is a hard link"
hostile device.tar "null is a device"
hostile block.tar "disk is a device"
hostile pipe.tar "pipe is a named pipe"
hostile link.zip "link is a symbolic link"
hostile twice.tar "a comes twice"
hostile file-then-folder.tar "a/ comes twice"
hostile through-file.tar "a/b lies in what is a file"
hostile control.tar "a?[31mb has control characters in its name"
hostile long.tar "xxxxxxxx"
hostile deep.tar "d/d/d"
hostile nothing.tar "holds nothing"
hostile cut.tar.gz "truncated gzip input"
hostile damaged.tar.gz ""
hostile text.tar "Unrecognized archive format"
hostile bomb.tar.gz "zeros makes it more than 200 times as large as it is packed (--max-ratio)"
hostile bomb.zip "zeros makes it more than 200 times"
hostile bomb.tar.gz "zeros goes beyond the 1000000 bytes of --max-bytes" --max-bytes 1000000
hostile sparse.tar "hole goes beyond the 4294967296 bytes of --max-bytes"
hostile sparse.tar "hole has 0 bytes, not the 100000000000 that the archive states" \
    --max-bytes 1000000000000
hostile many.tar "9 is one more than the 9 entries of --max-files" --max-files 9

# Where it cannot.
run data unpack good.tar outside
refused "outside: is there already"
run data unpack nowhere.tar to
exits 3
err "nowhere.tar: No such file"
run data unpack outside to
refused "outside: is no file"
run data unpack good.tar nowhere/to
exits 3
err "nowhere/to: cannot be made"
run data unpack good.tar
refused "unpack what, and where?"
run data unpack good.tar to --max-bytes 10
refused "goes beyond the 10 bytes"
[ ! -e to ] || fault "something is left"
done_testing
