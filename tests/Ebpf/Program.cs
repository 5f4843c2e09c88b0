using System.Globalization;
using System.Reflection;
using System.Runtime;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;
using Xunit.Abstractions;
using Xunit.Sdk;

// `dotnet Ebpf.Tests.dll [WORD...]` runs the tests whose full name contains a WORD, all without one, in this process, with
// NETLENS_LAB_PART=1/2 or 2/2 those of every second class, and ends with "N passed, N failed, N skipped". `dotnet test`
// starts three processes for the same tests, which an emulated machine takes a minute for (tests/Kernels/README.md has
// the figures).
var assembly = Assembly.GetExecutingAssembly();
using var progress = new Progress(Console.Out);
using var framework = new XunitTestFramework(progress);
var options = new SerialOptions();

using var discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
using var found = new DiscoveredTests();
discoverer.Find(includeSourceInformation: false, found, options);
found.Finished.WaitOne();

var chosen = LabMachine.PartOf(found.Cases, static c => c.TestMethod.TestClass.Class.Name)
    .Where(c => args.Length == 0 || args.Any(word =>
        $"{c.TestMethod.TestClass.Class.Name}.{c.TestMethod.Method.Name}"
            .Contains(word, StringComparison.OrdinalIgnoreCase)));
using var executor = framework.GetExecutor(assembly.GetName());
// What cannot be undone comes last: xunit has an order of its own.
foreach (var turn in chosen.ToLookup(c => c.TestMethod.TestClass.Class.Name == typeof(LockdownTests).FullName)
    .OrderBy(t => t.Key))
{
    executor.RunTests(turn, progress, options);
    progress.Finished.WaitOne();
}
progress.Count();
// What compiling ahead (tests/Kernels/run-tests) did not save.
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"compiled while running: {JitInfo.GetCompiledMethodCount()} methods, {JitInfo.GetCompilationTime().TotalSeconds:0.0} s"));
return progress.Succeeded ? 0 : 1;
