using System.Diagnostics.CodeAnalysis;
using Xunit.Abstractions;

namespace Ebpf.Tests.Lab;

/// <summary>xunit's defaults, but one test after the other: probes see the whole kernel.</summary>
internal sealed class SerialOptions : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal)
    {
        ["xunit.execution.DisableParallelization"] = true,
        ["xunit.execution.SynchronousMessageReporting"] = true,
    };

    [return: MaybeNull]
    public TValue GetValue<TValue>(string name) => _values.GetValueOrDefault(name) is TValue value ? value : default;

    public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
}
