// Each test has a node of its own and waits most of its time.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
