#!/bin/sh
# Stands for the programs of SLURM where there is none. FAKE_SLURM is its folder: `sinfo` there is what sinfo prints,
# `arguments` gets those of each sbatch. A job starts at once and is forgotten at once.
name=$(basename "$0")
case $name in
  sinfo) cat "$FAKE_SLURM/sinfo" ;;
  squeue | scancel) ;;
  scontrol)
    [ "$2" = config ] || { echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; }
    echo 'MaxArraySize            = 1001'
    echo 'AccountingStorageType   = accounting_storage/none'
    ;;
  sbatch)
    [ "$1" != --version ] || { echo 'slurm 22.05.8'; exit; }
    printf '%s\n' "$@" '' >>"$FAKE_SLURM/arguments"
    id=$$
    for argument; do
      case $argument in
        --array=*) last=${argument#--array=0-} last=${last%%%*} ;;
        --output=*) output=${argument#--output=} ;;
      esac
    done
    for i in $(seq 0 "$last"); do
      SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$i "$argument" >"${output%%\%a.log}$i.log" 2>&1 </dev/null &
    done
    echo "$id"
    ;;
esac
