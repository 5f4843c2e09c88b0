using Backends.Tests;

// The tests' own other end: `dotnet Backends.Tests.dll backend|agent ...`, a process of its own, that can be killed.
return args switch
{
    ["backend", var port, var file] => await KillableBackend.RunAsync(int.Parse(port), file),
    ["agent", var kind, var port, var spool, var first] =>
        await KillableAgent.RunAsync(kind, int.Parse(port), spool, int.Parse(first)),
    _ => 2,
};
