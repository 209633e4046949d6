#!/bin/sh
# What files may bring about: models, nets and recipes run no code, reach no other file and no
# network. See SECURITY.md.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"

# A table whose classes are called like files; a model of it. An output of that name is tempting.
{
    echo "width,height,kind"
    i=0
    while [ $i -lt 30 ]; do
        echo "$i,1,/etc/hostname"
        echo "1,$i,../outside"
        i=$((i + 1))
    done
} >table.csv
HOME=$WORK/home # no settings of whoever runs this
export HOME
unset XDG_CONFIG_HOME
mkdir outside inside
mv table.csv inside
cd inside || exit 1
run train --net 'fc(4) |> tanh |> fc(2)' --data table.csv --epochs 2 --out model.safetensors -q
exits 0
cut -d, -f 1,2 table.csv >rows.csv

# ---- System calls --------------------------------------------------------------------------------

# traced ARGUMENTS…: the command; leaves the files that it opened in ../opened, what else it may not
# do in ../strange. Libraries, the system's own files and what is made here are no news.
traced() {
    LINE="gradus $*"
    strace -f -qq -o ../calls -e trace=openat,open,creat,execve,socket,connect,unlink,rename,mkdir \
        "$GRADUS" "$@" >../out 2>../err </dev/null
    STATUS=$?
    sed -n 's/.*open[a-z]*(.*"\([^"]*\)".*) = [0-9].*/\1/p' ../calls |
        grep -vE '^/(proc|sys|dev|usr|lib|lib64|opt)/|^/etc/(ld\.so|ssl|localtime)|\.so(\.[0-9]+)*$' |
        sort -u >../opened
    # It may start itself again (cli_calm_threads): its own name is all that execve gets.
    grep -E 'AF_INET|connect\(|execve\(' ../calls | grep -vF "execve(\"$GRADUS\"" |
        grep -vF 'execve("/proc/self/exe"' >../strange
    [ ! -s ../strange ] || fault "it does $(head -3 ../strange)"
}
opened() {
    [ "$(cat ../opened | tr '\n' ' ')" = "$1" ] || fault "it opened $(cat ../opened)"
}

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which does not go with ptrace
    export ASAN_OPTIONS
    traced show model.safetensors
    exits 0
    opened "model.safetensors "
    grep -qF ../outside ../out || fault "the class is not called so"
    traced test model.safetensors --data table.csv
    exits 0
    opened "model.safetensors table.csv "
    traced predict model.safetensors rows.csv
    exits 0
    opened "model.safetensors rows.csv "
    # No text of the language reads a file, and no command but fetch knows the network.
    for net in '"/etc/passwd"' 'load("/etc/passwd")' '@/etc/passwd' 'fc(/etc/passwd)' 'include x'; do
        traced show --net "$net" --input 2
        exits 2
        opened ""
    done
    traced eval 'x * y' x=1 y=2
    exits 0
    opened ""
    traced data iris
    traced data fetch iris --list
    exits 0
    opened ""
fi
[ -z "$(ls ../outside)" ] || fault "something was written: $(ls ../outside)"

# ---- Objects -------------------------------------------------------------------------------------

# One that tells when it is loaded.
cd ..
printf '#include <stdio.h>\n__attribute__((constructor)) static void tell(void)
{\n    FILE *file = fopen("%s/ran", "w");\n    if (file) fclose(file);\n}\n' "$WORK" >tell.c
if ! "${CC:-cc}" -shared -fPIC tell.c -o tell.so 2>/dev/null; then
    echo "no compiler: the rest is left out"
    done_testing
fi
# What is called like a module, but does not lie where modules are installed.
for module in curl archive onednn flann graphviz; do cp tell.so "gradus-$module.so"; done
: >some.tar
LD_LIBRARY_PATH=. "$GRADUS" eval 'x * y' x=1 y=2 --svg x.svg >out 2>err
run data unpack some.tar to
run data fetch https://127.0.0.1:1/x --sha256 "$(printf %064d 0)" --tries 1
run bench xor --threads 1 --no-machine --seconds 0.01
[ ! -e ran ] || fault "a module of this folder was loaded"

# A recipe names an object: it is loaded if the command line says so.
mkdir nets
mv tell.so nets
echo 'fc(4) |> tanh |> fc(2)' >nets/own.net
printf 'net own.net\ngates tell.so\ninput 2\nepochs 1\nno-out\n' >nets/own.recipe
run show nets/own.net
refused "nets/own.recipe:2: 'gates' runs code: say --gates nets/tell.so on the command line"
run show --recipe own
refused "nets/own.recipe:2: 'gates' runs code"
run train --recipe own --data inside/table.csv
refused "nets/own.recipe:2: 'gates' runs code"
[ ! -e ran ] || fault "a recipe ran code"
run show nets/own.net --gates nets/tell.so
[ -e ran ] || fault "--gates loads nothing"
done_testing
