#!/bin/bash
# From recordings to a voice: prepare, train, evaluate, generate, each a job that waits for the one before it.
#   jobs/pipeline.sh CONFIG.yaml RECORDINGS… [-- OPTION of wavetrain train…]
#   jobs/pipeline.sh configs/speech.yaml ~/recordings -- --set train.steps=50000
# Submits all four and prints a line for each, `prepare 17`, `train 18`, … It makes data/NAME, runs/NAME and
# runs/NAME/voice.wav, NAME being the configuration's; the losses are in the log of `evaluate`.
#
# When a job fails or is cancelled, those behind it are taken out of the queue (--kill-on-invalid-dep). The
# same line then goes on: a data set that is there is kept, and training resumes. Training that is queued
# again by itself is waited for. Where one job can't be submitted, those before it are cancelled.
#
# From the environment, besides what job.sh tells of (and sbatch: SBATCH_ACCOUNT, SBATCH_PARTITION …):
#   DATA RUN                                     other folders than data/NAME and runs/NAME
#   PREPARE EVALUATE GENERATE                    options of the program: PREPARE="--rate 16000 --trim 40";
#                                                without them none, --markov, and --seconds 5 --prime-from
#                                                test
#   PREPARE_JOB TRAIN_JOB EVALUATE_JOB GENERATE_JOB  options of sbatch: TRAIN_JOB="--nodes=4 --time=12:00:00"
set -u

usage() {
    echo "pipeline.sh: $1 (usage: jobs/pipeline.sh CONFIG.yaml RECORDINGS… [-- OPTION of wavetrain train…])" >&2
    exit 2
}

[ $# -ge 2 ] || usage "what is the configuration, and where are the recordings?"
config=$1 recordings=()
shift
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    [ -e "$1" ] || usage "there is no $1"
    recordings+=("$1")
    shift
done
[ $# = 0 ] || shift
[ -f "$config" ] || usage "there is no $config"
[ ${#recordings[@]} -gt 0 ] || usage "where are the recordings?"
for option; do
    [[ $option != --run* ]] || usage "RUN=… in place of $option"
done
name=$(basename "${config%.*}") jobs=$(dirname "$0")
data=${DATA:-data/$name} run=${RUN:-runs/$name}

submitted=''
# link NAME "SBATCH-OPTIONS" WORD…: its job, behind the last one
link() {
    local options job link=$1
    read -ra options <<<"$2"
    shift 2
    [ -z "$submitted" ] || options+=(--dependency="afterok:${submitted##* }" --kill-on-invalid-dep=yes)
    job=$(sbatch --parsable ${options[@]+"${options[@]}"} "$jobs/$link.sbatch" "$@") || {
        # shellcheck disable=SC2086 # a list
        [ -z "$submitted" ] || scancel $submitted
        echo "pipeline.sh: $link could not be submitted${submitted:+; cancelled:$submitted}" >&2
        exit 1
    }
    submitted="$submitted ${job%%;*}" # behind it the cluster's name, where there are several
    echo "$link ${job%%;*}"
}

read -ra prepare <<<"${PREPARE-}"
read -ra evaluate <<<"${EVALUATE---markov}"
read -ra generate <<<"${GENERATE---seconds 5 --prime-from test}"
if [ -e "$data" ]; then
    echo "pipeline.sh: $data is there already and is kept" >&2
else
    link prepare "${PREPARE_JOB-}" audio "${recordings[@]}" ${prepare[@]+"${prepare[@]}"} --out "$data"
fi
link train "${TRAIN_JOB-}" "$config" --run "$run" --set "data.path=$data" "$@"
link evaluate "${EVALUATE_JOB-}" "$run" ${evaluate[@]+"${evaluate[@]}"}
link generate "${GENERATE_JOB-}" "$run" --out "$run/voice.wav" --force ${generate[@]+"${generate[@]}"}
