// Each test has a node with a container runtime: one at a time is enough for the machine.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
