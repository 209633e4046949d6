# Models of texts: gradus data, train, test, sample on a small one.
. "$GRADUS_SOURCE/tests/cli/support/harness.sh"
LC_ALL=C.UTF-8

awk 'BEGIN { for (i = 0; i < 400; i++) printf "the cat sat on the mat; %s\n", i % 3 ? "it purrs" : "é" }' >cats.txt
net='embedding(17, 16) |> linear(32) |> tanh |> linear(17)'

# ---- Data ----

run data cats.txt --text chars --length 20
exits 0
out "551 to train, 61 to test"
out "i32 [20]"
out "classes   17"
out "\\n ' ' ; a c e h i m n o p r s t u é"
run data cats.txt --text bytes --json
exits 0
out '"\\xc3"'
run data cats.txt --text words
refused "--text"
run data cats.txt --text chars --length 0
refused "--length"
printf '\377' >latin.txt
run data latin.txt --text chars
refused "latin.txt: line 1: byte 0xff at 0 is not UTF-8"
: >empty.txt
run data empty.txt --text chars
refused "empty.txt: there is no text"
run data cats.txt --text chars --length 20000
refused "characters, too few for 20000"

# ---- Training ----

set -- train --data cats.txt --text chars --length 20 --net "$net" --batch 8
run "$@" --epochs 4 --rate 0.01 --out cats.safetensors
exits 0
out "551 examples to train, 61 to validate, 61 to test"
out "epoch 4/4"
out "of 1220 right)"
out " nats, "
out " bits, perplexity "
run "$@" --epochs 4 --rate 0.01 --out cats.safetensors --json
exits 0
out '"test_bits"'
run "$@" --validation 0.1
refused "what a text holds out (--test-fraction) validates, too"
run "$@" --streams --epochs 1 --test-fraction 0 --out streams.safetensors
exits 0
out "training accuracy"
run train --data cats.txt --net "$net" --streams
refused "cats.txt"
run train --data cats.txt --text chars --net 'embedding(17, 16) |> linear(16)'
refused "should be f32[1,64,17], a score for each of the 17 classes at each position"
run train --data cats.txt --text chars --net 'fc(17)'
exits 2

# ---- Testing ----

run test cats.safetensors --data cats.txt
exits 0
out "test accuracy"
out "of 1220 right)"
out "perplexity"
run test cats.safetensors --data cats.txt --test-fraction 0 --json
exits 0
out '"part": "overall"'
out '"bits"'
echo 'the dog sat on the cat and it purrs at the mat' >dog.txt
run test cats.safetensors --data dog.txt --test-fraction 0
refused "dog.txt: line 1, column 5: the character 'd' is none of the vocabulary's 17"
run test cats.safetensors --data iris
refused "'iris' is no text"
run predict cats.safetensors cats.txt
refused "'gradus sample' lets a model of texts write on"
run show cats.safetensors
exits 0
out "tokens, i32"
out "input       [20]"
run check cats.safetensors --data cats.txt --text chars --length 20
exits 0
out "4 examples of cats.txt by "

# ---- Sampling ----

run sample cats.safetensors --prompt 'the ' --length 60 --seed 4
exits 0
cp out first
out "the "
[ "$(wc -m <out)" -ge 64 ] || fault "fewer than 64 characters"
run sample cats.safetensors --prompt 'the ' --length 60 --seed 4
cmp -s out first || fault "the same seed wrote another text"
run sample cats.safetensors --prompt 'the ' --length 60 --seed 5
cmp -s out first && fault "another seed wrote the same text"
run sample cats.safetensors --length 0 --prompt 'the cat'
out_is "the cat"
printf 'on\nthe' >prompt.txt
run sample cats.safetensors --length 1 --top-k 1 --prompt-file prompt.txt
out_is "$(cat prompt.txt) "
run sample cats.safetensors --length 1 --temperature 0 --prompt 'the' --json
out '"text": " "'
out '"prompt": "the"'
run sample cats.safetensors --prompt 'the dog'
refused "the prompt: line 1, column 5: the character 'd' is none of"
run sample cats.safetensors --prompt a --prompt-file prompt.txt
refused "exclude each other"
run sample cats.safetensors --temperature -1
refused "--temperature"
run sample
refused "MODEL"
run sample none.safetensors
exits 3
LINE="gradus sample into a pipe that is closed"
"$GRADUS" sample cats.safetensors --length 900000000 | head -c 1000 >out || fault "it failed"
[ "$(wc -c <out)" -eq 1000 ] || fault "no text came"
LINE="gradus sample, interrupted"
"$GRADUS" sample cats.safetensors --length 900000000 >out 2>err &
sleep 0.3
kill -TERM $!
STATUS=0
wait $! || STATUS=$?
exits 143
err "of 900000000 characters"
awk 'BEGIN { for (i = 0; i < 99; i++) print i % 7 "," i % 5 "," i % 3 }' >numbers.txt
run train --data numbers.txt --net 'fc(3)' --epochs 1 --out numbers.safetensors
run sample numbers.safetensors
refused "numbers.safetensors: the model is none of texts"

done_testing
