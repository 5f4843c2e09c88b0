// Probes see the whole kernel: what one test causes, another would count.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
