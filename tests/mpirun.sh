#!/bin/sh
# mpirun.sh RANKS PROGRAM ARGUMENT…: mpirun as the tests need it, on any machine: as root too, with more ranks
# than cores, and with ranks that sleep rather than spin while they wait.
ranks=$1
shift
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export WAVETRAIN_OVERSUBSCRIBE=${WAVETRAIN_OVERSUBSCRIBE-1}
export OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
export OMPI_MCA_pml=${OMPI_MCA_pml-ob1} # one node: no library of a network is opened, one of which sleeps for 0.2 s
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec mpirun -q --oversubscribe --bind-to none -n "$ranks" "$@"
