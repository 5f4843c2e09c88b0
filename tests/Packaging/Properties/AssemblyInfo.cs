// Machines and packages are made one at a time: it is enough for this machine.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
