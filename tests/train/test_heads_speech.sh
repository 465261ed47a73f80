# The heads of real samples on recorded speech, as tests/heads.sh compares them, in 150 steps: out of runs of
# equal samples a mixture of logistics is not above the softmax, and a Gaussian at most 1.05 times it.
set -eu
exec bash "$SOURCE/tests/heads.sh" --steps 150 --folder "$WORK/heads"
