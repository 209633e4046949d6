#!/bin/sh
# docs/determinism.md: the same bytes for any number of threads, from trainings (of a streamed set
# with pictures that are varied, and of a text), searches and nearest neighbours; neighbours for any
# level of the CPU too.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
. "$GRADUS_SOURCE/tests/cli/support/data.sh"
make_idx pictures 200
run data pack pictures set.grr
exits 0

# plain: lines of JSON without what differs from run to run.
plain() {
    sed 's/"[a-z_]*seconds":[^,}]*//g; s/"peak_bytes":[^,}]*//; s/"command":"[^"]*"//; s/tuned\.[0-9]//'
}

# same FILE WHAT: it has the bytes of $first.
same() {
    cmp -s "$first" "$1" || fault "$2: not the bytes of $first"
}

# ---- training, and going on with another number of threads ----
set -- --net 'conv(16,3,pad=1) |> batchnorm |> relu |> fc(64) |> relu |> dropout(.3) |> fc(2)' \
    --epochs 3 --batch 32 --validation .2 --keep-best --crop 4 --crop-pad 1 --mirror --jitter .2 \
    --optimizer nesterov --clip 1 --quiet
for data in pictures set.grr; do
    first=$data.1.safetensors
    for threads in 1 2 3 4; do
        run train --data $data "$@" --threads $threads --out $data.$threads.safetensors
        exits 0
        same $data.$threads.safetensors "$data, $threads threads"
    done
    # What is left after two epochs, by 3 threads, is taken up by 2.
    run train --data $data "$@" --epochs 2 --threads 3 --out part.safetensors --checkpoint state
    exits 0
    run train --data $data "$@" --threads 2 --out resumed.safetensors --checkpoint state --resume
    exits 0
    same resumed.safetensors "$data, resumed"
    rm state
done
cmp -s pictures.1.safetensors set.grr.1.safetensors ||
    fault "the pictures of a record file give another model than those it was made of"

yes 'how can a clam cram in a clean cream can' | head -100 >text.txt
first=text.1.safetensors
for threads in 1 2 3 4; do
    run train --data text.txt --text chars --length 16 --epochs 2 --quiet --threads $threads \
        --net 'embedding(13,32) |> positions |> attention(4,causal=true) |> gru(32) |> linear(13)' \
        --out text.$threads.safetensors
    exits 0
    same text.$threads.safetensors "a text, $threads threads"
done

# ---- a search ----
for work in "1 1" "2 1" "3 2" "4 3"; do
    rm -f tune.jsonl
    run tune --data pictures --net 'fc({hidden}) |> relu |> fc(2)' --epochs 1 --try hidden=8,64 \
        --try rate=1e-3..1e-1:log --trials 4 --json --threads "${work% *}" --jobs "${work#* }" \
        --out "tuned.${work% *}"
    exits 0
    plain <out >"search.${work% *}"
    first=search.1
    same "search.${work% *}" "threads and jobs $work"
    first=tuned.1
    same "tuned.${work% *}" "threads and jobs $work"
done

# ---- neighbours ----
first=knn.base.1
for level in base avx2 avx512; do
    for threads in 1 2 3 4; do
        for distance in l1 l2 cosine; do
            GRADUS_CPU=$level "$GRADUS" knn --data pictures --distance $distance -k 1,3,5 --folds 4 \
                --threads $threads --json 2>/dev/null ||
                fault "knn with $level, $threads threads: status $?"
        done | plain >knn.$level.$threads
        same knn.$level.$threads "neighbours, $level, $threads threads"
    done
done

done_testing
