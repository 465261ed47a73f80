# Training under srun, on two nodes and on three: the same metrics, parameters and moments as on one rank
# without SLURM.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
resumed two 2 4
said two.log 'machine   wt1'
resumed three 3 3
