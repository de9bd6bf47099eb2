"""The chains of the engine benchmark in Nipype: nipype_chains.py NODES WORK_DIR Linear|MultiProc POLL_SECONDS.

Prints the seconds of `run` alone as JSON; whoever starts it measures the rest.
"""
import json
import sys
import time

from nipype import Function, Node, Workflow, config, logging

WIDTH = 10
FIRST = 1_000_000


def add_one(x):
    return x + 1


def main():
    nodes, work_dir, plugin, poll = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    config.update_config(
        {
            "execution": {"poll_sleep_duration": poll, "stop_on_first_crash": True, "check_version": False},
            "logging": {"workflow_level": "ERROR", "interface_level": "ERROR"},
        }
    )
    logging.update_logging(config)
    workflow = Workflow("chains", base_dir=work_dir)
    before = [None] * WIDTH
    for index in range(nodes):
        chain, row = index % WIDTH, index // WIDTH
        node = Node(Function(["x"], ["y"], add_one), name=f"r{row}c{chain}")
        if before[chain] is None:
            node.inputs.x = chain * FIRST
            workflow.add_nodes([node])
        else:
            workflow.connect(before[chain], "y", node, "x")
        before[chain] = node
    started = time.perf_counter()
    workflow.run(plugin=plugin, plugin_args={"n_procs": 2} if plugin == "MultiProc" else {})
    print(json.dumps({"run_s": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
