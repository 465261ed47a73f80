# The other job scripts: the pipeline from recordings to a voice, what becomes of it when a job fails, the
# array of a sweep of which an element is queued again, the site's environment, and wrong usage.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"
jobs=$SOURCE/jobs

make_whole
export PAUSE=1 LAUNCHER=srun SBATCH_TIMELIMIT=10
slow_words

# outside a job or in it, wrong usage is a line and code 2
for script in train sweep prepare evaluate generate; do
    code=0
    (cd "$SOURCE" && env -u SLURM_JOB_ID bash jobs/$script.sbatch) >usage.txt 2>&1 || code=$?
    [ $code = 2 ] || fail "$script.sbatch: exit code $code: $(cat usage.txt)"
    [ "$(grep -c "^$script.sbatch: usage: sbatch " usage.txt)/$(wc -l <usage.txt)" = 1/1 ] || fail "$(cat usage.txt)"
done
for words in '' config.yaml 'absent.yaml tone' 'config.yaml absent' 'config.yaml tone -- --run=elsewhere'; do
    code=0
    # shellcheck disable=SC2086 # words
    bash "$jobs/pipeline.sh" $words >usage.txt 2>&1 || code=$?
    [ "$code/$(grep -c '^pipeline.sh: ' usage.txt)/$(wc -l <usage.txt)" = 2/1/1 ] || fail "$words: $(cat usage.txt)"
done

# number NAME: of the job that the pipeline told of
number() {
    sed -n "s/^$1 //p" pipeline.txt
}

# state LINK STATE
state() {
    wait_for_job "$(number "$1")"
    [ "$(job_state "$(number "$1")")" = "$2" ] ||
        fail "$1: $(scontrol show job "$(number "$1")") $(cat ./*"-$(number "$1").log")"
}

# Recordings to a voice. The program is known from the site's file alone; training is queued again on the way.
"$WAVETRAIN" generate whole --count 12 --seconds 0.2 --out recorded.wav >generate.log 2>&1
mkdir recordings
mv recorded-*.wav recordings
echo "echo 'the site is set up'; test -z \"\$unset_variable\" && WAVETRAIN=$WAVETRAIN" >site.sh
small='--nodes=1 --ntasks-per-node=2 --cpus-per-task=1'
export PREPARE='--validation 0.2 --test 0.3' GENERATE='--seconds 0.1'
export PREPARE_JOB=$small TRAIN_JOB="--nodes=2 --ntasks-per-node=2 --cpus-per-task=1" EVALUATE_JOB=$small
WAVETRAIN_ENV=$PWD/site.sh "${slow[@]}" env -u WAVETRAIN bash "$jobs/pipeline.sh" config.yaml recordings \
    -- --set train.seed=3 >pipeline.txt || fail "pipeline.sh: exit code $?"
[ "$(sed 's/[0-9]*$//' pipeline.txt | paste -sd' ')" = 'prepare  train  evaluate  generate ' ] ||
    fail "$(cat pipeline.txt)"
touch runs.log # what wait_for shows
wait_for runs/config 5
scancel --batch --signal=USR1 "$(number train)"
[ "$(job_state "$(number evaluate)")" = PENDING ] || fail "evaluate did not wait"
for link in prepare train evaluate generate; do
    state $link COMPLETED
    said ./*"-$(number $link).log" 'the site is set up'
done
grep -q '^train.sbatch: queued again' "wavetrain-$(number train).log" || fail "$(cat "wavetrain-$(number train).log")"
said "wavetrain-evaluate-$(number evaluate).log" 'first-order Markov model'
[ "$(head -c 4 runs/config/voice.wav)" = RIFF ] || fail "voice.wav is no sound"
grep -qx '  *seed: 3' runs/config/run.yaml || fail "an option did not reach the training"

# A job that fails takes those behind it along; what is there of the data is kept.
export WAVETRAIN
RUN=fails bash "$jobs/pipeline.sh" config.yaml recordings -- --set train.microbatches=0 >pipeline.txt 2>kept.txt ||
    fail "pipeline.sh: exit code $?"
said kept.txt 'data/config is there already'
state train FAILED
state evaluate CANCELLED
state generate CANCELLED
code=0
RUN=refused EVALUATE_JOB='--partition=absent' bash "$jobs/pipeline.sh" config.yaml recordings \
    >pipeline.txt 2>refused.txt || code=$?
[ $code = 1 ] || fail "an absent partition: exit code $code"
said refused.txt 'pipeline.sh: evaluate could not be submitted; cancelled: '
state train CANCELLED

# A site's file that fails, a point that there is not, a data set that is there.
cat >sweep.yaml <<YAML
config: config.yaml
runs: swept
grid: {optimizer.learning_rate: [1.0e-3, 2.0e-3, 4.0e-3]}
YAML
site=$(WAVETRAIN_ENV=absent.sh sbatch --parsable --output=site.log $small "$jobs/evaluate.sbatch" runs/config)
point=$(sbatch --parsable --array=4 --output=point.log $small "$jobs/sweep.sbatch" sweep.yaml)
there=$(sbatch --parsable --output=there.log $small "$jobs/prepare.sbatch" simulate sine --out tone)
# And an array, whose last element has the array's number for its own: that one alone is queued again.
array=$("${slow[@]}" sbatch --parsable --array=1-3 --output=swept-%a.log $small "$jobs/sweep.sbatch" sweep.yaml)
wait_for swept/0003 5
scancel --batch --signal=USR1 "${array}_3"
wait_for_job "$site"
[[ $(tail -n 1 site.log) = 'evaluate.sbatch: absent.sh: could not be sourced'* ]] || fail "$(cat site.log)"
wait_for_job "$point"
[[ $(tail -n 1 point.log) = 'sweep.sbatch: not trained: sweep.yaml has 3 points (got number 4)' ]] ||
    fail "$(cat point.log)"
wait_for_job "$there"
[[ $(tail -n 1 there.log) = 'prepare.sbatch: failed: wavetrain: tone: exists already'* ]] || fail "$(cat there.log)"
for point in 1 2 3; do
    wait_for_job "${array}_$point"
    [[ $(tail -n 1 swept-$point.log) = 'sweep.sbatch: done after step 60' ]] || fail "$(cat swept-$point.log)"
    [ "$(grep -c 'sweep.sbatch: start ' swept-$point.log)" = $((point == 3 ? 2 : 1)) ] || fail "$(cat swept-$point.log)"
done
train_ok alone --set optimizer.learning_rate=4.0e-3
same_run alone swept/0003 60
"$WAVETRAIN" sweep sweep.yaml --report >report.txt 2>&1
[ "$(grep -c '^000[123] .* done ' report.txt)" = 3 ] || fail "$(cat report.txt)"

# The examples for sites, where modules and Spack are functions that only tell of themselves.
module() { echo "module $*"; }
. "$jobs/env/modules.sh" >site.txt || fail "modules.sh: exit code $?"
said site.txt 'module load gcc'
mkdir -p spack/share/spack
echo 'spack() { echo "spack $*"; }' >spack/share/spack/setup-env.sh
(SPACK_ROOT=$PWD/spack && . "$jobs/env/spack.sh") >site.txt || fail "spack.sh: exit code $?"
said site.txt 'spack load wavetrain'
