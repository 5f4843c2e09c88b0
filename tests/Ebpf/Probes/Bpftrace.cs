using System.Diagnostics;
using System.Text.Json;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// A bpftrace script as an independent observer. It attaches, says so, and is read when it is told to end.
/// </summary>
/// <remarks>
/// It ends with the command that it was given, a cat that reads until its input is closed. A signal that comes while
/// bpftrace 0.17 is not waiting for events is lost, as happens on emulated machines.
/// </remarks>
internal sealed class Bpftrace : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly List<JsonElement> _said = [];

    /// <param name="script">The script; its BEGIN is taken.</param>
    public Bpftrace(string script)
    {
        // Where tracefs is not mounted it is, for this program alone.
        _process = Shell.Start("unshare", "-m", "sh", "-c",
            "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec bpftrace -f json -c /bin/cat -e \"$1\"",
            "sh",
            "BEGIN { printf(\"ready\\n\"); } " + script);
        _errors = _process.StandardError.ReadToEndAsync();
        using var late = new Timer(_ => _process.Kill(), null, TimeSpan.FromMinutes(2), Timeout.InfiniteTimeSpan);
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains("ready", StringComparison.Ordinal))
                return;
        }
        _process.WaitForExit();
        throw new InvalidOperationException($"bpftrace: {_errors.GetAwaiter().GetResult()}");
    }

    /// <summary>Ends it; its maps can be read then.</summary>
    public void End()
    {
        _process.StandardInput.Close();
        using var late = new Timer(_ => _process.Kill(), null, TimeSpan.FromMinutes(1), Timeout.InfiniteTimeSpan);
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith('{'))
                _said.Add(JsonDocument.Parse(line).RootElement.GetProperty("data"));
        }
        _process.WaitForExit();
        _process.ExitCode.ShouldBe(0, $"bpftrace: {_errors.GetAwaiter().GetResult()}");
    }

    /// <summary>A number; 0 when the map was never written.</summary>
    public long Number(string map) => Find(map) is { ValueKind: JsonValueKind.Number } value ? value.GetInt64() : 0;

    /// <summary>The numbers of a map by their keys.</summary>
    public Dictionary<string, long> Numbers(string map) => Find(map) is { ValueKind: JsonValueKind.Object } values
        ? values.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64())
        : [];

    /// <summary>Of a hist(): how many were below a power of two.</summary>
    public long Below(string map, long bound) => Find(map) is { ValueKind: JsonValueKind.Array } buckets
        ? buckets.EnumerateArray().Where(b => b.GetProperty("max").GetInt64() < bound)
            .Sum(b => b.GetProperty("count").GetInt64())
        : 0;

    private JsonElement? Find(string map)
    {
        foreach (var data in _said)
        {
            if (data.TryGetProperty(map, out var value))
                return value;
        }
        return null;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
